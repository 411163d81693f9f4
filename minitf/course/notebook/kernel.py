"""Runs a notebook's cells in a fresh kernel, tells how far it is, and tells its author what went wrong."""
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .cells import ChapterFailed, code_cells, place, tools
from .outputs import ANSI

SECONDS = 120                                           # for one cell


def run(script, notebook, progress):
    """Fill the notebook's outputs and counts, in a fresh kernel.  ChapterFailed if a cell fails, hangs, or kills the kernel."""
    _, _, nbclient, jupyter_client = tools()

    class ThisPython(jupyter_client.kernelspec.KernelSpecManager):
        """The interpreter that runs this, whatever kernels the machine has by that name."""
        def get_kernel_spec(self, name):
            from ipykernel.kernelspec import RESOURCES, get_kernel_dict
            return self.kernel_spec_class(resource_dir=RESOURCES, **get_kernel_dict())

    began = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as settings:
        crash = Path(settings) / "crash"                # where each thread was, if a signal ends the kernel
        crash.touch()
        client = nbclient.NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", record_timing=False, coalesce_streams=True,
            resources={"metadata": {"path": str(script.parent)}},
            extra_arguments=["--IPKernelApp.log_level=40",
                             f"--IPKernelApp.exec_lines=__import__('faulthandler').enable(open({str(crash)!r}, 'w'))"],
            on_cell_execute=lambda cell, cell_index: began.update(cell=cell, at=time.monotonic()),
            on_cell_executed=lambda cell, cell_index, execute_reply: progress.ran(script, time.monotonic() - began["at"]))
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MINITF_SWAP", "PYTEST_", "MPLBACKEND"))}
        environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0", IPYTHONDIR=settings)
        try:
            client.create_kernel_manager().kernel_spec_manager = ThisPython()
            progress.started(script, len(code_cells(notebook)), client)
            client.execute(env=environment, stderr=subprocess.DEVNULL)
            return
        except nbclient.exceptions.CellExecutionError as error:
            output = next((o for o in began["cell"].outputs if o.output_type == "error"), None)
            lines = ANSI.sub("", "\n".join(output.traceback) if output else str(error)).rstrip().splitlines()
            why = [f"{error.ename}: {error.evalue}"] + ["    " + line for line in lines[-14:]]
        except nbclient.exceptions.CellTimeoutError:
            why = [f"it ran for more than {SECONDS} seconds"]
        except nbclient.exceptions.DeadKernelError:
            said = crash.read_text(errors="replace")
            why = ["the kernel died in this cell (a signal, os._exit, or no memory left)"] + re.findall("^Fatal.*", said, flags=re.M)[:1]
            why += [f"    line {n} of a cell, in {name}" for n, name in re.findall(r'/ipykernel_\d+/.*", line (\d+) in (.*)', said)]
        finally:
            progress.ended(script)
    cell = began.get("cell")
    if cell is None:
        raise ChapterFailed(f"{script.name}: the kernel died before the first cell")
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    said = "".join(o.text for o in cell.outputs if o.output_type == "stream").rstrip().splitlines()[-5:]
    raise ChapterFailed("\n".join([f"{script.name}: {place(script, notebook, cell)} failed", f"    {first}",
                                   *(["  it had printed"] + ["    " + line for line in said] if said else []), *why]))


class Progress:
    """One line that tells how far each running chapter is; on a terminal it is written over, elsewhere only ends are printed."""
    def __init__(self, out=None):
        self.out, self.live = out or sys.stdout, (out or sys.stdout).isatty()
        self.running, self.slowest, self.lock = {}, {}, threading.Lock()

    def started(self, script, cells, client):
        with self.lock:
            self.running[script], self.slowest[script] = [0, cells, client], (0, 0)

    def ran(self, script, seconds):
        with self.lock:
            self.running[script][0] += 1
            self.slowest[script] = max(self.slowest[script], (seconds, self.running[script][0]))
            if self.live:
                self.out.write("\r\x1b[K" + "  ".join(f"{s.stem} {n}/{of}" for s, (n, of, _) in self.running.items()))
                self.out.flush()

    def ended(self, script):
        with self.lock:
            self.running.pop(script, None)

    def say(self, text):
        with self.lock:
            self.out.write(("\r\x1b[K" if self.live else "") + text + "\n")
            self.out.flush()

    def kill(self):
        """End the kernels that still run; who waits for them sees that they died."""
        for _, _, client in list(self.running.values()):
            with contextlib.suppress(Exception):
                client.km.provisioner.process.kill()
