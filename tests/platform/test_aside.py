"""A file written aside is the old one or the new one, whatever stops the writer."""
import errno
import os
import random
import resource
import signal
import time

import numpy as np
import pytest

from minitf.core import errors
from minitf.platform.aside import written_aside
from minitf.platform.checkpoint_file import CheckpointFile, write_checkpoint


def test_an_exception_leaves_the_old_one(tmp_path):
    path = tmp_path / "f"
    with written_aside(str(path)) as f:
        f.write(b"old")
    with pytest.raises(KeyError):
        with written_aside(str(path)) as f:
            f.write(b"new")
            raise KeyError
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["f"]
    with written_aside(str(path)) as f:
        f.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["f"]


def test_the_bytes_are_on_disk_before_the_name_and_the_name_before_it_returns(tmp_path, monkeypatch):
    happened = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (happened.append("folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "file"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (happened.append("rename"), replace(a, b)))
    with written_aside(str(tmp_path / "f")) as f:
        f.write(b"x")
        assert happened == []
    assert happened == ["file", "rename", "folder"]


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with written_aside("f") as f:
        f.write(b"x")
    assert os.listdir(".") == ["f"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(errors.NotFoundError, match="no/f; No such file or directory"):
        with written_aside(str(tmp_path / "no" / "f")):
            pass


def writer(path, pipe):
    """A process that writes checkpoint after checkpoint, and tells the number of each when it is there."""
    child = os.fork()
    if child:
        return child
    try:
        for n in range(1, 1_000_000):
            write_checkpoint(path, [("n", np.int64(n), None), ("w", np.full(100_000, n, np.float32), None)])
            os.write(pipe, b"%d\n" % n)
    finally:
        os._exit(1)


def test_killed_at_any_moment_the_last_good_one_is_readable(tmp_path):
    path, chance = str(tmp_path / "c"), random.Random(0)
    for attempt in range(40):
        read, write = os.pipe()
        child = writer(path, write)
        os.close(write)
        with open(read) as pipe:
            told = int(pipe.readline())                       # the first is complete, and the next has begun
            time.sleep(chance.random() * 0.01)                # any moment within a few writes
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told = max([told, *map(int, pipe.read().split())])
        with CheckpointFile(path) as file:
            n = int(file.read("n"))
            assert n in (told, told + 1) and (file.read("w") == n).all() and file.entries["w"].shape == (100_000,)
        assert len(os.listdir(tmp_path)) <= 2, "what an earlier writer left behind was not removed"
    write_checkpoint(path, [("n", np.int64(0), None)])
    assert os.listdir(tmp_path) == ["c"]


def test_stopped_at_every_write_the_old_one_is_readable(tmp_path, monkeypatch):
    """The process is gone at every single call to the system, seen from the file system: nothing after it happens, no clean-up either."""
    path = str(tmp_path / "c")
    write_checkpoint(path, [("n", np.int64(1), None)])
    for stop in range(1, 50):
        child = os.fork()
        if child == 0:
            calls = [0]

            def counted(call):
                def wrapper(*args):
                    calls[0] += 1
                    if calls[0] == stop:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*args)
                return wrapper
            os.fsync, os.replace, os.close = counted(os.fsync), counted(os.replace), counted(os.close)
            write_checkpoint(path, [("n", np.int64(2), None)])
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        with CheckpointFile(path) as file:
            assert int(file.read("n")) == (1 if stop <= 2 else 2)
        if status == 0:
            break
        write_checkpoint(path, [("n", np.int64(1), None)])
    assert stop == 5


def test_a_full_disk(tmp_path):
    """A limit on file sizes stands for it: the writer is refused in the middle."""
    path = str(tmp_path / "model")
    write_checkpoint(path, [("w", np.zeros(10, np.float32), None)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (0, 1, 63, 1000, 4096, 399_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        try:
            with pytest.raises(errors.ResourceExhaustedError, match=f"{path}; File too large"):
                write_checkpoint(path, [("w", np.ones(100_000, np.float32), None)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert os.listdir(tmp_path) == ["model"] and CheckpointFile(path).read("w").tolist() == [0] * 10


def test_no_space_when_it_is_put_on_disk(tmp_path, monkeypatch):
    path = str(tmp_path / "model")
    write_checkpoint(path, [("w", np.zeros(10, np.float32), None)])

    def full(fd):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(errors.ResourceExhaustedError, match=f"{path}; No space left on device"):
        write_checkpoint(path, [("w", np.ones(10, np.float32), None)])
    assert os.listdir(tmp_path) == ["model"] and CheckpointFile(path).read("w").tolist() == [0] * 10
