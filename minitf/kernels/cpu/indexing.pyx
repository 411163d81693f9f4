"""Bounds of axes and indices, told as TensorFlow tells them: indices[2,0] = 7 is not in [0, 5)."""
from minitf.core.errors import InvalidArgumentError


cdef int normal_axis(int64_t axis, int rank) except -1:
    """The same axis in [0, rank).  InvalidArgumentError if there is none."""
    if not -rank <= axis < rank:
        raise InvalidArgumentError(None, None, f"axis = {axis} not in [{-rank}, {rank})")
    return <int> (axis + rank if axis < 0 else axis)


cdef int check_indices(const Buffer *indices, int64_t limit, const char *name) except -1 nogil:
    """InvalidArgumentError, naming the first, unless every index lies in [0, limit)."""
    cdef int64_t i
    for i in range(indices.size):
        if not 0 <= integer(indices, i) < limit:
            with gil:
                raise InvalidArgumentError(None, None, f"{name.decode()}{place_text(indices, i)} = {integer(indices, i)} is not in [0, {limit})")
    return 0


cdef str place_text(const Buffer *b, int64_t i):
    """Element i's place in its array: "[2,0]", or nothing in a scalar."""
    cdef int k
    place = []
    for k in range(b.rank - 1, -1, -1):
        place.insert(0, str(i % b.shape[k]))
        i //= b.shape[k]
    return f"[{','.join(place)}]" if place else ""


cdef str shape_text(const Buffer *b):
    """[2,3], as TensorFlow prints shapes in errors."""
    cdef int k
    return "[" + ",".join([str(b.shape[k]) for k in range(b.rank)]) + "]"
