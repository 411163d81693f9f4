"""Whole sessions on GPUs behind PyCUDA, without a GPU: the fake driver does what is queued late, or in an order drawn by a seed."""
import pytest

from fake_gpu import HERE, needs_pycuda, not_swapped, passes, python

pytestmark = [needs_pycuda, not_swapped, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    """What the same programs give on emulated GPUs."""
    path = tmp_path_factory.mktemp("emulated") / "arrays.npz"
    status, output = python(HERE / "fake_driver" / "session_checks.py", path, MINITF_GPU="emulate:2")
    assert status == 0, output
    return path


@pytest.mark.parametrize("order", ["lazy", "1"])
def test_sessions(order, emulated):
    passes("session_checks.py", order, EMULATED=str(emulated))
