"""What this machine has, what is missing, and what works without it.

    make doctor                  the report; or: python -m minitf.doctor
    python minitf/doctor.py      the same where minitf itself can't be imported yet
    python minitf/doctor.py --preflight     only what a build needs, asked of the Python that runs it

The exit status is 0 if the core works (with --preflight: if a build can start).  Only the standard library is imported here,
so the report runs on a Python that has nothing, and on one that is too old; whatever could crash runs in a child process.
"""
import os
import sys

# Run as a script, its own folder is the first place where modules are looked for, and that has a `platform` too.
sys.path[:] = [p for p in sys.path if os.path.abspath(p) != os.path.dirname(os.path.abspath(__file__))]

import argparse
import functools
import importlib.machinery
import importlib.util
import json
import platform
import runpy
import shlex
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from collections import namedtuple
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
OLDEST = (3, 10)

OK, WARN, ABSENT, FAIL = "ok", "warn", "absent", "FAIL"
Finding = namedtuple("Finding", "state what detail advice")
Finding.__doc__ = """One line of the report: `state` is ok, warn (works, but look), absent (optional) or FAIL; `advice` says what to do or
what works without it."""


def child(command, timeout=60, env=None):
    """Runs a command; returns (exit status, output).  A status below 0 is a signal, None a time-out or a missing program."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, env=env, universal_newlines=True)
        return done.returncode, done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as e:
        return None, str(e)


def python_child(code, timeout=60):
    env = dict(os.environ)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT)] + ([env["PYTHONPATH"]] if env.get("PYTHONPATH") else []))
    return child([sys.executable, "-c", code], timeout, env)


def last_line(text):
    return text.splitlines()[-1] if text else ""


# what a build needs

def python_version():
    version = platform.python_version()
    if sys.version_info < OLDEST:
        return Finding(FAIL, "Python", "%s at %s" % (version, sys.executable), "minitf needs Python %d.%d or newer: make PYTHON=/path/to/it" % OLDEST)
    return Finding(OK, "Python", "%s at %s" % (version, sys.executable), "")


def venv_module():
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return Finding(OK, "venv", "can make virtual environments", "")
    return Finding(FAIL, "venv", "this Python can't make virtual environments", "on Debian or Ubuntu: apt-get install python3-venv")


def python_headers():
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if header.exists():
        return Finding(OK, "Python headers", str(header), "")
    return Finding(FAIL, "Python headers", "no %s" % header, "on Debian or Ubuntu: apt-get install python3-dev")


def compiler_command():
    for candidate in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"):
        words = shlex.split(candidate or "")
        if words and shutil.which(words[0]):
            return words
    return None


def compiler():
    command = compiler_command()
    advice = "on Debian or Ubuntu: apt-get install build-essential; or set CC"
    if command is None:
        return Finding(FAIL, "C compiler", "none found (CC, cc, gcc, clang)", advice)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "try.c"
        source.write_text("#include <math.h>\nfloat f(float x) { return sqrtf(x); }\n")
        status, output = child(command + ["-O3", "-march=native", "-c", str(source), "-o", str(source) + ".o"])
    if status != 0:
        return Finding(FAIL, "C compiler", "%s compiles nothing: %s" % (" ".join(command), last_line(output)), advice)
    version = child([command[0], "--version"])[1].splitlines() or [""]
    return Finding(OK, "C compiler", version[0], "")


PREFLIGHT = [python_version, venv_module, python_headers, compiler]


# what the core needs

def package(name, without, state=ABSENT):
    """A check that the module `name` can be found; nothing is imported."""
    def check():
        if importlib.util.find_spec(name) is None:
            return Finding(state, name, "not installed", without)
        try:
            from importlib.metadata import version
            return Finding(OK, name, version(name), "")
        except ImportError:          # a module without metadata: present is all that is asked
            return Finding(OK, name, "present", "")
    return check


def newest(paths):
    return max(p.stat().st_mtime for p in paths if p.exists())


def extension_states():
    """(built, missing, stale): names of the modules written in Cython.  Stale: in a checkout, its .pyx or .pxd is newer."""
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    checkout = (ROOT / "setup.py").exists()
    built, missing, stale = [], [], []
    for source in sorted(PACKAGE.rglob("*.pyx")):
        name = ".".join(source.relative_to(ROOT).with_suffix("").parts)
        found = [f for f in (source.with_name(source.stem + s) for s in suffixes) if f.exists()]
        if not found:
            missing.append(name)
        elif checkout and newest([source, source.with_suffix(".pxd")]) > newest(found):
            stale.append(name)
        else:
            built.append(name)
    return built, missing, stale


def extensions():
    built, missing, stale = extension_states()
    total = len(built) + len(missing) + len(stale)
    if missing:
        tag = "Python %d.%d" % sys.version_info[:2]
        return Finding(FAIL, "compiled modules", "%d of %d not built for %s: %s" % (len(missing), total, tag, ", ".join(missing)), "make")
    if stale:
        return Finding(WARN, "compiled modules", "older than a .pyx or .pxd, perhaps out of date: %s" % ", ".join(stale), "make")
    return Finding(OK, "compiled modules", "%d, all up to date" % total, "")


SMOKE = """
import minitf as tf
with tf.Graph().as_default(), tf.Session() as sess:
    x = tf.placeholder(tf.float32, [1, 2])
    print(sess.run(tf.matmul(x, tf.constant([[3.0], [4.0]])), {x: [[1.0, 2.0]]}).item())
