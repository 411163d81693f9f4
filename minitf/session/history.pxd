"""The history of a loop."""
from minitf.core.buffers cimport Buffer

cdef class History:
    """What a loop saved: in each iteration the same number of tensors, held by reference.  The value of a tensor of dtype variant."""
    cdef Buffer *saved
    cdef Py_ssize_t width, length, room   # tensors per iteration; iterations; iterations that there is room for
    cdef Buffer *add(self) except NULL nogil
