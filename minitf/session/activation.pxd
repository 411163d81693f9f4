"""One step of one device's plan in flight."""
from minitf.core.buffers cimport Buffer, Storage
from minitf.core.waiting cimport Waits
from minitf.kernels.cpu.kernel cimport Kernel
from minitf.kernels.gpu.device cimport Device
from minitf.session.run_queue cimport Ready, RunQueue
from cpython.ref cimport PyObject

cdef class StepState:
    """What the activations of one step share.  aborted is set once, by whoever fails first, and then seen by all."""
    cdef int aborted
    cdef double deadline                  # on the monotonic clock; 0: none
    cdef double timeout
    cdef int threads                      # of one kernel
    cdef Waits waits                      # what its kernels wait for, other than one another
    cdef readonly object error


cdef struct Moments:
    # of one instruction in a traced step, in nanoseconds on the monotonic clock
    long long begin, ready, end           # of its last run: when it was first tried, last tried, and had ended
    long long work, waited, runs          # of all its runs; in a body there may be many


cdef class BodyKernel(Kernel):
    """A kernel that runs bodies: what it holds for a step is given back by end()."""
    cdef int end(self) except -1
    cdef int trace(self, bint wanted) except -1
    cpdef Activation running(self)        # the activation of the body it is in, or None


cdef class Activation(Ready):
    cdef Buffer *buffers
    cdef PyObject **code
    cdef Py_ssize_t *stops
    cdef Py_ssize_t *own
    cdef Py_ssize_t *bound
    cdef Moments *times                   # where a traced step notes when each instruction runs; else NULL
    cdef Py_ssize_t n_buffers, length, at_stop, n_own, n_bound
    cdef readonly Py_ssize_t pc
    cdef Storage *arena
    cdef readonly Device device           # of a GPU's plan; None: the host's memory
    cdef Storage **uploaded               # the plan's constants, in the device's memory
    cdef Py_ssize_t n_uploaded
    cdef readonly object plan
    cdef readonly list kernels
    cdef readonly dict parts              # plan of a next part -> its activation
    cdef readonly Activation following    # in this step, the part behind this one's cut, once it has begun
    cdef RunQueue queue
    cdef readonly StepState step
    cdef object context
    cdef Activation outer                 # of a body: the activation whose instruction runs it
    cdef list body_kernels
    cdef Py_ssize_t *arguments            # of a body: (buffer, number of the argument) one behind the other
    cdef Py_ssize_t *results              # (buffer, number of the fetch)
    cdef Py_ssize_t n_arguments, n_results
    cdef Storage **spare                  # of a body, per counted buffer: a second storage, in turn with the first
    cdef bint has_rest
    cdef double work
    cdef list feeds
    cdef list resources                   # keeps what the buffers' resource pointers borrow
    cdef int upload(self, Buffer *b) except -1
    cdef int start(self, list feeds) except -1
    cdef int enter(self, Buffer **arguments) except -1 nogil
    cdef void leave(self) noexcept nogil
    cdef int proceed(self, Py_ssize_t most) except -1 nogil
    cdef int look_around(self) except -1 nogil
    cdef int trace(self, bint wanted) except -1
    cdef Activation next_part(self)
    cdef int finish(self) except -1
    cdef int discard(self) except -1
    cdef object fetched(self, Py_ssize_t number)
