"""One framework in one process: `python -m benchmarks.worker PEER`, with that framework's Python.  The last line is JSON.

run.py sets the thread-count variables; the core is chosen here, before the framework starts its threads.
"""
import argparse
import gc
import importlib
import json
import os
import sys
import time
import traceback

parser = argparse.ArgumentParser()
parser.add_argument("peer")
parser.add_argument("--budget", type=float, default=0.3)
parser.add_argument("--core", type=int)
parser.add_argument("--only", default="")
options = parser.parse_args()
if options.core is not None and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {options.core})

import numpy as np  # noqa: E402: after the core is set, as its thread pool asks for it

from . import timing, workloads  # noqa: E402


def check(value):
    """What a step computed, as one number: a result is compared by its mean magnitude."""
    return None if value is None else float(np.mean(np.abs(np.asarray(value, dtype=np.float64))))


def resident(field):
    """VmRSS (now) or VmHWM (the most since the process began) in bytes; None where /proc has neither."""
    try:
        with open("/proc/self/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith(field + ":"))
    except (OSError, StopIteration):
        return None


def forget_peak():
    """From now on VmHWM is the most from now on: what set-up needed for a moment does not count."""
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def run(peer, names):
    """{name: what was measured}.  memory: of the first workload only, the most that its steps held beyond the framework itself."""
    results, before = {}, resident("VmRSS")
    for name in names:
        try:
            began = time.perf_counter()
            step = peer.WORKLOADS[name]()
            checks = [check(peer.to_numpy(step())) for _ in range(timing.CHECKED_STEPS)]
            setup = time.perf_counter() - began
            forget_peak()
            results[name] = dict(timing.measure(step, options.budget), setup=setup, check=[c for c in checks if c is not None])
        except Exception as e:                     # one workload that a framework can't do must not hide the others
            traceback.print_exc()
            results[name] = dict(error=f"{type(e).__name__}: {e}".splitlines()[0])
        if before is not None and name == names[0] and "error" not in results[name]:
            results[name]["memory"] = resident("VmHWM") - before
        step = None
    return results


if __name__ == "__main__":
    peer = importlib.import_module("benchmarks.peers." + options.peer)
    wanted = [n for n in options.only.split(",") if n] or workloads.ORDER
    names = [n for n in workloads.ORDER if n in wanted and n in peer.WORKLOADS]
    results = run(peer, names)
    sys.stdout.flush()
    print(json.dumps(dict(peer=options.peer, version=peer.VERSION, results=results)))
