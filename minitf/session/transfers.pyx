"""What moves values between the host and a GPU: feeds and fetches, and both ends of a transfer that has a GPU at one of them.

All of it is queued on the GPU and nobody waits for it, but for Synchronize at the end of a plan, and whoever on the host receives from
a GPU: the value comes with the event behind which it is there.  The sender copies, into memory of the receiver's side; so what it has
sent it may overwrite at once, for that comes later in its queue.
"""
from cpython.ref cimport PyObject

from minitf.core.buffers cimport Buffer, Storage, release
from minitf.core.memory cimport Memory
from minitf.kernels.cpu.kernel cimport DONE, Kernel
from minitf.kernels.gpu.device cimport Device
from minitf.session.activation cimport Activation
from minitf.session.rendezvous cimport Rendezvous

from minitf.kernels.gpu.launch import GpuKernel


cdef class CopyIn(Kernel):
    """A caller's array, into the device's memory."""
    cdef Device device

    def __init__(self, device):
        self.device = device

    cdef int run(self) except -1 nogil:
        self.device.copy_in(self.outputs[0].data, self.inputs[0].data, self.inputs[0].size * self.inputs[0].itemsize)
        return DONE


cdef class CopyOut(Kernel):
    """A value for the caller, into memory of the host; there behind the next Synchronize."""
    cdef Device device

    def __init__(self, device):
        self.device = device

    cdef int run(self) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef size_t nbytes = self.inputs[0].size * self.inputs[0].itemsize
        cdef Storage *before = out.storage
        out.storage = NULL
        release(before)
        take_shape(out, self.inputs[0])
        out.storage = self.device.host_storage(nbytes)
        out.data = out.storage.data
        self.device.copy_out(out.data, self.inputs[0].data, nbytes)
        return DONE


cdef class Synchronize(Kernel):
    """The end of a GPU's plan: until all that was queued is done.  Then it looks whether a kernel has complained."""
    cdef Device device
    cdef list flagged                     # [(number of the instruction, kernel)]

    def __init__(self, device):
        self.device, self.flagged = device, []

    def prepare(self):
        kernels = (<Activation> self.waiter).kernels
        self.flagged = [(k, kernel) for k, kernel in enumerate(kernels) if isinstance(kernel, GpuKernel) and kernel.has_flags()]

    cdef int run(self) except -1 nogil:
        self.device.wait()
        if self.flagged:
            with gil:
                self.look()
        return DONE

    cdef int look(self) except -1:
        first = None
        for number, kernel in self.flagged:
            error = kernel.complaint()
            if error is not None and first is None:
                first = error
                (<Activation> self.waiter).pc = number      # the instruction that the error is about
        if first is not None:
            raise first
        return 0


cdef class GpuSend(Kernel):
    """GpuSend(rendezvous, slot, device, target): target is the receiving GPU, or None for the host."""
    cdef Rendezvous rendezvous
    cdef Py_ssize_t slot
    cdef Device device, target
    cdef object there, free               # events: the value is there; its place is free
    cdef Buffer empty

    def __init__(self, rendezvous, slot, Device device, Device target):
        self.rendezvous, self.slot, self.device, self.target = rendezvous, slot, device, target
        self.there = device.new_event()
        self.free = None if target is None else target.new_event()
        self.empty.rank, self.empty.itemsize = 1, 4

    cdef int run(self) except -1 nogil:
        cdef Buffer value
        cdef size_t nbytes
        if self.n_inputs == 0:
            return self.rendezvous.send(self.slot, &self.empty)
        value = self.inputs[0][0]
        nbytes = value.size * value.itemsize
        value.storage = self.device.host_storage(nbytes) if self.target is None else self.target.storage(nbytes)
        try:
            if self.target is None:
                self.device.copy_out(value.storage.data, value.data, nbytes)
            else:
                if self.free is not None:                   # the target's earlier work may still read what lay there before
                    self.target.record(<void *> self.free)
                    self.device.wait_for(<void *> self.free)
                self.device.copy_to(self.target, value.storage.data, value.data, nbytes)
            if self.there is not None:
                self.device.record(<void *> self.there)
                value.storage.event = <void *> self.there
            value.data = value.storage.data
            return self.rendezvous.send(self.slot, &value)
        finally:
            release(value.storage)


cdef class GpuRecv(Kernel):
    cdef Rendezvous rendezvous
    cdef Py_ssize_t slot
    cdef Device device
    cdef Buffer value

    def __init__(self, rendezvous, slot, Device device):
        self.rendezvous, self.slot, self.device = rendezvous, slot, device

    def __dealloc__(self):
        release(self.value.storage)

    cdef int run(self) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef Storage *sent
        cdef Storage *before = out.storage
        cdef size_t nbytes
        cdef int status = self.rendezvous.receive(self.slot, &self.value, self.waiter)
        if status != DONE:
            return status
        out.storage = NULL
        release(before)
        take_shape(out, &self.value)
        sent = self.value.storage
        self.value.storage = NULL
        if sent != NULL and sent.memory == <void *> self.device:
            if sent.event != NULL:
                self.device.wait_for(sent.event)
            out.storage, out.data = sent, self.value.data
            return DONE
        try:
            nbytes = out.size * out.itemsize
            out.storage = self.device.storage(nbytes)
            out.data = out.storage.data
            self.device.copy_in(out.data, self.value.data, nbytes)
        finally:
            release(sent)
        return DONE


cdef void take_shape(Buffer *out, const Buffer *like) noexcept nogil:
    cdef int d
    out.size, out.rank = like.size, like.rank
    for d in range(like.rank):
        out.shape[d] = like.shape[d]
