"""Every .cu of the package is CUDA to nvcc too, where one is found; and how it is found, and when a cubin is made anew."""
import os
from pathlib import Path

import pytest

from minitf.core.errors import InvalidArgumentError
from minitf.kernels.gpu import nvcc

from fake_gpu import not_swapped

pytestmark = not_swapped
SOURCES = sorted(nvcc.HERE.glob("*.cu"))
# The oldest GPUs that CUDA 13 knows, and today's large ones: machine code for both, which comes of one text in between and so costs little more.
BOTH = ["-gencode", "arch=compute_75,code=[sm_75,sm_90]"]
REAL = nvcc.find()


def complaint(path):
    try:
        nvcc.compiled(path, "fatbin", BOTH)
    except nvcc.CompileError as e:
        return str(e)


@pytest.mark.skipif(REAL is None, reason=nvcc.missing())
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_kernel_compiles_to_machine_code(path):
    assert complaint(path) is None, complaint(path)


@pytest.mark.skipif(REAL is None, reason=nvcc.missing())
@pytest.mark.parametrize("line", ["__shared__ float s[20000]; s[threadIdx.x] = x[0]; x[1] = s[threadIdx.x ^ 1];", "x[0] = max(1, 2.5f, 3);", "x[0] = y;"])
def test_that_what_is_no_cuda_is_found(tmp_path, line):
    """The first only where machine code is made: it is too much shared memory."""
    (tmp_path / "a.cu").write_text(f'extern "C" __global__ void f(float *x) {{ {line} }}\n')
    assert "nvcc does not compile a.cu" in (complaint(tmp_path / "a.cu") or "")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder whose nvcc writes what it was asked into the cubin, and lines into a log."""
    monkeypatch.setenv("MINITF_CACHE", str(tmp_path / "cache"))
    program = tmp_path / "bin" / "nvcc"
    program.parent.mkdir()
    program.write_text(f'''#!/bin/sh
if [ "$1" = --version ]; then echo one; exit; fi
echo run >> {tmp_path}/log
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then out=$2; fi; shift; done
if grep -q wrong "$1"; then echo "$1(1): error: no" >&2; exit 2; fi
cat "$1" > "$out"
''')
    program.chmod(0o755)
    monkeypatch.setattr(nvcc, "find", lambda: str(program))
    yield tmp_path
    nvcc.version.cache_clear()


def runs(folder):
    log = folder / "log"
    return len(log.read_text().split()) if log.exists() else 0


def test_a_cubin_is_made_once_for_all_that_it_depends_on(made):
    source, header, further = made / "a.cu", made / "a.cuh", made / "b.cuh"
    source.write_text('#include "a.cuh"\n#include <math.h>\n')
    header.write_text('  #  include "b.cuh"\n')
    further.write_text("// one\n")
    assert nvcc.with_headers(source) == [source, header, further]
    first = nvcc.cubin(source, "sm_75")
    assert first.read_text() == source.read_text() and nvcc.cubin(source, "sm_75") == first and runs(made) == 1
    assert nvcc.cubin(source, "sm_90") != first and nvcc.cubin(source, "sm_75", ["--fmad=false"]) != first and runs(made) == 3
    further.write_text("// two\n")
    assert nvcc.cubin(source, "sm_75") != first and runs(made) == 4
    assert not [p for p in (made / "cache" / "cubin").iterdir() if p.suffix != ".cubin"], "a temporary file was left"


def test_what_nvcc_says_is_the_error(made):
    (made / "a.cu").write_text("wrong\n")
    with pytest.raises(InvalidArgumentError, match=r"(?s)nvcc does not compile a.cu \(-arch=sm_75\):\n.*a.cu\(1\): error: no"):
        nvcc.cubin(made / "a.cu", "sm_75")


def test_it_is_looked_for_on_the_path_then_in_the_usual_folders(tmp_path, monkeypatch):
    folders = {name: tmp_path / name / "bin" for name in ("path", "home", "usual")}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "nvcc").write_text("")
        (folder / "nvcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(folders["path"]))
    monkeypatch.setenv("CUDA_HOME", str(folders["home"].parent))
    assert nvcc.find() == str(folders["path"] / "nvcc")
    (folders["path"] / "nvcc").unlink()
    assert nvcc.find() == str(folders["home"] / "nvcc")
    monkeypatch.setattr(nvcc, "folders", lambda: iter([folders["usual"]]))
    assert nvcc.find() == str(folders["usual"] / "nvcc")
    (folders["usual"] / "nvcc").unlink()
    assert nvcc.find() is None
    with pytest.raises(InvalidArgumentError, match="a.cu can not be compiled: no nvcc: not on PATH"):
        nvcc.cubin(tmp_path / "a.cu", "sm_75")


def test_the_usual_folders(monkeypatch):
    monkeypatch.setenv("CUDA_HOME", "/somewhere")
    found = list(nvcc.folders())
    assert found[0] == Path("/somewhere/bin") and Path("/usr/local/cuda/bin") in found
    assert os.path.isabs(found[0])