"""


def core():
    status, output = python_child(SMOKE)
    if status == 0 and last_line(output) == "11.0":
        return Finding(OK, "minitf", "builds and runs a graph", "")
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        advice = "make clean, then make" + (": the compiled modules are for another processor" if name == "SIGILL" else "")
        return Finding(FAIL, "minitf", "stopped by %s" % name, advice)
    return Finding(FAIL, "minitf", last_line(output) or "no answer", "make; if that does not help, run: python -c 'import minitf'")


def threads():
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    set_here = ["%s=%s" % (k, os.environ[k]) for k in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if k in os.environ]
    detail = "%d cores; %s" % (cores, ", ".join(set_here) if set_here else "OMP_NUM_THREADS and OPENBLAS_NUM_THREADS not set (all cores are used)")
    if any(k.split("=")[1].isdigit() and int(k.split("=")[1]) > cores for k in set_here):
        return Finding(WARN, "threads", detail, "more threads than cores slow everything down")
    return Finding(OK, "threads", detail, "")


# what some parts need

def mpi():
    without = "everything in one process works without it; only programs of several processes need it"
    if importlib.util.find_spec("mpi4py") is None:
        return Finding(ABSENT, "MPI", "no mpi4py", without)
    beside = Path(sys.executable).with_name("mpirun")
    launcher = str(beside) if beside.exists() else shutil.which("mpirun")
    status, output = python_child("from mpi4py import MPI; print(MPI.Get_library_version().splitlines()[0].rstrip(chr(0)))")
    if status != 0:
        return Finding(WARN, "MPI", "mpi4py finds no MPI library: %s" % last_line(output), without)
    if launcher is None:
        return Finding(WARN, "MPI", "%s, but no mpirun" % last_line(output), without)
    return Finding(OK, "MPI", "%s; %s" % (last_line(output).split(",")[0], launcher), "")


GPUS = """
import json
from minitf.core.errors import OpError
from minitf.kernels.gpu import cublas, nvcc, pycuda_device, probe
from minitf.kernels.gpu.emulator import compiler
count, why = probe.probe()
names = ["%s (compute capability %d.%d, %.0f GiB)" % (g.name, *g.compute_capability, g.total_memory / 2**30) for g in pycuda_device.find()[0]]
try:
    emulator = [compiler.compiler()[1].splitlines()[0], str(compiler.cache_folder())]
except OpError as e:
    emulator = [str(e)]
