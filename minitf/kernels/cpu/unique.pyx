"""The different values of a vector of integers; array_numpy.py has the kernel for other types."""
from libc.stdint cimport int32_t, int64_t

from .index_set cimport IndexSet
from .indexing cimport integer
from .kernel cimport INT32, Buffer, Kernel, allocate, int32s, int64s

from minitf.core.dtypes import int32, int64
from minitf.core.registry import register_kernel


cdef inline void write(Buffer *b, int64_t i, int64_t value) noexcept nogil:
    if b.dtype == INT32:
        int32s(b)[i] = <int32_t> value
    else:
        int64s(b)[i] = value


cdef class Unique(Kernel):
    """input x [n]; outputs (the different values in the order in which they appear, for each element the place of its value among them)."""
    cdef IndexSet seen

    def prepare(self):
        self.seen = IndexSet(self.inputs[0].size)

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef Buffer *place = self.outputs[1]
        cdef int64_t i, k, different = 0
        self.seen.clear()
        for i in range(x.size):
            k = self.seen.slot(integer(x, i))
            if self.seen.first[k] == 0:
                self.seen.put(integer(x, i), <int32_t> different)
                different += 1
            write(place, i, self.seen.first[k] - 1)
        allocate(self.outputs[0], 1, &different)
        for i in range(x.size - 1, -1, -1):
            write(self.outputs[0], integer(place, i), integer(x, i))
        return 0


register_kernel("Unique", T=[int32, int64])(Unique)
