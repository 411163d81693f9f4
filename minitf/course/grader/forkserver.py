"""Fork server: a process that has imported minitf, and forks one child for each submission.

Starting Python and importing minitf takes most of a second, a fork some milliseconds; thirty submissions of twenty-four tasks
are 720 processes.  Submissions run in the children only, and the server never sees what they do.

    python -m minitf.course.grader.forkserver FD      FD: a Unix socket on which requests come

    {"spawn": request} with two file descriptors (channel, output) -> {"pid": ...}
    {"reap": pid, "patience": seconds} -> {"status": ...}     ends the child, if it does not end by itself, and everything it started
"""
import json
import os
import signal
import socket
import sys
import time
import traceback

from .channel import Closed


def serve(fd):
    from .sandbox import adopt_orphans, die_with_parent
    die_with_parent()
    adopt_orphans()
    signal.signal(signal.SIGINT, signal.SIG_IGN)                     # the grader decides when to stop
    import minitf                                                      # noqa: F401  (what takes long, done once)
    from . import child
    _preload()
    server = socket.socket(fileno=fd)
    alive = set()
    while True:
        data, fds, _, _ = socket.recv_fds(server, 1 << 20, 2)
        if not data:
            return
        size, _, data = data.partition(b"\n")
        while len(data) < int(size):
            data += server.recv(1 << 20)
        message = json.loads(data)
        if "spawn" in message:
            pid = os.fork()
            if pid == 0:
                _child(child, server, fds, message["spawn"])
            for f in fds:
                os.close(f)
            alive.add(pid)
            answer = {"pid": pid}
        else:
            answer = {"status": _reap(message["reap"], message["patience"])}
            alive.discard(message["reap"])
            _end_orphans(alive)
        server.sendall(json.dumps(answer).encode() + b"\n")


def _preload():
    """Import what the package imports late, as far as it is there: a submission's process may not open every file any more."""
    import importlib
    import pkgutil
    import minitf
    for module in pkgutil.walk_packages(minitf.__path__, "minitf."):
        if not module.name.startswith(("minitf.course", "minitf.doctor", "minitf.run", "minitf.datasets.__main__")):
            try:
                importlib.import_module(module.name)
            except ImportError:
                pass
    import numpy.random, numpy.linalg, scipy.linalg, tempfile, inspect      # noqa: F401, E401


def _child(child, server, fds, request):
    """The child's life.  It never returns."""
    status = 1
    try:
        from .sandbox import die_with_parent
        die_with_parent()
        server.close()
        os.setsid()
        channel, output = fds
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        child.main(channel, request)
        status = 0
    except Closed:                                                     # nobody listens any more: the usual end
        pass
    except BaseException:                                              # the sandbox could not be set up, say: it goes where prints go
        traceback.print_exc()
    finally:
        os._exit(status)


def _reap(pid, patience):
    """End a child with all of its session; its wait status, or None if it was gone already.

    patience: seconds that it has to end by itself, with a status worth telling.
    """
    status = None
    deadline = time.monotonic() + patience
    while status is None and time.monotonic() < deadline:
        try:
            found, value = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            break
        status = value if found else None
        if status is None:
            time.sleep(0.002)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if status is None:
        try:
            status = os.waitpid(pid, 0)[1]
        except ChildProcessError:
            pass
    return status


def _end_orphans(alive):
    """End what a submission started in a session of its own: its parent has ended, so it is a child of this process now (Linux)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as f:
            children = set(map(int, f.read().split()))
    except OSError:
        return
    for pid in children - alive:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except OSError:
            pass


if __name__ == "__main__":
    try:
        serve(int(sys.argv[1]))
    except ConnectionError:                                            # the grader has gone in the middle of a request
        pass
