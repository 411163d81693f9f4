"""Builds what the tests of the PyCUDA path run on: the fake driver, and PyCUDA itself.

    python tests/kernels/gpu/fake_driver/build.py FOLDER        what `make test` does, with .venv/fake_gpu

Nothing of CUDA's toolkit has to be there: PyCUDA's C++ needs only cuda.h and cudaProfiler.h, which are in two small wheels, and for
the linker the fake driver is libcuda.  PyCUDA has no wheels of its own; it is compiled without optimisation, which is quicker, and
nothing measures its speed here.  It goes into a folder beside the environment, so that everything else is tested without it.
"""
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADERS = ["nvidia-cuda-runtime==13.0.96", "nvidia-cuda-profiler-api==13.0.85"]
PYCUDA = "pycuda==2026.1"
NVCC = """#!{python}
import runpy, sys
sys.path.insert(0, {root!r})
runpy.run_path({script!r}, run_name="__main__")
"""


def run(*command, **env):
    done = subprocess.run([str(c) for c in command], env={**os.environ, **env}, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}")
    return done.stdout


def pip(*arguments, **env):
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, **env)


def include_folder(folder):
    return next((Path(folder) / "headers").glob("nvidia/*/include/cuda.h")).parent


def stamp(folder, name, *texts):
    """(path, text): the file that says what was built from, and what it should say."""
    return Path(folder) / name, hashlib.sha256("\0".join([sys.version, *texts]).encode()).hexdigest()


def is_built(folder):
    """Whether PyCUDA is there, as this file would build it."""
    path, wanted = stamp(folder, "pycuda.stamp", PYCUDA, *HEADERS)
    return path.exists() and path.read_text() == wanted


def driver(folder):
    """FOLDER/lib/libcuda.so.1 and FOLDER/bin/nvcc, if they are not there yet or the sources are others."""
    folder = Path(folder)
    with open(folder / "driver.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)               # several workers of a test run may come at once; the lock ends with the file
        _driver(folder)


def _driver(folder):
    sources = [HERE / "driver.cpp", HERE / "queue.h", Path(__file__)]
    path, wanted = stamp(folder, "driver.stamp", *(s.read_text() for s in sources), *HEADERS)
    if path.exists() and path.read_text() == wanted:
        return
    include, lib, programs = include_folder(folder), folder / "lib", folder / "bin"
    lib.mkdir(exist_ok=True)
    programs.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        work = Path(work)
        (work / "all.c").write_text("#include <cuda.h>\n#include <cudaProfiler.h>\n")
        text = run("gcc", "-E", "-P", f"-I{include}", work / "all.c")
        # PyCUDA wants a thousand functions to be there; what driver.cpp has replaces these.
        (work / "rest.c").write_text("".join(f"__attribute__((weak)) int {name}(void) {{ return 801; }}\n"
                                             for name in sorted(set(re.findall(r"\bCUresult\s+(cu[A-Z]\w*)\s*\(", text)))))
        run("gcc", "-fPIC", "-fno-builtin", "-c", work / "rest.c", "-o", work / "rest.o")
        run("g++", "-std=c++17", "-O1", "-Wall", "-fPIC", f"-I{include}", "-c", HERE / "driver.cpp", "-o", work / "driver.o")
        run("g++", "-shared", "-Wl,-soname,libcuda.so.1", work / "driver.o", work / "rest.o", "-o", work / "libcuda.so.1", "-ldl", "-pthread")
        os.replace(work / "libcuda.so.1", lib / "libcuda.so.1")
    if not (lib / "libcuda.so").exists():
        (lib / "libcuda.so").symlink_to("libcuda.so.1")
    (programs / "nvcc").write_text(NVCC.format(python=sys.executable, root=str(HERE.parents[3]), script=str(HERE / "nvcc.py")))
    (programs / "nvcc").chmod(0o755)
    path.write_text(wanted)


def everything(folder):
    """The headers, the driver and PyCUDA; what is there already is kept."""
    folder = Path(folder).resolve()
    if not is_built(folder):
        print("Building PyCUDA for the tests of the path to a GPU", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        pip("install", "--quiet", "--no-deps", "--upgrade", "--target", folder / "headers", *HEADERS)
    driver(folder)
    if not is_built(folder):
        settings = dict(CUDA_ENABLE_CURAND=False, CUDA_INC_DIR=[str(include_folder(folder))], CUDADRV_LIB_DIR=[str(folder / "lib")], CXXFLAGS=["-O0", "-g0"])
        pip("install", "--quiet", "--no-build-isolation", "--no-binary", "pycuda", "--upgrade", "--target", folder / "site", PYCUDA,
            *(f"--config-settings=--global-option=--conf:{key}={value!r}" for key, value in settings.items()))
        path, text = stamp(folder, "pycuda.stamp", PYCUDA, *HEADERS)
        path.write_text(text)


if __name__ == "__main__":
    try:
        everything(sys.argv[1])
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
        print(f"PyCUDA could not be built, so its tests will be skipped:\n{e}", file=sys.stderr)
