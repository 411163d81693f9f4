"""A body as an instruction runs it."""
from cpython.ref cimport PyObject
from minitf.core.buffers cimport Buffer
from minitf.kernels.cpu.kernel cimport Kernel
from minitf.session.activation cimport Activation


cdef class Call:
    cdef object body
    cdef Activation outer
    cdef dict activations                 # plan -> Activation
    cdef PyObject *first                  # the Activation for the shapes of the last run, or NULL
    cdef PyObject *now                    # the part of it that runs
    cdef Buffer **arguments               # set by the owner
    cdef Buffer *shapes                   # of the arguments in the last run
    cdef Py_ssize_t n_arguments, n_results
    cdef bint is_fixed
    cdef bint fits(self) noexcept nogil
    cdef int begin(self) except -1 nogil
    cdef int find(self) except -1
    cdef int proceed(self) except -1 nogil
    cdef int go_behind_cut(self) except -1
    cdef int take(self, Buffer *results) except -1 nogil
    cdef void take_from(self, Activation a, Buffer *results) noexcept nogil
    cdef int take_from_rest(self, Buffer *results) except -1
    cdef int end(self) except -1

cdef int own(Buffer *b) except -1 nogil
cdef int bind_output(Buffer *out, Buffer *value, bint is_static) except -1 nogil
cdef bint *static_outputs(Kernel kernel) except NULL
