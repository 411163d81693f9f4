"""Runs minitf and its peers by turns and prints what a step costs in each: `make bench`, or `python -m benchmarks.run`.

One process per round and framework, the order rotated each round.  With one thread (the default) a process is pinned to the less
busy core, and what counts is processor time: the figures of a machine that others use too differ less in it than in wall
time.  Every figure is the median over the rounds of the median over the steps; a figure in brackets is minitf's divided by
that framework's, so below 1 minitf is faster.  Ratios within one run mean something; times of different runs do not.

With --threads 2 or more, what counts is wall time, and only the rounds in which other processes had less than 0.15 of a core; where there
was none, ~ marks the smallest time seen.

With --memory each workload has a process of its own, and the table is of the memory that it held at most beyond what the framework held
when it was imported: variables, a step's values, plans, the data.

Several devices at once have a program of their own: `python -m benchmarks.towers`.

A framework is measured if some Python can import it: this one, the one in .venv-bench (`make bench-peers`), or the one that
--peer-python NAME=PATH gives.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from .workloads import ORDER

ROOT = Path(__file__).resolve().parent.parent
PEERS = ("minitf", "tensorflow", "torch", "jax", "numpy")
TOLERANCE = 2e-4
QUIET = 0.15                           # cores
# What minitf is to reach: (workload, peer, minitf's time divided by the peer's).
GOALS = [("add1000", "tensorflow", 0.05), ("fetch_var", "tensorflow", 0.06), ("power1000", "tensorflow", 0.07),
         ("mlp_b16", "tensorflow", 0.4), ("mlp_b16", "jax", 1.0), ("mlp_b128", "tensorflow", 0.7)]
GOALS += [(name, peer, goal) for peer in ("tensorflow", "torch") for name, goal in (
    ("conv3x3_fwd", 1.1), ("conv3x3_bwd", 1.1), ("conv5x5_fwd", 1.1), ("conv5x5_bwd", 1.1), ("lenet_b64", 1.05), ("cifar_b32", 1.05),
    ("alexnet_fwd", 1.1), ("alexnet_fwdbwd", 1.1), ("ptb_small", 0.85), ("charrnn", 0.9), ("word2vec", 0.4), ("word2vec_500k", 0.4))]


def find_python(peer, given):
    """The first Python that has the module `peer`, or None."""
    if peer in given:
        return given[peer]
    for candidate in (sys.executable, str(ROOT / ".venv-bench" / "bin" / "python")):
        if Path(candidate).exists():
            code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({peer!r}) is None)"
            if subprocess.run([candidate, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL).returncode == 0:
                return candidate
    return None


def idle_core():
    """The core that was idle most over a moment; None where /proc/stat is not to be had."""
    def idle():
        lines = (line.split() for line in Path("/proc/stat").read_text().splitlines())
        return {int(w[0][3:]): int(w[4]) for w in lines if w[0].startswith("cpu") and w[0] != "cpu"}
    try:
        before = idle()
        time.sleep(0.2)
        after = idle()
        return max(os.sched_getaffinity(0), key=lambda core: after[core] - before[core])
    except (OSError, KeyError, AttributeError):
        return None


def run_worker(peer, python, options, only=None):
    """The worker's JSON as a dict; None, and the reason printed, if it failed.  only: workloads in place of the options'."""
    threads = str(options.threads)
    env = dict(os.environ, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, MKL_NUM_THREADS=threads, PYTHONHASHSEED="0")
    command = [python, "-m", "benchmarks.worker", peer, "--budget", str(options.budget), "--only", options.only if only is None else only]
    core = idle_core() if options.threads == 1 else None
    if core is not None:
        command += ["--core", str(core)]
    return answer_of(peer, command, env, options.timeout)


def answer_of(peer, command, env, timeout):
    """The JSON in the last line that a process prints, as a dict; None, and the reason printed, if it failed."""
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        print(f"  {peer}: gave up after {timeout} s", file=sys.stderr)
        return None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        print(f"  {peer}: failed with exit status {done.returncode}\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    for name, result in answer["results"].items():
        if "error" in result:
            print(f"  {peer}: {name}: {result['error']}", file=sys.stderr)
    return answer


def wanted(options):
    return options.only or ",".join(ORDER)


def gather(pythons, options):
    """([answers] by peer): every peer once a round, each round beginning with another."""
    answers = {peer: [] for peer in pythons}
    order = list(pythons)
    for r in range(options.rounds):
        for peer in order[r % len(order):] + order[:r % len(order)]:
            began = time.perf_counter()
            answer = None
            for only in wanted(options).split(",") if options.memory else [options.only]:
                part = run_worker(peer, pythons[peer], options, only)
                if part and answer:
                    answer["results"].update(part["results"])
                answer = answer or part
            if answer:
                answers[peer].append(answer)
                print(f"  round {r + 1} of {options.rounds}: {peer} {answer['version']}, {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return {peer: a for peer, a in answers.items() if a}


def median_of(answers, name, clock):
    values = [a["results"][name][clock] for a in answers if clock in a["results"].get(name, {})]
    return statistics.median(values) if values else None


def wall_of(answers, name):
    """(seconds, mark) of several threads: the median of the quiet rounds, or the smallest time of all, marked ~; (None, "") if there is none."""
    found = [a["results"][name] for a in answers if "wall" in a["results"].get(name, {})]
    quiet = [r["wall"] for r in found if r["others"] is None or r["others"] < QUIET]
    if quiet:
        return statistics.median(quiet), ""
    return (min(r["least"] for r in found), "~") if found else (None, "")


def duration(seconds):
    for unit, size in (("us", 1e-6), ("ms", 1e-3)):
        if seconds < 1000 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def megabytes(n):
    return f"{n / 1e6:.3g} MB"


def table(answers, clock, threads=1, show=duration):
    """The lines of one table: a row for each workload, minitf's time first, then every peer's and the ratio to it."""
    peers = list(answers)
    lines = ["%-16s" % "workload" + "".join(" %10s" % p if p == "minitf" else " %19s" % p for p in peers)]
    for name in ORDER:
        found = {p: wall_of(answers[p], name) if threads > 1 else (median_of(answers[p], name, clock), "") for p in peers}
        values = {p: value for p, (value, _) in found.items()}
        if not any(values.values()):
            continue
        mine, line = values.get("minitf"), "%-16s" % name
        for peer, value in values.items():
            shown = show(value) + found[peer][1] if value else "-"
            if peer == "minitf":
                line += " %10s" % shown
            else:
                line += " %10s %8s" % (shown, "(%.3g)" % (mine / value) if mine and value else "")
        for workload, peer, goal in GOALS:
            if threads == 1 and clock != "memory" and mine and workload == name and values.get(peer):
                line += "   %s %g of %s" % ("meets" if mine / values[peer] <= goal else "MISSES", goal, peer)
        lines.append(line)
    return lines


def disagreements(answers):
    """Lines naming every (workload, peer) whose results differ from the median of all peers by more than TOLERANCE."""
    lines = []
    for name in ORDER:
        checks = {p: a[0]["results"][name]["check"] for p, a in answers.items() if "check" in a[0]["results"].get(name, {})}
        steps = min((len(c) for c in checks.values()), default=0)
        for i in range(steps):
            middle = statistics.median_low(c[i] for c in checks.values())
            lines += [f"{name}: {p} computed {c[i]:.7g} in step {i + 1}, the others {middle:.7g}"
                      for p, c in checks.items() if not abs(c[i] - middle) <= TOLERANCE * abs(middle)]
    return lines


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated (default: %(default)s)")
    parser.add_argument("--only", default="", help="comma-separated workloads (default: all)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--budget", type=float, default=0.3, help="seconds of timing for each workload (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="memory in place of time")
    parser.add_argument("--timeout", type=float, default=600, help="seconds for one process (default %(default)s)")
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH", help="the Python that has this framework")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    return parser.parse_args(argv)


def main(argv=None):
    options = arguments(argv)
    unknown = [n for n in options.only.split(",") if n and n not in ORDER] + [p for p in options.peers.split(",") if p not in PEERS]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; workloads: {', '.join(ORDER)}; peers: {', '.join(PEERS)}")
    given = dict(p.split("=", 1) for p in options.peer_python)
    pythons = {p: find_python(p, given) for p in options.peers.split(",")}
    for peer in [p for p, python in pythons.items() if python is None]:
        print(f"  {peer}: not installed, left out (make bench-peers, or --peer-python {peer}=PATH)", file=sys.stderr)
        del pythons[peer]
    answers = gather(pythons, options)
    if not answers:
        sys.exit("nothing was measured")
    if options.json:
        options.json.write_text(json.dumps(answers, indent=1))
    versions = ", ".join(f"{p} {a[0]['version']}" for p, a in answers.items())
    print(f"\n{versions}; threads: {options.threads}, rounds: {options.rounds}")
    clocks = [("cpu", "Processor time per step"), ("wall", "Wall time per step")]
    for clock, title in [("memory", "Memory")] if options.memory else clocks if options.threads == 1 else clocks[1:]:
        lines = table(answers, clock, *((1, megabytes) if options.memory else (options.threads,)))
        print(f"\n{title} (in brackets: minitf's divided by it)\n" + "\n".join(lines))
    wrong = disagreements(answers)
    print("\n" + ("\n".join(wrong) if wrong else f"All results agree to {TOLERANCE:g}."))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
