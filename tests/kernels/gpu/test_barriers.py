"""Take each barrier out of each kernel: the checker has something to say, and with all in their place it has not."""
import ctypes
import time
from pathlib import Path

import numpy as np
import pytest
from cases import CASES
from harness import FOLDER, run_call
from mutants import SWITCHES, barriers, with_switches, without_barrier

from minitf.core import swap
from minitf.kernels.gpu.emulator import module
from minitf.kernels.gpu.emulator.source_module import LaunchError, SourceModule

pytestmark = pytest.mark.skipif(swap.ACTIVE, reason="a reader's kernels stand in place of some of the package's, whose barriers are taken out here")

FILES = sorted(p for p in FOLDER.iterdir() if p.suffix in (".cu", ".cuh"))
BARRIERS = [(p.name, p.read_text()[:begin].count("\n") + 1) for p in FILES for begin, _ in barriers(p.read_text())]


class Switched:
    """The kernels of the package, with a switch for each barrier."""

    def __init__(self, folder):
        self.folder, self.libraries, first = folder, {}, 0
        for path in FILES:
            text = path.read_text()
            (folder / path.name).write_text(with_switches(text, first))
            first += len(barriers(text))

    def build(self, path, check):
        path = Path(path)
        if path.parent not in (FOLDER, Path(".")):
            return module.build(path, check)                  # a text that was made for the op: there are no barriers in those
        if path.name not in self.libraries:
            text = f'{SWITCHES}#line 1 "{path.name}"\n{(self.folder / path.name).read_text()}'
            self.libraries[path.name] = module.build_text(text, path.name, [self.folder], check)
        return self.libraries[path.name]

    def take_out(self, k):
        for library in self.libraries.values():
            ctypes.c_int.in_dll(library.dll, "barrier_out").value = k

    def met(self):
        """Numbers of the barriers that have been come to since it was last asked."""
        numbers = set()
        for library in self.libraries.values():
            seen = (ctypes.c_ubyte * (1 << 16)).in_dll(library.dll, "barriers_met")
            numbers |= {k for k in range(len(BARRIERS)) if seen[k]}
            ctypes.memset(seen, 0, len(seen))
        return numbers

    def run(self, case, monkeypatch):
        with monkeypatch.context() as context:
            for name, value in case.environment.items():
                context.setenv(name, value)
            inputs = [a.copy() for a in case.inputs]
            return run_call(case.op_type, case.attrs, inputs, case.output_shapes, case.output_dtypes, check=True, build=self.build)


@pytest.fixture(scope="module")
def switched(tmp_path_factory):
    return Switched(tmp_path_factory.mktemp("switched"))


@pytest.fixture(scope="module")
def cases_of(switched):
    """Barrier -> the cases that come to it, the quickest first; every case has run with all barriers, and the checker was silent."""
    found = {}
    for case in CASES:
        with pytest.MonkeyPatch.context() as monkeypatch:
            switched.run(case, monkeypatch)                   # the first run compiles
            switched.met()
            begin = time.process_time()
            switched.run(case, monkeypatch)
            for k in switched.met():
                found.setdefault(k, []).append((time.process_time() - begin, id(case), case))
    return {k: [case for *_, case in sorted(cases, key=lambda c: c[0])] for k, cases in found.items()}


@pytest.mark.parametrize("k", range(len(BARRIERS)), ids=[f"{name}:{line}" for name, line in BARRIERS])
def test_a_barrier_that_is_missing_is_told(k, switched, cases_of, monkeypatch):
    file, line = BARRIERS[k]
    assert k in cases_of, f"no case of cases.py comes to the barrier in {file}, line {line}: add an op whose kernel does"
    switched.take_out(k)
    try:
        for case in cases_of[k]:
            try:
                switched.run(case, monkeypatch)
            except AssertionError as e:
                assert any(text in str(e) for text in ("race on shared memory", "no thread of the block has written", "race on global memory"))
                return
    finally:
        switched.take_out(-1)
    pytest.fail(f"without the barrier in {file}, line {line}, the checker is silent about "
                f"{', '.join(case.op_type for case in cases_of[k])}: it is not needed, or a case is missing that needs it")


def test_the_helper_takes_out_what_it_says():
    text = ("__global__ void f(int *x) {\n  __shared__ int s[64];\n  s[threadIdx.x] = 1;\n  __syncthreads();\n"
            "  x[threadIdx.x] = s[63 - threadIdx.x];\n}\n")
    assert without_barrier(text, 0).count("\n") == text.count("\n") and "__sync" not in without_barrier(text, 0)
    assert barriers("// __syncthreads()\n/* __syncwarp() */ __syncwarp()") == [(38, 50)]
    x = np.zeros(64, np.int32)
    SourceModule(text, check=True).get_function("f")(x, block=64)
    with pytest.raises(LaunchError, match="shared memory"):
        SourceModule(without_barrier(text, 0), check=True).get_function("f")(x, block=64)
