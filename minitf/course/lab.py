"""The reader's copies of the chapters, and JupyterLab on them.

    python -m minitf.course.lab                    `make lab`: copy the chapters to work/chapters, start JupyterLab with the first
    python -m minitf.course.lab --copy-only        only copy

What the reader changed is never overwritten.  We remember, by hash, what we copied: a copy that is still that is replaced by a newer
chapter.  Any other is the reader's (to open and save a notebook is enough), and the newer chapter is put beside it, as NN_name.new.ipynb.
"""
import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST = "01_ops.ipynb"
MEMORY = ".copied.json"                                 # in the reader's folder: relative path -> hash of what was copied there
SECONDS = 60                                            # for JupyterLab to answer


def digest(data):
    return hashlib.sha256(data).hexdigest()


def files_of(chapters):
    """What the reader gets, as relative paths: the notebooks, and the folders that they use."""
    return [path.relative_to(chapters) for pattern in ("[0-9][0-9]_*.ipynb", "built/*.py", "pictures/**/*")
            for path in sorted(chapters.glob(pattern)) if path.is_file()]


def copy_chapters(chapters, folder):
    """Bring the copies in `folder` up to date.  Returns the lines to tell the reader: what was kept of theirs beside a newer chapter."""
    memory = _read_memory(folder)
    told = []
    for name in files_of(chapters):
        data = (chapters / name).read_bytes()
        if _place(data, folder, name, memory):
            continue
        if memory.get(str(name)) == digest(data):       # it was offered already, or the chapter has not changed since
            continue
        newer = _beside(data, folder, name, memory)
        memory[str(name)] = digest(data)
        told.append(f"{name}: you changed your copy, and the chapter changed too. Yours is kept; the new one is {newer}")
    _write(folder / MEMORY, json.dumps(memory, indent=1, sort_keys=True).encode())
    return told


def _place(data, folder, name, memory):
    """Write a copy unless the reader's own stands there; returns whether `data` is there now."""
    path, now = folder / name, None
    with contextlib.suppress(FileNotFoundError):
        now = path.read_bytes()
    if now is not None and now != data and digest(now) != memory.get(str(name)):
        return False
    if now != data:
        _write(path, data)
    memory[str(name)] = digest(data)
    return True


def _beside(data, folder, name, memory):
    """Write `data` as name.new.ipynb, or name.new2.ipynb where the reader has changed that too; returns the name."""
    number = 1
    while True:
        newer = name.with_name(f"{name.stem}.new{number if number > 1 else ''}{name.suffix}")
        if _place(data, folder, newer, memory):
            return newer
        number += 1


def _write(path, data):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_bytes(data)
    os.replace(scratch, path)


def _read_memory(folder):
    """What was copied; nothing if that was lost: then every file that differs counts as the reader's."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        memory = json.loads((folder / MEMORY).read_text(encoding="utf-8"))
        return memory if isinstance(memory, dict) else {}
    return {}


# ---- JupyterLab -----------------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def settings_folder(work):
    """Settings for this JupyterLab alone: no pop-up that asks about announcements, no tabs of the reader's other projects."""
    folder = work / ".jupyter"
    _write(folder / "labconfig" / "page_config.json",
           json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}, indent=1).encode())
    return folder


def trust(folder, data):
    """Sign the copies that are as they were copied, so that JupyterLab shows their stored pictures before they are run.

    It shows no SVG and no HTML of a notebook that it does not know: they could hold scripts.  The reader's own files are not signed.
    data: the folder of the signatures, which the server must use too.
    """
    from nbformat import read
    from nbformat.sign import NotebookNotary
    data.mkdir(parents=True, exist_ok=True)
    notary, memory = NotebookNotary(data_dir=str(data)), _read_memory(folder)
    for path in sorted(folder.glob("*.ipynb")):
        if memory.get(path.name) == digest(path.read_bytes()):
            with contextlib.suppress(ValueError):                     # no notebook: JupyterLab will say so
                notary.sign(read(path, as_version=4))
    notary.store.close()


def log_of(folder):
    """Where JupyterLab writes what it does."""
    return folder.parent / ".jupyter" / "lab.log"


def start(folder, first, port=None, browser=False):
    """Start JupyterLab on a folder; returns (its process, its address).  RuntimeError if it does not come up; its log says why."""
    port, token = port or free_port(), secrets.token_hex(16)
    settings = settings_folder(folder.parent)
    trust(folder, settings / "data")
    earlier = os.environ.get("JUPYTER_CONFIG_PATH")
    environment = dict(os.environ, JUPYTER_TOKEN=token, JUPYTERLAB_WORKSPACES_DIR=str(settings / "workspaces"),
                       JUPYTER_DATA_DIR=str(settings / "data"),
                       JUPYTER_CONFIG_PATH=os.pathsep.join([str(settings)] + ([earlier] if earlier else [])))
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{first}"]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if os.geteuid() == 0 else []     # as in a container; only this machine can reach it, with the token
    # A session of its own: Ctrl-C comes to us alone, who end it; by itself it would ask whether it is meant.
    with log_of(folder).open("w") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(process, f"http://127.0.0.1:{port}/api/status?token={token}")
    except BaseException:
        end(process)
        raise
    return process, f"http://127.0.0.1:{port}/lab/tree/{first}?token={token}"


def _wait_for(process, address):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with status {process.returncode}")
        with contextlib.suppress(OSError):              # an HTTPError too: another server, which does not know our token
            urllib.request.urlopen(address, timeout=1).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not answer within {SECONDS} seconds")


def end(process):
    """End JupyterLab and the kernels that it started."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def has_display():
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _stop(signal_number, frame):
    raise KeyboardInterrupt


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m minitf.course.lab",
                                     description="Copy the chapters for reading, and open them in JupyterLab.")
    parser.add_argument("--copy-only", action="store_true", help="do not start JupyterLab")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--port", type=int, help="a free one otherwise")
    parser.add_argument("--chapters", type=Path, default=ROOT / "chapters", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=ROOT / "work" / "chapters", help="where the copies go (work/chapters)")
    given = parser.parse_args(arguments)
    folder = given.folder.resolve()
    if not files_of(given.chapters):
        print(f"There is no notebook in {given.chapters}: make notebooks", file=sys.stderr)
        return 1
    for line in copy_chapters(given.chapters, folder):
        print(line)
    if given.copy_only:
        return 0
    if importlib.util.find_spec("jupyterlab") is None:
        print(f"The chapters are in {folder}. JupyterLab, to read them in, is not installed: make extra-course", file=sys.stderr)
        return 1
    first = FIRST if (folder / FIRST).exists() else next(p.name for p in sorted(folder.glob("*.ipynb")))
    for number in (signal.SIGTERM, signal.SIGHUP):      # a closed terminal ends it as Ctrl-C does
        signal.signal(number, _stop)
    signal.signal(signal.SIGINT, _stop)
    process = None
    try:
        process, address = start(folder, first, given.port, browser=has_display() and not given.no_browser)
        print(f"JupyterLab runs with your copies of the chapters, {folder}. Ctrl-C ends it.\n\n    {address}\n", flush=True)
        return process.wait()
    except KeyboardInterrupt:
        print("\nJupyterLab ends; your copies stay." if process else "", flush=True)
        return 0
    except RuntimeError as error:
        end_of_log = log_of(folder).read_text(errors="replace").splitlines()[-8:]
        print(f"{error}. The end of {log_of(folder)}:", *end_of_log, sep="\n    ", file=sys.stderr)
        return 1
    finally:
        if process and process.poll() is None:
            end(process)


if __name__ == "__main__":
    sys.exit(main())
