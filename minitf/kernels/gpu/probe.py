"""How many real GPUs this process can use, and why none.  It imports PyCUDA, so nothing asks before a program wants a GPU."""
import functools
from collections import namedtuple

from . import nvcc

Probe = namedtuple("Probe", "count reason")
Probe.__doc__ = """How many GPUs this process can use, and, where that is none, why."""


@functools.lru_cache(maxsize=None)
def probe():
    """Probe(count, reason): asked once in a process; nothing is set up on a device.

    Without PyCUDA it is Probe(0, "PyCUDA is not installed (make extra-gpu)").
    """
    try:
        import pycuda.driver as driver
    except ModuleNotFoundError as e:
        return Probe(0, "PyCUDA is not installed (make extra-gpu)" if e.name == "pycuda" else f"PyCUDA can not be imported: {e}")
    except ImportError as e:
        text = str(e)
        if "libcuda.so" in text:
            return Probe(0, f"no NVIDIA driver ({text})")
        if "undefined symbol" in text:
            return Probe(0, f"the NVIDIA driver is older than the CUDA toolkit that PyCUDA was built with ({text[text.index('undefined symbol'):]}): "
                            "update the driver, or build PyCUDA with the nvcc of an older toolkit on PATH")
        return Probe(0, f"PyCUDA can not be imported: {text}")
    try:
        driver.init()
        count = driver.Device.count()
    except driver.Error as e:
        return Probe(0, f"the NVIDIA driver finds no usable GPU ({e})")
    if count == 0:
        return Probe(0, "the NVIDIA driver finds no GPU")
    if nvcc.find() is None:
        return Probe(0, f"{count} GPU{'s' * (count > 1)}, but nothing to compile kernels with: {nvcc.missing()}")
    return Probe(count, "")
