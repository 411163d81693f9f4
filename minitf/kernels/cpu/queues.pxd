"""What the kernels of queues share."""
from minitf.core.queues cimport QueueState
from .kernel cimport Kernel
from .waiting cimport WaitingKernel


cdef QueueState queue_of(Kernel kernel, object types)


cdef class QueueKernel(WaitingKernel):
    """A kernel that may have to wait for a queue, whose handle is its first input."""
    cdef readonly QueueState queue
    cdef object types                    # of the components of an element, as the op has them
