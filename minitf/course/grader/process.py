"""Process: the grader's side of a submission.  It starts the process, sends drivers, and waits no longer than it must.

Contract.  One submission is served by one thread at a time, and each has a process and a folder of its own.  Whatever happens in
that process, run() ends within the task's time, with plain data or with one of the exceptions below.  After close() nothing of it is left.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from ..task import PropertyBroken, source_of
from .channel import Channel, Closed, TooLate

DISK = 64 << 20               # bytes in the folder of a submission
OUTPUT = 2000                 # characters of what it printed that are kept
PACKAGE = Path(__file__).resolve().parent.parent.parent
ROOT = PACKAGE.parent
HIDDEN = [ROOT / "solutions", ROOT / "tests", PACKAGE / "course" / "tasks"]


class Failed(Exception):
    """The reader's code raised an error.  kinds: the names of its class and that class's bases."""

    def __init__(self, kinds, text, where):
        super().__init__(f"{kinds[0]}: {text}" + (f", at {where}" if where else ""))
        self.kinds, self.text = kinds, text


class Died(Exception):
    """The process of the submission ended."""


class OutOfTime(Exception):
    """The submission used up its time."""


class ForkServer:
    """A running minitf.course.grader.forkserver.  It ends with close(), or with this process."""

    def __init__(self):
        mine, theirs = socket.socketpair()
        env = dict(os.environ, MINITF_SWAP="", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT)] + [p for p in [os.environ.get("PYTHONPATH")] if p])
        self._process = subprocess.Popen([sys.executable, "-m", "minitf.course.grader.forkserver", str(theirs.fileno())],
                                         pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=env)
        theirs.close()
        self._socket, self._lock = mine, threading.Lock()

    def _ask(self, message, fds=()):
        with self._lock:
            data = json.dumps(message).encode()
            socket.send_fds(self._socket, [b"%d\n" % len(data)], fds)
            self._socket.sendall(data)
            answer = b""
            while not answer.endswith(b"\n"):
                more = self._socket.recv(4096)
                if not more:
                    raise RuntimeError(f"the fork server of the grader ended with status {self._process.wait(5)}")
                answer += more
            return json.loads(answer)

    def spawn(self, request, channel, output):
        return self._ask({"spawn": request}, [channel, output])["pid"]

    def reap(self, pid, patience=0.0):
        return self._ask({"reap": pid, "patience": patience})["status"]

    def close(self):
        """End it; on Linux the submissions that still run end with it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)                   # a thread may be waiting for an answer
        self._socket.close()
        self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class Submission:
    """A reader's file in a process.  Calling it runs a driver there; see minitf.course.task."""

    def __init__(self, server, task, text, shared_object=None, hidden=()):
        """text: the file's; shared_object: what it was compiled to, for Cython and CUDA C; hidden: more folders that it may not read."""
        self._server, self._task, self._text, self._shared_object = server, task, text, shared_object
        self._hidden = [str(p) for p in (*HIDDEN, *hidden, *_source_of(task.replaces))]
        self._folder = tempfile.mkdtemp(prefix="minitf-grade-")
        self._channel = self._pid = self._drain = None
        self._deadline = None
        self._cpu = task.seconds
        self.called = 0

    # ---- for checks ---------------------------------------------------------------------------------------------------------

    def __call__(self, driver, *args):
        """What driver(mine, *args) returns in the submission's process.  Failed, Died or OutOfTime if it does not return."""
        self.called += 1
        answer = self._exchange({"driver": source_of(driver), "name": driver.__name__, "args": list(args)})
        if "error" in answer:
            raise _failed(answer["error"], self._task.replaces)
        return answer.get("result")

    def error(self, driver, *args):
        """(class names of the error and its bases, its text) that driver(mine, *args) must raise; PropertyBroken if it returns."""
        try:
            self(driver, *args)
        except Failed as failed:
            if failed.kinds[0] in ("NotImplementedError", "SyntaxError"):
                raise
            return failed.kinds, failed.text
        raise PropertyBroken("an error should have been raised, and none was")

    def killed(self, driver, *args):
        """Run a driver in the middle of which the process ends.  The next driver gets a new process in the same folder.

        Returns what the driver returns if the process lives to the end of it, else None.
        """
        try:
            return self(driver, *args)
        except Died:
            return None

    # ---- the process --------------------------------------------------------------------------------------------------------

    def _exchange(self, message):
        if self._deadline is None:
            self._deadline = time.monotonic() + 3 * self._task.seconds       # the machine may be busy with others; processor time is bound too
        if self._channel is None:
            self._start()
        try:
            self._channel.send(message)
            answer = self._channel.receive(self._deadline, self._look_at_disk)
            if not isinstance(answer, dict) or not {"result", "error", "loaded"} & set(answer):
                raise Closed()
            return answer
        except TooLate:
            self._stop()
            raise OutOfTime(f"it did not end within {3 * self._task.seconds} s") from None
        except Closed:
            raise self._death() from None

    def _start(self):
        task = self._task
        mine, theirs = socket.socketpair()
        reading, writing = os.pipe()
        request = dict(folder=self._folder, label=f"exercises/{task.file}", module=Path(self._shared_object or task.file).name.partition(".")[0], text=self._text,
                       function=task.function,
                       replaces=task.replaces, lends=task.lends, shared_object=self._shared_object, hidden=self._hidden, seconds=self._cpu)
        self._pid = self._server.spawn(request, theirs.fileno(), writing)
        theirs.close()
        os.close(writing)
        fd = mine.detach()
        self._channel = Channel(fd, fd)
        self._drain = _Drain(reading)
        try:
            answer = self._channel.receive(self._deadline, self._look_at_disk)
        except TooLate:
            self._stop()
            raise OutOfTime(f"loading the file did not end within {3 * task.seconds} s") from None
        except Closed:
            raise self._death() from None
        if isinstance(answer, dict) and "error" in answer:
            self._stop()
            raise _failed(answer["error"], self._task.replaces)

    def _death(self):
        status = self._stop(patience=1.0)
        if status is None:
            return Died("its process is gone")
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return OutOfTime(f"it used {self._cpu} s of processor time")
            return Died(f"its process was ended by {signal.Signals(number).name} ({signal.strsignal(number)})")
        return Died(f"its process ended with status {os.waitstatus_to_exitcode(status)}")

    def _look_at_disk(self):
        if _bytes_in(self._folder) > DISK:
            self._stop()
            raise Died(f"it wrote more than {DISK >> 20} MB")

    def _stop(self, patience=0.0):
        """End the process; its wait status."""
        if self._channel is None:
            return None
        channel, self._channel = self._channel, None
        channel.close()
        status = self._server.reap(self._pid, patience)
        self._drain.finish()
        return status

    def end(self):
        """End the process; returns the end of what it printed."""
        self._stop(patience=1.0)
        return self._drain.text() if self._drain else ""

    def close(self):
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class _Drain(threading.Thread):
    """Reads what a submission prints, so that it never blocks, and keeps the end of it."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self._fd, self._kept, self.total = fd, b"", 0
        self.start()

    def run(self):
        while data := os.read(self._fd, 1 << 16):
            self.total += len(data)
            self._kept = (self._kept + data)[-OUTPUT:]
        os.close(self._fd)

    def finish(self):
        self.join(2)

    def text(self):
        return self._kept.decode(errors="replace")


def _failed(error, replaces):
    kinds, text, where = error.get("kinds") or ["Exception"], str(error.get("text", "")), str(error.get("where", ""))
    if kinds[0] == "RecursionError" and replaces:
        text += f" (does this call {replaces.rpartition('.')[2]} of the package? Your function stands in its place now, so it would call itself)"
    return Failed([str(k) for k in kinds], text, where)


def _bytes_in(folder):
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size + 4096
            except OSError:
                pass
    return total


def _source_of(replaces):
    """[The file in which the replaced function of the package stands], which a submission has no business to read."""
    if not replaces or replaces.startswith("kernel "):
        return []
    if replaces.startswith("cuda "):
        return [PACKAGE / "kernels" / "gpu" / replaces.split()[1]]
    parts = replaces.split(".")
    for k in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:k]).with_suffix(".py")
        if path.exists():
            return [path]
    raise ValueError(f"{replaces}: no such module in the package")
