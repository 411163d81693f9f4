"""Memory of tensors: reference-counted storages, and NumPy arrays over buffers.

Every byte a step uses comes from new_storage() or from an arena (session/executor.pyx), which is one storage too; so
`allocator_stats()` counts all there is, and a test can assert that a step allocates nothing.

Strings are Python's bytes objects, so a tensor of strings is memory full of references, laid out as in NumPy's arrays of objects.
Such memory is never part of an arena, and the storage that holds it gives the references back, for which it takes the GIL:
so nobody may hold a lock that is also taken under the GIL when the last reference to it goes.
"""
cimport numpy as np
from cpython.ref cimport Py_XDECREF, Py_XINCREF, PyObject
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from .dtypes import as_dtype
from .errors import ResourceExhaustedError

np.import_array()

cdef extern from *:
    """
    #define add_atomically(p, n) __atomic_add_fetch((p), (n), __ATOMIC_ACQ_REL)
    #define load_atomically(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    static inline void raise_to(long *p, long value) {
        long old = __atomic_load_n(p, __ATOMIC_RELAXED);
        while (old < value && !__atomic_compare_exchange_n(p, &old, value, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)); }
    """
    void raise_to(long *, long) nogil
    long add_atomically(long *, long) nogil
    long load_atomically(long *) nogil

# Arrays that start at the same offset in their pages disturb one another (a load waits for an earlier store whose address has
# the same low 12 bits), so large storages start at different multiples of 512 bytes.
cdef enum:
    STAGGER = 512
    ALIGNMENT = 64

cdef long allocations = 0, frees = 0, live_bytes = 0, most_bytes = 0


def allocator_stats():
    """(allocations, frees, live bytes) of this process so far."""
    return load_atomically(&allocations), load_atomically(&frees), load_atomically(&live_bytes)


def peak_bytes(bint forget=False):
    """The most bytes that were live at once in this process; with forget=True from now on: what is live now is the first mark."""
    global most_bytes
    cdef long most = load_atomically(&most_bytes)
    if forget:
        most_bytes = load_atomically(&live_bytes)
    return most


cdef Storage *new_storage(size_t nbytes) except NULL nogil:
    """A storage of nbytes, not initialised, with one reference.  ResourceExhaustedError if there is no memory."""
    cdef Storage *storage = <Storage *> malloc(sizeof(Storage))
    cdef size_t shift = 0
    cdef long serial = add_atomically(&allocations, 1)
    if nbytes >= 4096:
        shift = <size_t> (serial % 8) * STAGGER
    if storage == NULL or posix_memalign(&storage.block, ALIGNMENT, nbytes + shift + ALIGNMENT):
        free(storage)
        with gil:
            raise ResourceExhaustedError(None, None, f"OOM when allocating {nbytes:,} bytes")
    storage.data = <char *> storage.block + shift
    storage.nbytes = nbytes
    storage.objects = 0
    storage.refs = 1
    storage.memory = storage.event = NULL
    storage.give_back = NULL
    raise_to(&most_bytes, add_atomically(&live_bytes, <long> nbytes))
    return storage


cdef Storage *storage_for(Buffer *b) except NULL nogil:
    cdef Storage *storage = new_storage(b.size * b.itemsize)
    if holds_objects(b.dtype):
        memset(storage.data, 0, b.size * b.itemsize)
        storage.objects = b.size
    return storage


cdef void retain(Storage *storage) noexcept nogil:
    if storage != NULL:
        add_atomically(&storage.refs, 1)


cdef void release(Storage *storage) noexcept nogil:
    if storage != NULL and add_atomically(&storage.refs, -1) == 0:
        if storage.give_back != NULL:
            storage.give_back(storage)
            return
        add_atomically(&frees, 1)
        add_atomically(&live_bytes, -<long> storage.nbytes)
        if storage.objects:
            drop_objects(storage)
        free(storage.block)
        free(storage)


cdef void drop_objects(Storage *storage) noexcept nogil:
    cdef Py_ssize_t i
    with gil:
        for i in range(storage.objects):
            Py_XDECREF((<PyObject **> storage.data)[i])


