"""Which GPUs this process has: real ones behind PyCUDA, or emulated ones; found when a program first asks for one.

    MINITF_GPU=off          none
    MINITF_GPU=real         real ones only; without any, the run fails and says why
    MINITF_GPU=emulate:2    two emulated ones
    unset                   the real ones, or else one emulated
    MINITF_GPU_CHECK=1      kernels of emulated ones run under the checker: races and accesses outside of arrays are errors
    MINITF_GPU_MEMORY=n     bytes of memory of an emulated one (2 GiB)
"""
import os
import re
import threading

from ...core.errors import InvalidArgumentError
from ...platform import tf_logging

MEMORY = 2 << 30              # bytes of an emulated GPU
_lock = threading.Lock()
_found = None


def gpus(options=None):
    """[Device] of this process, those of options.visible_device_list (tf.GPUOptions) in its order."""
    global _found
    with _lock:
        if _found is None:
            _found = _find(options)
    visible = options.visible_device_list if options is not None else ""
    if not visible:
        return list(_found)
    try:
        return [_found[int(k)] for k in visible.split(",")]
    except (ValueError, IndexError):
        raise InvalidArgumentError(None, None, f"visible_device_list is {visible!r}: numbers of GPUs, with commas between them; there are {len(_found)}") from None


def real_count():
    """How many real GPUs can be used; no device is opened."""
    from .pycuda_device import probe
    return probe().count


def first_name():
    """'/device:GPU:0' where a program gets a real GPU, or an emulated one that MINITF_GPU asks for; else ''."""
    wanted = os.environ.get("MINITF_GPU", "")
    return "/device:GPU:0" if wanted.startswith("emulate") or wanted != "off" and real_count() else ""


def _find(options):
    from .device import EmulatedDevice
    wanted = os.environ.get("MINITF_GPU", "")
    match = re.fullmatch(r"(off|real|emulate)?(?::(\d+))?", wanted)
    if match is None or match[2] and match[1] != "emulate":
        raise InvalidArgumentError(None, None, f"MINITF_GPU is {wanted!r}; it may be off, real, emulate or emulate:n")
    if match[1] == "off":
        return []
    if match[1] != "emulate":
        real, why = _real(options)
        if real or match[1] == "real":
            if not real:
                raise InvalidArgumentError(None, None, f"MINITF_GPU=real, but there is none: {why}")
            return real
        tf_logging.warning("No GPU here (%s): /gpu:0 is emulated on the CPU, slowly and with the same kernels. MINITF_GPU=emulate says so without this line.", why)
    check = os.environ.get("MINITF_GPU_CHECK", "0") not in ("", "0")
    fraction = options.per_process_gpu_memory_fraction if options is not None else 0
    limit = int(int(os.environ.get("MINITF_GPU_MEMORY", MEMORY)) * (fraction or 1.0))
    return [EmulatedDevice(f"GPU:{k}", limit, check) for k in range(int(match[2] or 1))]


def _real(options):
    """([Device], why there is none)."""
    from .device import RealDevice
    from .pycuda_device import find
    found, why = find(options.per_process_gpu_memory_fraction if options is not None else None)
    return [RealDevice(f"GPU:{k}", gpu) for k, gpu in enumerate(found)], why
