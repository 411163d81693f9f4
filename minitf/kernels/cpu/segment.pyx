"""Reductions of rows by segment: of ascending ids, where a segment is a run of rows, and of any ids.

The rows of a segment are taken in order, so the bits depend on nothing else.  Max and Min give NaN where an element is NaN.
"""
from libc.stdint cimport INT8_MAX, INT8_MIN, INT16_MAX, INT16_MIN, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, UINT8_MAX
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t
from libc.float cimport DBL_MAX, FLT_MAX
from libc.string cimport memcpy

from .element_types cimport number
from .indexing cimport integer, place_text, product
from .kernel cimport FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, MAX_RANK, UINT8, Buffer, Kernel, allocate

from minitf.core.dtypes import float32, float64, int8, int16, int32, int64, uint8
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef enum Operation:
    SUM
    MEAN
    PROD
    MIN
    MAX

ctypedef int (*Loop)(Operation op, char *out, const char *data, const Buffer *ids, int64_t row, int64_t segments) except -1 nogil

OPERATIONS = {"Sum": SUM, "Mean": MEAN, "Prod": PROD, "Min": MIN, "Max": MAX}       # an op type is "Segment" or "UnsortedSegment" and one of these


cdef class SegmentReduction(Kernel):
    """output[s] = op over the rows of data whose id is s, ids ascending; where there are none, 0 (Prod: 1).

    inputs (data, segment_ids); the output has one row more than the last id.
    """
    cdef Operation operation
    cdef Loop loop

    op_type = "SegmentSum"

    def __init__(self, attrs):
        self.operation = OPERATIONS[self.op_type.partition("Segment")[2]]

    def prepare(self):
        self.loop = <Loop> <size_t> sorted_loops[self.inputs[0].dtype]

    cdef int run(self) except -1 nogil:
        cdef Buffer *data = self.inputs[0]
        cdef Buffer *ids = self.inputs[1]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t shape[MAX_RANK]
        cdef int64_t i, before = 0, segments = 0
        if ids.size != data.shape[0]:
            with gil:
                raise InvalidArgumentError(None, None, "segment_ids should be the same size as dimension 0 of input.")
        for i in range(ids.size):
            if integer(ids, i) < before:
                with gil:
                    raise InvalidArgumentError(None, None, f"segment ids {'are not increasing' if i else 'must be >= 0'}: "
                                               f"segment_ids{place_text(ids, i)} = {integer(ids, i)}")
            before = integer(ids, i)
        if ids.size:
            segments = before + 1
        if out.data == NULL:
            memcpy(shape, data.shape, sizeof(shape))
            shape[0] = segments
            allocate(out, data.rank, shape)
        self.loop(self.operation, out.data, data.data, ids, product(data.shape, 1, data.rank), segments)
        return 0


cdef class UnsortedSegmentReduction(SegmentReduction):
    """output[s] = op over the slices of data whose id is s, in any order; negative ids are dropped.

    inputs (data, segment_ids, num_segments).  Of no slices: 0, 1, or the highest (Min) or lowest (Max) finite value.
    """
    def prepare(self):
        self.loop = <Loop> <size_t> unsorted_loops[self.inputs[0].dtype]

    cdef int run(self) except -1 nogil:
        cdef Buffer *data = self.inputs[0]
        cdef Buffer *ids = self.inputs[1]
        cdef int64_t i, segments = self.outputs[0].shape[0]
        for i in range(ids.size):
            if integer(ids, i) >= segments:
                with gil:
                    raise InvalidArgumentError(None, None, f"segment_ids{place_text(ids, i)} = {integer(ids, i)} is out of range [0, {segments})")
        self.loop(self.operation, self.outputs[0].data, data.data, ids, product(data.shape, ids.rank, data.rank), segments)
        return 0


cdef int reduce_runs(Operation op, number *out, const number *x, const Buffer *ids, int64_t row, int64_t segments) except -1 nogil:
    cdef int64_t i, k, segment, last = -1, first = 0
    for i in range(ids.size + 1):
        segment = integer(ids, i) if i < ids.size else segments
        if segment == last:
            combine(op, out + segment * row, x + i * row, row)
            continue
        if op == MEAN and i - first > 1:
            for k in range(row): out[last * row + k] = out[last * row + k] / <number> (i - first)
        for k in range((last + 1) * row, segment * row): out[k] = op == PROD
        if i < ids.size:
            memcpy(out + segment * row, x + i * row, row * sizeof(number))
        last, first = segment, i
    return 0


cdef int reduce_scattered(Operation op, number *out, const number *x, const Buffer *ids, int64_t row, int64_t segments) except -1 nogil:
    cdef int64_t i
    for i in range(segments * row): out[i] = neutral(op, <number> 0)
    for i in range(ids.size):
        if integer(ids, i) >= 0:
            combine(op, out + integer(ids, i) * row, x + i * row, row)
    return 0


cdef inline void combine(Operation op, number *to, const number *x, int64_t n) noexcept nogil:
    cdef int64_t k
    if op == PROD:
        for k in range(n): to[k] = to[k] * x[k]
    elif op == MIN:
        for k in range(n): to[k] = to[k] if (to[k] < x[k]) | (to[k] != to[k]) else x[k]
    elif op == MAX:
        for k in range(n): to[k] = to[k] if (to[k] > x[k]) | (to[k] != to[k]) else x[k]
    else:
        for k in range(n): to[k] = to[k] + x[k]


cdef inline number neutral(Operation op, number unused) noexcept nogil:
    if op == PROD: return 1
    if op == MIN: return highest(unused)
    if op == MAX:
        if number is float or number is double: return -highest(unused)
        elif number is uint8_t: return 0
        else: return -highest(unused) - 1
    return 0


cdef inline number highest(number unused) noexcept nogil:
    if number is float: return FLT_MAX
    elif number is double: return DBL_MAX
    elif number is int32_t: return INT32_MAX
    elif number is int64_t: return INT64_MAX
    elif number is int16_t: return INT16_MAX
    elif number is int8_t: return INT8_MAX
    else: return UINT8_MAX


cdef dict sorted_loops = {}
cdef dict unsorted_loops = {}

cdef declare(number unused, int dtype):
    sorted_loops[dtype] = <size_t> <Loop> reduce_runs[number]
    unsorted_loops[dtype] = <size_t> <Loop> reduce_scattered[number]

declare[float](0, FLOAT32)
declare[double](0, FLOAT64)
declare[int32_t](0, INT32)
declare[int64_t](0, INT64)
declare[int16_t](0, INT16)
declare[int8_t](0, INT8)
declare[uint8_t](0, UINT8)

for _op_type, _base in [(f"Segment{name}", SegmentReduction) for name in OPERATIONS] + \
                       [(f"UnsortedSegment{name}", UnsortedSegmentReduction) for name in ("Sum", "Prod", "Min", "Max")]:
    register_kernel(_op_type, T=[float32, float64, int32, int64, int16, int8, uint8])(type(_op_type, (_base,), {"op_type": _op_type}))
