"""What a tensor is at run time: a Buffer describes it, a Storage holds its bytes when they are shared."""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t

cdef enum:
    MAX_RANK = 8

cdef enum DTypeCode:             # the numbers of TensorFlow's types.proto, as in DType.as_datatype_enum
    FLOAT32 = 1
    FLOAT64 = 2
    INT32 = 3
    UINT8 = 4
    INT16 = 5
    INT8 = 6
    STRING = 7                   # elements are references to Python objects: bytes
    COMPLEX64 = 8
    INT64 = 9
    BOOL = 10
    COMPLEX128 = 18
    VARIANT = 21                 # elements are references to Python objects of any kind

cdef struct Storage              # reference-counted memory: retain() and release() are atomic and need no GIL

ctypedef void (*GiveBack)(Storage *) noexcept nogil

cdef struct Storage:
    char *data
    size_t nbytes
    Py_ssize_t objects           # how many references to Python objects it holds: all of it, or none
    long refs
    void *block                  # what free() gets
    void *memory                 # the Memory (core/memory) that it lies in, borrowed; NULL: the host's
    GiveBack give_back           # of a memory: takes the bytes back, and frees the struct
    void *event                  # behind which the contents are there, in a memory's queue; NULL: they are there

cdef struct Buffer:              # a dense, C-contiguous array
    char *data
    int64_t size                 # elements
    int dtype                    # a DTypeCode
    int itemsize
    int rank
    int64_t shape[MAX_RANK]
    Storage *storage             # the owner of data, if it is counted; NULL where an arena, a plan or a caller keeps it alive
    void *resource               # behind a ref: the borrowed Python object (a VariableState); else NULL

cdef Storage *new_storage(size_t nbytes) except NULL nogil
cdef Storage *storage_for(Buffer *b) except NULL nogil        # new, of the size of b; of references to nothing, where its elements are objects
cdef void retain(Storage *storage) noexcept nogil
cdef void release(Storage *storage) noexcept nogil
cdef bint is_exclusive(Storage *storage) noexcept nogil
cdef int allocate(Buffer *b, int rank, const int64_t *shape) except -1 nogil    # fresh storage of that shape, for a result whose size only its kernel knows
cdef object view_of(Buffer *b, object base)          # a NumPy array over b's memory, which base keeps alive; no copy
cdef object copy_of(Buffer *b)                       # a NumPy array of its own; a NumPy scalar for rank 0
cdef object hand_over(Buffer *b)                     # a NumPy array that shares b's storage; no copy
cdef int describe(Buffer *b, object dtype, object shape) except -1      # sets everything but data, storage, resource
cdef int itemsize_of(int dtype) noexcept nogil
cdef bint holds_objects(int dtype) noexcept nogil
cdef int copy_elements(char *target, const char *source, Buffer *like) except -1 nogil   # like.size elements, counting the objects among them
cdef int typenum_of(int dtype) noexcept nogil

cdef inline float *float32s(Buffer *b) noexcept nogil:
    return <float *> b.data

cdef inline double *float64s(Buffer *b) noexcept nogil:
    return <double *> b.data

cdef inline int32_t *int32s(Buffer *b) noexcept nogil:
    return <int32_t *> b.data

cdef inline int64_t *int64s(Buffer *b) noexcept nogil:
    return <int64_t *> b.data

cdef inline uint8_t *bools(Buffer *b) noexcept nogil:
    return <uint8_t *> b.data
