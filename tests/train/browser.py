"""A Chromium without a window that a test can ask.

It speaks the Chrome DevTools Protocol over a pair of pipes: messages of JSON that end with a zero byte.
"""
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
LONG = 60                     # seconds that only a test which fails waits

# The first element of that name anywhere below `root`, in the shadow trees too.
FIND = """function find(root, name) {
    for (const e of root.querySelectorAll('*')) {
        const found = e.localName === name ? e : e.shadowRoot && find(e.shadowRoot, name);
        if (found) return found;
    }
    return null;
}"""


class Page:
    """with Page(address, folder) as page: page.ask("document.title").  folder: where the browser keeps its profile."""

    def __init__(self, address, folder):
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        self._rest, self._number, self._session = b"", 0, None
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs_in, theirs_out)]       # not 3 or 4 themselves

        def connect():                                   # the browser reads from 3 and writes to 4
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = [BROWSER, *FLAGS, f"--user-data-dir={folder}", "--window-size=1400,900", "--remote-debugging-pipe", "about:blank"]
        self._process = subprocess.Popen(command, preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (theirs_in, theirs_out, *high):
            os.close(fd)
        page = next(t for t in self._call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        self._call("Page.navigate", url=address)

    def ask(self, expression):
        """The value of a JavaScript expression in the page, through JSON; find(root, name) is defined."""
        reply = self._call("Runtime.evaluate", expression=f"{FIND}\n({expression})", awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in reply:
            raise AssertionError(f"{expression}: {reply['exceptionDetails']}")
        return reply["result"].get("value")

    def wait_for(self, expression):
        """Ask again until the answer is true; AssertionError with the last one when that takes too long."""
        end = time.monotonic() + LONG
        while True:
            value = self.ask(expression)
            if value:
                return value
            assert time.monotonic() < end, f"After {LONG} s the page still answers {value!r} to {expression}"
            select.select([], [], [], 0.1)

    def _call(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, **({"sessionId": self._session} if self._session else {})}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + LONG
        while True:
            reply, found, rest = self._rest.partition(b"\0")
            if not found:
                ready, _, _ = select.select([self._in], [], [], max(end - time.monotonic(), 0))
                assert ready, f"The browser did not answer {method} within {LONG} s"
                data = os.read(self._in, 1 << 16)
                assert data, f"The browser ended before it answered {method}"
                self._rest += data
                continue
            self._rest, reply = rest, json.loads(reply)
            if reply.get("id") == self._number:
                assert "error" not in reply, reply
                return reply["result"]

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._session = None
        try:
            if self._process.poll() is None:
                self._call("Browser.close")
                self._process.wait(LONG)
        finally:
            self._process.kill()
            self._process.wait(LONG)
            os.close(self._in)
            os.close(self._out)