print(json.dumps([names, why, emulator, nvcc.find(), nvcc.missing(), getattr(cublas.find(), "_name", None)]))
"""


@functools.lru_cache(None)
def gpus():
    """What GPUS prints, or None where minitf can not be asked."""
    status, output = python_child(GPUS)
    try:
        return json.loads(last_line(output)) if status == 0 else None
    except ValueError:
        return None


def gpu():
    asked = os.environ.get("MINITF_GPU", "")
    found = gpus()
    if found is None:
        return Finding(ABSENT, "GPU", "not asked: minitf does not work", "")
    names, why, emulator = found[:3]
    instead = "/gpu:0 is emulated on the CPU" if len(emulator) > 1 else "there is no /gpu:0"
    if asked == "off" or asked.startswith("emulate"):
        instead = "MINITF_GPU=%s: %s" % (asked, "no program gets a GPU" if asked == "off" else "a GPU is emulated, whatever is here")
        return Finding(OK, "GPU", "; ".join(names) or "none (%s)" % why, instead)
    if names:
        return Finding(OK, "GPU", "; ".join(names), "")
    driver = "; a driver is here (nvidia-smi)" if shutil.which("nvidia-smi") else ""
    return Finding(ABSENT, "GPU", "none: %s%s" % (why, driver), instead)


def gpu_emulator():
    found = gpus()
    if found is None:
        return Finding(ABSENT, "GPU emulator", "not asked: minitf does not work", "")
    if len(found[2]) == 1:
        return Finding(WARN, "GPU emulator", "no C++ compiler", found[2][0])
    return Finding(OK, "GPU emulator", "%s; kernels are kept in %s" % tuple(found[2]), "")


def gpu_libraries():
    found = gpus() or [[], "", [], None, "not asked", None]
    nvcc, missing, cublas = found[3:]
    advice = "wanted only with a GPU: nvcc compiles the kernels, cuBLAS multiplies matrices faster than ours"
    detail = "%s; %s" % (nvcc or missing, cublas or "no cuBLAS (pip install nvidia-cublas)")
    return Finding(OK if nvcc and cublas else ABSENT, "nvcc, cuBLAS", detail, "" if nvcc and cublas else advice)


def data():
    folder = runpy.run_path(str(PACKAGE / "datasets" / "packages.py"))["data_folder"]() / "mnist"
    files = list(folder.glob("*-ubyte*")) if folder.is_dir() else []
    if len(files) >= 4:
        return Finding(OK, "MNIST", str(folder), "")
    return Finding(ABSENT, "MNIST", "not in %s" % folder, "fetched at first use (20 MB), or now: python -m minitf.datasets")


def sandbox():
    code = ("import os, tempfile; from minitf.course.grader.sandbox import no_network, only_files\n"
            "print(no_network(), only_files([os.path.join(os.getcwd(), 'solutions')], tempfile.mkdtemp()))")
    status, output = python_child(code)
    network, files = (last_line(output).split() + ["", ""])[:2]
    if status != 0:
        return Finding(WARN, "grader", "its sandbox could not be tried: %s" % last_line(output), "make grade may not work")
    if (network, files) == ("True", "True"):
        return Finding(OK, "grader", "submissions get no network and few files, by the kernel and by Python", "")
    lacks = " and ".join(what for what, there in (("networks", network), ("files", files)) if there != "True")
    return Finding(WARN, "grader", "here only Python itself keeps submissions from %s" % lacks,
                   "your own files are safe with it; grade those of strangers on Linux 5.13 or newer")


REPORT = [
    ("To build", PREFLIGHT + [package("Cython", "needed only to build; make installs it")]),
    ("The core", [package("numpy", "make installs it", FAIL), package("scipy", "make installs it", FAIL), extensions, core, threads]),
    ("Data and pictures", [data, package("tqdm", "no progress bars"), package("matplotlib", "no pictures; the numbers are still printed")]),
    ("Several processes, GPUs", [mpi, gpu, gpu_emulator, gpu_libraries]),
    ("Tests, course, benchmarks", [
        package("pytest", "no tests; make installs it"), package("hypothesis", "no tests; make installs it"),
        package("nbval", "the notebooks are not checked; make installs it"), package("jupytext", "notebooks can not be built; make installs it"),
        package("jupyterlab", "make lab installs it"), sandbox] + [
        package(peer, "one less to compare with in make bench; make bench-peers") for peer in ("tensorflow", "torch", "jax")]),
]


def show(finding):
    line = "  %-7s %-17s %s" % (finding.state, finding.what, finding.detail)
    print(line + ("\n%28s-> %s" % ("", finding.advice) if finding.advice else ""), flush=True)


def preflight(quiet):
    """Prints what a build lacks (nothing with `quiet`); returns whether it can start."""
    findings = [check() for check in PREFLIGHT]
    wrong = [f for f in findings if f.state == FAIL]
    if wrong and not quiet:
        print("minitf can't be built with %s:" % sys.executable)
        for finding in wrong:
            show(finding)
    return not wrong


def report():
    """Prints everything; returns whether the core works."""
    print("minitf on %s, %s" % (platform.platform(), platform.machine()))
    works = True
    for title, checks in REPORT:
        print("\n" + title)
        for check in checks:
            finding = check()
            show(finding)
            works = works and not (title == "The core" and finding.state == FAIL)
    print("\nThe core works." if works else "\nThe core does NOT work: see FAIL above.")
    return works


def main(argv=None):
    parser = argparse.ArgumentParser(prog="minitf.doctor", description="What is missing here, and what works without it.")
    parser.add_argument("--preflight", action="store_true", help="check only what a build needs")
    parser.add_argument("-q", "--quiet", action="store_true", help="with --preflight: print nothing")
    options = parser.parse_args(argv)
    return 0 if (preflight(options.quiet) if options.preflight else report()) else 1


if __name__ == "__main__":
    if sys.path and Path(sys.path[0] or ".").resolve() == PACKAGE:      # run by its path: minitf's folders are no top-level packages
        sys.path[0] = str(ROOT)
    sys.exit(main())
