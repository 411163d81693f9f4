"""tf.test: unit tests of programs that use minitf.

    class SquareTest(tf.test.TestCase):
        def test_square(self):
            with self.test_session():
                self.assertAllClose(tf.square([2.0, 3.0]).eval(), [4.0, 9.0])

    if __name__ == "__main__":
        tf.test.main()
"""
import os as _os
import sys as _sys
import unittest as _unittest
from unittest import mock

from ..autodiff import compute_gradient, compute_gradient_error
from ..core.nearest import no_attribute as _no_attribute
from ..platform import flags as _flags
from ..kernels.gpu.devices import first_name as _first_gpu, real_count as _real_gpus
from .temporary import get_temp_dir
from .test_case import TestCase


def main(argv=None):
    """Run the tests of the program's file, as unittest.main() does.  Flags that the program defined are read from the command line first."""
    argv = _sys.argv if argv is None else argv
    return _unittest.main(argv=_flags.FLAGS(argv, known_only=True))


def gpu_device_name():
    """'/device:GPU:0' where this process has a real GPU, or MINITF_GPU=emulate asks for an emulated one; else ''.

    Without either a program that asks for a GPU gets an emulated one all the same: a test that would be too slow there should ask here first.
    """
    return _first_gpu()


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """As gpu_device_name(); cuda_only: whether it has a real one."""
    return bool(_real_gpus() if cuda_only else _first_gpu())


def is_built_with_cuda():
    """Whether real GPUs can be used: PyCUDA, a driver, a GPU and a compiler for it are there."""
    return bool(_real_gpus())


def test_src_dir_path(relative_path):
    """The path of a file in the package's folder, which tests read data from."""
    return _os.path.join(_os.path.dirname(_os.path.dirname(_os.path.abspath(__file__))), relative_path)


test_src_dir_path.__test__ = False        # pytest would take it for a test


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
