"""benchmarks/gpu.py runs, on an emulated GPU; what it measures there means nothing, and it says so."""
import os
import subprocess
import sys

from fake_gpu import ROOT, not_swapped

pytestmark = not_swapped


def test_tiny_rows_of_each_kind():
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu", "--tiny", "--rounds", "1", "--write", "--only", "add,matmul_32,conv3x3_fwd,lenet_b64"],
                          cwd=ROOT, env={**os.environ, "MINITF_GPU": "emulate"}, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert "these times say nothing about a GPU" in done.stdout and "Not written" in done.stderr and "failed" not in done.stderr
    for row in ("add", "matmul 32", "conv3x3_fwd", "lenet_b64"):
        line, = [line for line in done.stdout.splitlines() if line.startswith(f"| {row} |")]
        assert line.split("|")[2].strip(), line
