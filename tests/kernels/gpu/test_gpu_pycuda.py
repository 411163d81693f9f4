"""The device behind PyCUDA, without a GPU: PyCUDA itself, on a driver whose GPUs are this machine (fake_driver/)."""
import os
import subprocess
import sys

import pytest

from fake_gpu import ROOT, build, environment, needs_pycuda, not_swapped, passes, python

pytestmark = [not_swapped, pytest.mark.timeout(600)]


@needs_pycuda
@pytest.mark.parametrize("order", ["lazy", "1"])
def test_the_device(order):
    passes("device_checks.py", order)


BROKEN = """
import numpy as np, sys
from minitf.core.errors import InternalError
from minitf.kernels.gpu import pycuda_device
gpu = pycuda_device.find()[0][0]
open(sys.argv[1], "w").write('extern "C" __global__ void f(float *x) { x[threadIdx.x] = 1; }')
f = gpu.function(sys.argv[1], "f")
x = gpu.allocate(128)
gpu.free(gpu.pinned(10))
gpu.launch(f, (1, 1, 1), (32, 1, 1), 0, np.uint64(x + 4096))
def told(call):
    try:
        call()
    except InternalError as e:
        return print("told:", e)
    print("not told")
told(gpu.synchronize)
told(lambda: gpu.launch(f, (1, 1, 1), (32, 1, 1), 0, np.uint64(x)))
told(lambda: gpu.allocate(1 << 20))
"""


@needs_pycuda
def test_a_broken_device_says_so_at_every_call_and_ends_quietly(tmp_path):
    status, output = python("-c", BROKEN, tmp_path / "f.cu")
    lines = output.splitlines()
    assert status == 0 and [line.startswith("told: fake GPU 0: ") for line in lines] == [True] * 3, output
    assert "an earlier launch" in lines[0] and "is no memory of this device" in lines[0]
    assert "f<<<(1, 1, 1), (32, 1, 1), 0>>>" in lines[1]


@needs_pycuda
def test_when_told_to_be_careful_the_launch_that_broke_it_is_named(tmp_path):
    status, output = python("-c", BROKEN, tmp_path / "f.cu", MINITF_GPU_CHECK="1")
    assert status != 0 and "InternalError: fake GPU 0: f<<<(1, 1, 1), (32, 1, 1), 0>>>" in output, output
    assert "PyCUDA" not in output and "terminate called" not in output, output


@needs_pycuda
def test_an_end_by_an_error_ends_by_it():
    status, output = python("-c", "from minitf.kernels.gpu import pycuda_device\ngpu = pycuda_device.find()[0][0]\nkept = gpu.allocate(1000)\n"
                                  "held = gpu.new_event()\ngpu.record(held)\nhost = gpu.pinned(10)\ngpu.enter()\nraise KeyError('the end')")
    assert status == 1 and output.splitlines()[-1] == "KeyError: 'the end'", output


PROBE = "import sys, minitf; assert not any(m.startswith('pycuda') for m in sys.modules)\nfrom minitf.kernels.gpu.probe import probe\nprint(probe())"


def lines_of(env):
    done = subprocess.run([sys.executable, "-c", PROBE], env=env, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


@needs_pycuda
def test_how_many_there_are_and_why_there_are_none(tmp_path):
    assert lines_of(environment())[0] == "Probe(count=2, reason='')"
    assert lines_of(environment(FAKE_GPUS="0"))[0] == \
        "Probe(count=0, reason='the NVIDIA driver finds no usable GPU (cuInit failed: no CUDA-capable device is detected)')"
    no_driver = environment()
    del no_driver["LD_LIBRARY_PATH"]
    if not os.path.exists("/dev/nvidiactl"):
        assert "no NVIDIA driver (libcuda.so.1: cannot open shared object file" in lines_of(no_driver)[0]
    (tmp_path / "old.c").write_text("int cuInit(unsigned flags) { return 0; }\n")
    build.run("gcc", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", tmp_path / "old.c", "-o", tmp_path / "libcuda.so.1")
    assert "the NVIDIA driver is older than the CUDA toolkit that PyCUDA was built with (undefined symbol: cu" in \
        lines_of(environment(LD_LIBRARY_PATH=str(tmp_path)))[0]


def test_without_pycuda_there_is_none_and_nothing_imports_it():
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    out = lines_of(env)[0]
    try:
        import pycuda                                         # noqa: F401
    except ImportError:
        assert out == "Probe(count=0, reason='PyCUDA is not installed (make extra-gpu)')"
    else:
        assert out.startswith("Probe(")
