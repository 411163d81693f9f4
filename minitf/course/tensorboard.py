"""TensorBoard: one that a notebook asks, on a port of its own of this machine only, and that ends with the block.

    with TensorBoard(logs) as board:
        board.tags("scalars")
        board.points("validation/loss")
"""
import collections
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

PLUGINS = "scalars", "histograms", "images"
LINES = 8                     # of what it said that an error tells


class TensorBoard:
    """A TensorBoard over a folder of event files.  It has read all of them when the block begins, and looks no second time."""

    def __init__(self, logs, seconds=60):
        """logs: the folder; seconds: the most that it may take to start, and for each answer."""
        self._logs, self._seconds = os.fspath(logs), seconds
        self._process = self._reader = None

    def __enter__(self):
        """FileNotFoundError without the folder, ImportError without the package, RuntimeError with what it said if it does not start."""
        if not os.path.isdir(self._logs):
            raise FileNotFoundError(f"There is no folder {self._logs} for TensorBoard to read")
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError("The package tensorboard is not installed: make extra-board")
        self._process = subprocess.Popen(_command(self._logs), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                         errors="replace")
        self._said, self._address, self._known = collections.deque(maxlen=LINES), None, threading.Event()
        self._reader = threading.Thread(target=self._read, args=[self._process.stderr], daemon=True)
        self._reader.start()
        try:
            told = self._known.wait(self._seconds)
        except BaseException:
            self.close()
            raise
        if self._address is None:
            self.close()
            why = "ended" if told else f"had not started after {self._seconds} s"
            raise RuntimeError(f"TensorBoard {why}; it said:\n" + ("\n".join(self._said) or "nothing"))
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        """Stop it: nothing of it is left.  A second time does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join(10)
        if not self._reader.is_alive():
            process.stderr.close()

    def tags(self, plugin, run="."):
        """The sorted tags that a plugin ("scalars", "histograms", "images") has found in a run; the run "." is the folder itself.

        ValueError for another plugin or run.
        """
        if plugin not in PLUGINS:
            raise ValueError(f"TensorBoard is asked for the tags of {', '.join(PLUGINS)}, not of {plugin!r}")
        runs = self._ask(f"{plugin}/tags")
        if run not in runs:
            raise ValueError(f"there is no run {run!r} with {plugin}; those that have some: {', '.join(sorted(runs)) or 'none'}")
        return sorted(runs[run])

    def points(self, tag, run="."):
        """[(step, value)] of a scalar.  ValueError if the run has no such tag."""
        known = self.tags("scalars", run)
        if tag not in known:
            raise ValueError(f"there is no scalar {tag!r}; there are {', '.join(known)}")
        return [(step, value) for _, step, value in self._ask("scalars/scalars?" + urllib.parse.urlencode({"run": run, "tag": tag}))]

    # ---- its process --------------------------------------------------------------------------------------------------------

    def _read(self, stderr):
        """Keep the last lines that it says, and the address once it tells that."""
        for line in stderr:
            self._said.append(line.rstrip())
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            if found and self._address is None:
                self._address = found[0]
                self._known.set()
        self._known.set()                                             # it has closed its end

    def _ask(self, question):
        if self._process is None:
            raise RuntimeError("this TensorBoard is not running: ask it inside the block")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))      # a proxy would look on its own machine
        try:
            with opener.open(f"{self._address}data/plugin/{question}", timeout=self._seconds) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            raise RuntimeError(f"TensorBoard did not answer {question}: {error}") from None


def _command(logs):
    """Port 0: the system gives one that is free.  Blocking: it serves when it has read everything, so that its first answers are whole."""
    return [sys.executable, "-m", "tensorboard.main", "--logdir", logs, "--host", "127.0.0.1", "--port", "0", "--load_fast=false",
            "--reload_task", "blocking", "--reload_interval", "0"]
