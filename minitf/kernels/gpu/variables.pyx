"""Assigning variables whose value lies in a device's memory.  What changes their elements is in slot_update.cuh and scatter.cuh."""
from minitf.core.memory cimport Memory
from minitf.core.resources cimport VariableState
from minitf.kernels.cpu.kernel cimport DONE, Kernel

from minitf.core.registry import register_kernel
from minitf.kernels.cpu.state import Assign


cdef class IsVariableInitialized(Kernel):
    """A bool, written to the device's memory."""
    cdef Memory memory

    def __init__(self, attrs):
        self.memory = attrs["_device"]

    cdef int run(self) except -1 nogil:
        cdef char known = (<VariableState> self.inputs[0].resource).initialized
        self.memory.copy_in(self.outputs[0].data, &known, 1)
        return DONE


register_kernel("Assign", "GPU")(Assign)                # the variable knows where its value lies
register_kernel("IsVariableInitialized", "GPU")(IsVariableInitialized)
