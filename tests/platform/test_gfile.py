"""tf.gfile against the file system itself."""
import os

import pytest

from minitf.core import errors
from minitf.platform import gfile


def test_text_and_bytes_round_trip(tmp_path):
    path = str(tmp_path / "f")
    with gfile.GFile(path, "w") as f:
        f.write("erste Zeile: ä\n")
        f.write(b"second\r\n")
        f.write("third")
    with gfile.Open(path) as f:
        assert f.readline() == "erste Zeile: ä\n"
        assert f.readlines() == ["second\r\n", "third"] and f.readline() == ""
        f.seek(0)
        assert f.read(6) == "erste " and f.tell() == 6
        f.seek(-5, 2)
        assert f.read() == "third"
        f.seek(position=1)
        assert next(f) == "rste Zeile: ä\n" and list(f) == ["second\r\n", "third"]
        assert f.size() == os.path.getsize(path) == 29
        assert (f.name, f.mode) == (path, "r")
    with gfile.FastGFile(path, "rb") as f:
        assert f.read() == "erste Zeile: ä\nsecond\r\nthird".encode()
    with gfile.GFile(path, "a") as f:
        f.write("!")
        f.flush()
        assert gfile.Stat(path).length == 30
    with gfile.GFile(path, "r+") as f:
        f.write("E")
        assert f.read(4) == "rste"


def test_closing_makes_the_file_and_twice_is_once(tmp_path):
    f = gfile.GFile(str(tmp_path / "f"), "w")
    assert not gfile.Exists(str(tmp_path / "f"))
    f.close()
    f.close()
    assert gfile.Exists(str(tmp_path / "f")) and gfile.Stat(str(tmp_path / "f")) == (0, gfile.Stat(str(tmp_path / "f")).mtime_nsec, False)


def test_wrong_modes(tmp_path):
    path = str(tmp_path / "f")
    with gfile.GFile(path, "w") as f:
        f.write("x")
        with pytest.raises(errors.PermissionDeniedError, match="isn't open for reading"):
            f.read()
    with pytest.raises(errors.PermissionDeniedError, match="isn't open for writing"):
        gfile.GFile(path).write("y")
    with pytest.raises(ValueError, match="mode is 'x'"):
        gfile.GFile(path, "x")


def test_folders(tmp_path):
    a = str(tmp_path / "a")
    gfile.MkDir(a)
    gfile.MkDir(a)
    with pytest.raises(errors.NotFoundError):
        gfile.MkDir(str(tmp_path / "x" / "y"))
    gfile.MakeDirs(a + "/b/c")
    gfile.MakeDirs(a + "/b/c")
    for name in ("f1", "f2", "b/g1"):
        gfile.GFile(f"{a}/{name}", "w").close()
    with pytest.raises(errors.AlreadyExistsError, match="f1; File exists"):
        gfile.MkDir(a + "/f1")
    with pytest.raises(errors.FailedPreconditionError, match="f1; Not a directory"):
        gfile.MakeDirs(a + "/f1")
    assert gfile.IsDirectory(a) and not gfile.IsDirectory(a + "/f1") and not gfile.IsDirectory(a + "/none")
    assert gfile.ListDirectory(a) == ["b", "f1", "f2"]
    assert gfile.Glob(a + "/f*") == [a + "/f1", a + "/f2"] == gfile.Glob([a + "/f2", a + "/f?"])
    assert [(d, sorted(n), sorted(f)) for d, n, f in gfile.Walk(a)] == [(a, ["b"], ["f1", "f2"]), (a + "/b", ["c"], ["g1"]), (a + "/b/c", [], [])]
    assert [d for d, _, _ in gfile.Walk(a, in_order=False)] == [a + "/b/c", a + "/b", a]
    with pytest.raises(errors.FailedPreconditionError):
        gfile.Remove(a)
    gfile.Remove(a + "/f1")
    gfile.DeleteRecursively(a)
    assert not gfile.Exists(a)
    for wrong in (gfile.Remove, gfile.DeleteRecursively, gfile.ListDirectory, gfile.Stat, lambda p: gfile.GFile(p).read()):
        with pytest.raises(errors.NotFoundError, match=a):
            wrong(a)


def test_a_link_is_removed_and_not_what_it_points_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "kept").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    gfile.DeleteRecursively(str(tmp_path / "link"))
    assert (tmp_path / "real" / "kept").exists() and not (tmp_path / "link").exists()


def test_copy_and_rename(tmp_path):
    a, b, c = (str(tmp_path / n) for n in "abc")
    with gfile.GFile(a, "wb") as f:
        f.write(b"\0\xff" * 1000)
    gfile.Copy(a, b)
    for move in (gfile.Copy, gfile.Rename):
        with pytest.raises(errors.AlreadyExistsError, match=b):
            move(a, b)
        with pytest.raises(errors.NotFoundError, match=c):
            move(c, str(tmp_path / "d"))
    with pytest.raises(errors.NotFoundError, match="no/d"):
        gfile.Copy(a, str(tmp_path / "no" / "d"))
    gfile.Rename(a, c)
    gfile.Rename(c, b, overwrite=True)
    assert gfile.ListDirectory(str(tmp_path)) == ["b"] and gfile.GFile(b, "rb").read() == b"\0\xff" * 1000


def test_paths_that_can_not_be(tmp_path):
    with pytest.raises(errors.InvalidArgumentError, match="null"):
        gfile.GFile("a\0b").read()
    with pytest.raises(errors.InvalidArgumentError, match="too long"):
        gfile.MkDir(str(tmp_path / ("x" * 300)))
    with pytest.raises(AttributeError, match="nearest names are .*Exists"):
        gfile.exists