cdef int copy_elements(char *target, const char *source, Buffer *like) except -1 nogil:
    """The target's references, where the elements are objects, are overwritten: it holds none yet."""
    cdef Py_ssize_t i
    if like.size:
        memcpy(target, source, like.size * like.itemsize)
    if holds_objects(like.dtype):
        with gil:
            for i in range(like.size):
                Py_XINCREF((<PyObject **> target)[i])
    return 0


cdef bint is_exclusive(Storage *storage) noexcept nogil:
    return load_atomically(&storage.refs) == 1


cdef int allocate(Buffer *b, int rank, const int64_t *shape) except -1 nogil:
    cdef int i
    b.rank, b.size = rank, 1
    for i in range(rank):
        b.shape[i] = shape[i]
        b.size *= shape[i]
    release(b.storage)
    b.storage = NULL
    b.storage = storage_for(b)
    b.data = b.storage.data
    return 0


cdef bint holds_objects(int dtype) noexcept nogil:
    return dtype == STRING or dtype == VARIANT


cdef int itemsize_of(int dtype) noexcept nogil:
    if dtype == FLOAT64 or dtype == INT64 or dtype == STRING or dtype == VARIANT or dtype == COMPLEX64:
        return 8
    if dtype == COMPLEX128:
        return 16
    if dtype == FLOAT32 or dtype == INT32:
        return 4
    return 2 if dtype == INT16 else 1


cdef int typenum_of(int dtype) noexcept nogil:
    if dtype == FLOAT32: return np.NPY_FLOAT32
    if dtype == FLOAT64: return np.NPY_FLOAT64
    if dtype == INT32: return np.NPY_INT32
    if dtype == INT64: return np.NPY_INT64
    if dtype == BOOL: return np.NPY_BOOL
    if dtype == UINT8: return np.NPY_UINT8
    if dtype == INT16: return np.NPY_INT16
    if dtype == STRING or dtype == VARIANT: return np.NPY_OBJECT
    if dtype == COMPLEX64: return np.NPY_COMPLEX64
    if dtype == COMPLEX128: return np.NPY_COMPLEX128
    return np.NPY_INT8


cdef int describe(Buffer *b, object dtype, object shape) except -1:
    cdef int i
    if len(shape) > MAX_RANK:
        raise ValueError(f"A tensor has at most {MAX_RANK} dimensions, got shape {tuple(shape)}")
    b.dtype = as_dtype(dtype).base_dtype.as_datatype_enum
    b.itemsize = itemsize_of(b.dtype)
    b.rank, b.size = len(shape), 1
    for i in range(b.rank):
        b.shape[i] = shape[i]
        b.size *= b.shape[i]
    return 0


cdef class StorageOwner:
    """Keeps a storage alive as long as a NumPy array looks at it."""
    cdef Storage *storage

    def __dealloc__(self):
        release(self.storage)


cdef object array_over(Buffer *b, char *data):
    cdef np.npy_intp dims[MAX_RANK]
    cdef int i
    for i in range(b.rank):
        dims[i] = b.shape[i]
    return np.PyArray_SimpleNewFromData(b.rank, dims, typenum_of(b.dtype), data)


cdef object view_of(Buffer *b, object base):
    array = array_over(b, b.data)
    np.set_array_base(array, base)
    return array


cdef object copy_of(Buffer *b):
    cdef np.npy_intp dims[MAX_RANK]
    cdef int i
    cdef np.ndarray array
    if holds_objects(b.dtype):
        array = array_over(b, b.data)
        return array.copy() if b.rank else array.item()
    for i in range(b.rank):
        dims[i] = b.shape[i]
    array = np.PyArray_SimpleNew(b.rank, dims, typenum_of(b.dtype))
    if b.size:
        memcpy(np.PyArray_DATA(array), b.data, b.size * b.itemsize)
    # not PyArray_Return: it steals a reference that Cython does not know of
    return np.PyArray_ToScalar(np.PyArray_DATA(array), array) if b.rank == 0 else array


cdef object hand_over(Buffer *b):
    """A NumPy array that shares b's counted storage: no copy.  Only for a storage that nobody else will write to."""
    cdef StorageOwner owner = StorageOwner.__new__(StorageOwner)
    retain(b.storage)
    owner.storage = b.storage
    return view_of(b, owner)
