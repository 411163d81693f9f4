"""The kernel interface: what a CPU kernel is given, and nothing else.  Installed, so that a file outside the package can cimport it."""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t
from minitf.core.buffers cimport (Buffer, Storage, allocate, float32s, float64s, int32s, int64s, bools,
                                  MAX_RANK, FLOAT32, FLOAT64, INT32, UINT8, INT16, INT8, STRING, INT64, BOOL, VARIANT)

from minitf.core.waiting cimport DONE, PARK, Waiter       # PARK: the kernel has left its waiter with whoever will call resume(); it is then run again


cdef class Kernel:
    """One instruction of a running plan.  A subclass's fields are the op's attributes and its scratch memory.

    __init__(attrs)  reads the attributes (a dict) into typed fields
    prepare()        is called once, when inputs and outputs are bound and every shape is known: choose, allocate scratch
    run()            computes the outputs from the inputs; no GIL, no Python object, no allocation
    """
    cdef Buffer **inputs
    cdef Buffer **outputs
    cdef int n_inputs
    cdef int n_outputs
    cdef Waiter waiter           # the activation that runs this kernel
    cdef int run(self) except -1 nogil


cdef class PythonKernel(Kernel):
    """A kernel written in Python: compute(*arrays) gets NumPy views and returns an array or a tuple of them."""
    cdef object function
    cdef dict attrs
    cdef int compute(self) except -1

cdef int bind(Kernel kernel, list inputs, list outputs, Buffer *buffers, Waiter waiter) except -1
cdef unsigned flush_denormals() noexcept nogil           # this thread's mode before; for restore_denormals()
cdef void restore_denormals(unsigned saved) noexcept nogil
