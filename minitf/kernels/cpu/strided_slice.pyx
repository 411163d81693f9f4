"""x[begin:end:step, ...] and its adjoint: one strided copy, whose steps may be negative."""
from libc.stdint cimport int64_t
from libc.string cimport memset

from .indexing cimport integer
from .kernel cimport MAX_RANK, Buffer, Kernel
from .strided cimport StridedCopy, add_axis, begin_copy, finish_copy, run_copy

from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.core.strided import NEW, SHRINK, layout

cdef struct Axis:                     # of the whole array
    int place                         # in begin, end and strides; -1: the axis is taken whole
    bint shrinks, has_begin, has_end
    int64_t size, stride              # bytes from one element to the next
    int64_t step, count               # of the elements taken


cdef class StridedWork(Kernel):
    """The copy between a whole array and the slice of it.  Where it begins is looked up in each run, the rest in prepare()."""
    cdef StridedCopy copy
    cdef Axis axes[MAX_RANK]
    cdef int rank
    cdef dict attrs
    cdef Buffer *begin
    cdef Buffer *end
    cdef Buffer *strides

    def __init__(self, attrs):
        self.attrs = attrs

    cdef lay_out(self, Buffer *whole, Buffer *part, bint into_whole):
        """Plan the copy from the slice of `whole` to `part`, or the other way."""
        cdef int64_t stride[MAX_RANK]
        cdef int64_t part_stride[MAX_RANK]
        cdef int k = 0, out = 0, place
        cdef Axis *axis
        strides_of(whole, stride)
        strides_of(part, part_stride)
        begin_copy(&self.copy, whole.itemsize)
        get = self.attrs.get
        try:
            kinds = layout(whole.rank, self.begin.size, get("ellipsis_mask", 0), get("new_axis_mask", 0), get("shrink_axis_mask", 0))
        except ValueError as error:
            raise InvalidArgumentError(None, None, str(error)) from None
        for kind, which in kinds:
            if kind == NEW:
                out += 1
                continue
            axis = &self.axes[k]
            place = -1 if which is None else which
            axis.place, axis.shrinks, axis.size, axis.stride = place, kind == SHRINK, whole.shape[k], stride[k]
            axis.has_begin = place >= 0 and not get("begin_mask", 0) >> place & 1
            axis.has_end = place >= 0 and not get("end_mask", 0) >> place & 1
            axis.step = 1 if place < 0 or axis.shrinks else integer(self.strides, place)
            if axis.step == 0:
                raise InvalidArgumentError(None, None, f"strides[{place}] must be non-zero")
            axis.count = 1
            if not axis.shrinks:
                axis.count = part.shape[out]
                if into_whole:
                    add_axis(&self.copy, axis.count, axis.step * stride[k], part_stride[out])
                else:
                    add_axis(&self.copy, axis.count, part_stride[out], axis.step * stride[k])
                out += 1
            k += 1
        self.rank = k
        finish_copy(&self.copy)

    cdef int64_t offset(self) except -1 nogil:
        """Bytes from the beginning of the whole array to the slice's first element."""
        cdef int64_t total = 0, first, last, count
        cdef int k
        cdef Axis *axis
        for k in range(self.rank):
            axis = &self.axes[k]
            if axis.shrinks:
                first = integer(self.begin, axis.place)
                if not -axis.size <= first < axis.size:
                    with gil:
                        raise InvalidArgumentError(None, None, f"slice index {first} of dimension {k} out of bounds.")
                first += axis.size if first < 0 else 0
            else:
                first = 0 if axis.step > 0 else axis.size - 1
                last = axis.size if axis.step > 0 else -1
                if axis.has_begin:
                    first = within(integer(self.begin, axis.place), axis)
                if axis.has_end:
                    last = within(integer(self.end, axis.place), axis)
                if axis.step > 0:
                    count = (last - first + axis.step - 1) // axis.step if first < last else 0
                else:
                    count = (first - last - axis.step - 1) // -axis.step if first > last else 0
                if count != axis.count:
                    with gil:
                        raise InvalidArgumentError(None, None, f"The slice takes {count} of the {axis.size} elements of dimension {k}, "
                                                   f"and the shape of the other side says {axis.count}")
                if count == 0:
                    return 0
            total += first * axis.stride
        return total


cdef inline int64_t within(int64_t place, const Axis *axis) noexcept nogil:
    """A bound counted from the front, and where it lies outside the axis, the end of the axis that it lies beyond."""
    cdef int64_t low = 0 if axis.step > 0 else -1, high = axis.size if axis.step > 0 else axis.size - 1
    place += axis.size if place < 0 else 0
    return low if place < low else high if place > high else place


cdef void strides_of(const Buffer *b, int64_t *strides) noexcept nogil:
    cdef int64_t step = b.itemsize
    cdef int k
    for k in range(b.rank - 1, -1, -1):
        strides[k] = step
        step *= b.shape[k]


cdef class StridedSlice(StridedWork):
    """input, begin, end, strides -> the slice."""
    def prepare(self):
        self.begin, self.end, self.strides = self.inputs[1], self.inputs[2], self.inputs[3]
        self.lay_out(self.inputs[0], self.outputs[0], False)

    cdef int run(self) except -1 nogil:
        cdef int64_t offset = self.offset()
        run_copy(&self.copy, self.outputs[0].data, self.inputs[0].data + offset)
        return 0


cdef class StridedSliceGrad(StridedWork):
    """shape, begin, end, strides, dy -> zeros of that shape, with dy where the slice lies."""
    def prepare(self):
        self.begin, self.end, self.strides = self.inputs[1], self.inputs[2], self.inputs[3]
        self.lay_out(self.outputs[0], self.inputs[4], True)

    cdef int run(self) except -1 nogil:
        cdef int64_t offset = self.offset()
        memset(self.outputs[0].data, 0, self.outputs[0].size * self.outputs[0].itemsize)
        run_copy(&self.copy, self.outputs[0].data + offset, self.inputs[4].data)
        return 0


register_kernel("StridedSlice")(StridedSlice)
register_kernel("StridedSliceGrad")(StridedSliceGrad)
