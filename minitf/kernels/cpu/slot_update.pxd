"""What the updates of the optimizers have in common."""
from libc.math cimport sqrt
from libc.stdint cimport int64_t

from .index_set cimport IndexSet
from .kernel cimport FLOAT32, Buffer, Kernel

cdef extern from "<math.h>" nogil:
    float sqrtf(float)

cdef extern from "vector_math.h" nogil:
    float fma32(float, float, float)
    double fma64(double, double, double)

ctypedef fused real:
    float
    double

cdef enum:
    MAX_STATES = 4               # a variable and its slots
    MAX_HYPER = 6


cdef inline real multiply_add(real a, real b, real c) noexcept nogil:
    """a * b + c, rounded once."""
    if real is float:
        return fma32(a, b, c)
    else:
        return fma64(a, b, c)


cdef inline real root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


cdef class SlotUpdate(Kernel):
    """A change of a variable and its slots, while their locks are held: taken in the order of their addresses, each once, so two steps
    that update the same variables cannot wait for one another.

    A subclass has a formula for a range of elements: elements().  A dense update applies it to all of them, on several threads; a sparse
    one, whose gradient comes with indices, to the rows that the indices name, one after the other.  So one class serves an op and its
    sparse form (attribute Tindices), where `indices` follows the gradient.

    With the attribute _adds_up, gradients of a row that indices name several times are added up first, as an update that is not linear
    needs; without it they are applied one after the other, as TensorFlow's kernels do.
    """
    cdef list names                          # of the inputs
    cdef int n_states                        # so many of them are the variable and its slots
    cdef int grad                            # the gradient's place among them
    cdef int hyper_inputs[MAX_HYPER]         # the places of the hyper-parameters
    cdef int n_hyper
    cdef bint sparse, adds_up
    cdef Py_ssize_t grain                    # elements of a range, for parallel_for
    cdef void *variables[MAX_STATES]         # the VariableStates, borrowed from the inputs
    cdef void *order[MAX_STATES]             # the same by address, each once
    cdef int n_locks
    cdef Buffer *states[MAX_STATES]          # their values
    cdef double hyper[MAX_HYPER]             # the hyper-parameters' values; exact, since every float is a double
    cdef char *gradient                      # what the update is with: the input, or `sums`
    cdef IndexSet named                      # the indices of a sparse gradient
    cdef int64_t *chosen                     # by number: the place of a gradient that is to be applied
    cdef int64_t n_chosen
    cdef char *sums                          # the gradient where rows had to be added up

    cdef int describe(self, attrs, int n_states, str names) except -1
    cdef int check_hyper(self) except -1 nogil
    cdef int update(self) except -1 nogil
    cdef int choose(self) except -1 nogil
    cdef void elements(self, int64_t begin, int64_t end, int64_t grad_begin) noexcept nogil
    cdef int refuse(self, str message) except -1

    cdef inline bint is_float(self) noexcept nogil:
        return self.states[0].dtype == FLOAT32

    cdef inline float *floats(self, int k, int64_t i) noexcept nogil:
        """Where element i of the variable (k = 0) or of slot k is."""
        return <float *> self.states[k].data + i

    cdef inline double *doubles(self, int k, int64_t i) noexcept nogil:
        return <double *> self.states[k].data + i

    cdef inline float *float_grad(self, int64_t i) noexcept nogil:
        return <float *> self.gradient + i

    cdef inline double *double_grad(self, int64_t i) noexcept nogil:
        return <double *> self.gradient + i
