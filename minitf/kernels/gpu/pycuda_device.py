"""A real GPU, through PyCUDA: memory from a pool, asynchronous copies, launches and events on one stream.

PyCUDA is imported when somebody first asks for a GPU, never by `import minitf`: without a driver its import fails, and what it says is
then the reason why there is no GPU (`probe`).

The contract.  A thread calls enter(), works with the device, and calls leave(); without that every call fails, and a thread that ends with
the device entered takes the process down (PyCUDA aborts).  copy_*, zero, launch, record and wait only queue work on the device's stream,
in order: memory of the host that a queued copy uses, and device memory that is freed, must not be given to anything outside this stream
before an event recorded behind the copy is done.  An error of a kernel appears at a later call, and every call after it fails too: CUDA gives such
a process no way back to the device.
"""
import atexit
import ctypes
import functools
import os
import tempfile
import threading
from collections import deque, namedtuple
from pathlib import Path

import numpy as np

from ...core.errors import InternalError, ResourceExhaustedError
from . import nvcc

NON_BLOCKING = 1              # CU_STREAM_NON_BLOCKING: the stream does not wait for the default stream, nor that for it
NO_TIMING = 2                 # CU_EVENT_DISABLE_TIMING: cheaper, and all that ordering needs
SHARED_BY_DEFAULT = 48 << 10  # bytes of shared memory that a block gets without asking

Probe = namedtuple("Probe", "count reason")
Probe.__doc__ = """How many GPUs this process can use, and, where that is none, why."""


@functools.lru_cache(maxsize=None)
def probe():
    """Probe(count, reason): asked once in a process, and nothing is left behind on a device.

    >>> probe()
    Probe(count=0, reason='PyCUDA is not installed (make extra-gpu)')
    """
    try:
        import pycuda.driver as driver
    except ModuleNotFoundError as e:
        if e.name == "pycuda":
            return Probe(0, "PyCUDA is not installed (make extra-gpu)")
        return Probe(0, f"PyCUDA can not be imported: {e}")
    except ImportError as e:
        text = str(e)
        if "libcuda.so" in text:
            return Probe(0, f"no NVIDIA driver ({text})")
        if "undefined symbol" in text:
            return Probe(0, f"the NVIDIA driver is older than the CUDA toolkit that PyCUDA was built with ({text.split(': ', 1)[-1]}): "
                            "update the driver, or build PyCUDA with the nvcc of an older toolkit on PATH")
        return Probe(0, f"PyCUDA can not be imported: {text}")
    try:
        driver.init()
        count = driver.Device.count()
    except driver.Error as e:
        return Probe(0, f"the NVIDIA driver finds no usable GPU ({e})")
    if count == 0:
        return Probe(0, "the NVIDIA driver finds no GPU")
    if nvcc.find() is None:
        return Probe(0, f"{count} GPU{'s' * (count > 1)}, but nothing to compile kernels with: {nvcc.missing()}")
    return Probe(count, "")


_open, _opening = {}, threading.Lock()


def open_device(index):
    """The PyCudaDevice of a number: one in a process, opened when first asked for."""
    with _opening:
        if index not in _open:
            found = probe()
            if not 0 <= index < found.count:
                raise ResourceExhaustedError(None, None, f"There is no real GPU {index}: " + (found.reason or f"this machine has {found.count}"))
            _open[index] = PyCudaDevice(index)
        return _open[index]


@atexit.register
def _close_all():
    # Before the interpreter takes objects apart in an order of its own: PyCUDA aborts where memory outlives its context.
    while _open:
        _open.popitem()[1].close()


class PyCudaDevice:
    """One GPU.

    name, compute_capability, total_memory    as the driver tells them: "NVIDIA H200", (9, 0), bytes
    limit       bytes that may be allocated; None: what the GPU has
    careful     wait after every launch, so that an error names the function that made it (MINITF_GPU_CHECK=1)
    """

    def __init__(self, index, limit=None):
        import pycuda.driver as driver
        import pycuda.tools as tools
        self._driver, self.index, self.limit = driver, index, limit
        device = driver.Device(index)
        self.name, self.compute_capability, self.total_memory = device.name(), tuple(device.compute_capability()), device.total_memory()
        self.arch = "sm_%d%d" % self.compute_capability
        self.careful = os.environ.get("MINITF_GPU_CHECK", "") not in ("", "0")
        self._largest_shared = device.get_attribute(driver.device_attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
        # The primary context is the one that cuBLAS and other libraries of the process find too.
        self._context = device.retain_primary_context()
        self._blocks, self._pinned, self._modules, self._events, self._staged = {}, {}, {}, [], deque()
        self.enter()
        try:
            self.stream = driver.Stream(NON_BLOCKING)
            self._pool, self._host_pool = tools.DeviceMemoryPool(), tools.PageLockedMemoryPool()
        finally:
            self.leave()

    def enter(self):
        """Make this the device that the calling thread works with."""
        self._context.push()

    def leave(self):
        """The thread's device before enter() again, if it had one."""
        self._driver.Context.pop()

    # memory

    def allocate(self, nbytes):
        """The address of memory for nbytes, of any content.  Raises ResourceExhaustedError."""
        size = max(int(nbytes), 1)
        pool = self._pool
        if self.limit is not None and pool.managed_bytes + pool.alloc_size(pool.bin_number(size)) > self.limit:
            pool.free_held()                  # blocks of other sizes count too, and nobody uses them
            if pool.active_bytes + size > self.limit:
                raise self._exhausted(size, self.limit)
        try:
            block = pool.allocate(size)
        except self._driver.MemoryError:
            raise self._exhausted(size, self.total_memory) from None
        except self._driver.Error as e:
            raise self._failed(f"allocating {size:,} bytes", e) from None
        address = int(block)
        self._blocks[address] = block
        return address

    def free(self, address):
        """Give memory back to the pool: what was queued with it may still run, what is queued from now on may be given it."""
        self._blocks.pop(address).free()

    @property
    def in_use(self):
        """Bytes that are allocated and not freed."""
        return self._pool.active_bytes

    def pinned(self, nbytes):
        """The address of page-locked memory of the host, which the GPU copies from and to by itself.  Raises ResourceExhaustedError."""
        try:
            array = self._host_pool.allocate((max(int(nbytes), 1),), np.uint8)
        except self._driver.Error as e:
            raise ResourceExhaustedError(None, None, f"{nbytes:,} bytes of page-locked memory of the host: {e}") from None
        self._pinned[array.ctypes.data] = array
        return array.ctypes.data

    def free_pinned(self, address):
        """Give page-locked memory back: no copy that uses it may be left in a queue."""
        del self._pinned[address]

    # code

    def load(self, path, fused=True):
        """The module of a .cu file, compiled for this GPU by nvcc if its cubin is not kept yet.  Raises nvcc.CompileError.

        fused    whether a * b + c may be rounded once; not in code that must give what separate kernels give, bit for bit
        """
        kept = nvcc.cubin(path, self.arch, [] if fused else ["--fmad=false"])
        module = self._modules.get(kept)
        if module is None:
            try:
                module = self._modules[kept] = self._driver.module_from_buffer(kept.read_bytes())
            except self._driver.Error as e:
                raise self._failed(f"loading {Path(path).name}", e) from None
        return module

    def load_text(self, text, name, fused=True):
        """load() of a source that is no file: name ("fused_3.cu") is what errors call it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text(text)
            return self.load(path, fused)

    def function(self, module, name, shared=0):
        """What launch() takes for a CUDA function of a module.

        shared    the most bytes of dynamic shared memory that a launch will ask for; beyond 48 KiB a GPU wants to be told before
        """
        try:
            function = module.get_function(name)
            if shared > SHARED_BY_DEFAULT:
                function.set_attribute(self._driver.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, shared)
        except self._driver.Error as e:
            more = f" ({shared:,} bytes of shared memory; a block can have {self._largest_shared:,})" if shared > self._largest_shared else ""
            raise self._failed(f"{name}{more}", e) from None
        launch = function._launch_kernel      # bound once: PyCUDA's way that neither packs arguments nor remembers a shape
        return launch, name, function

    def launch(self, function, grid, block, shared, arguments):
        """Queue function<<<grid, block, shared>>>.

        grid, block   tuples of three
        arguments     a buffer with the arguments as C lays them out in a structure; it is copied, and may be changed at once
        """
        try:
            function[0](grid, block, arguments, shared, self.stream)
            if self.careful:
                self.stream.synchronize()
        except self._driver.Error as e:
            raise self._failed(f"{function[1]}<<<{grid}, {block}, {shared}>>>", e) from None

    # copies

    def copy_in(self, to, host, nbytes):
        """Queue a copy of the host's memory at an address to the device's."""
        try:
            self._driver.memcpy_htod_async(to, (ctypes.c_char * nbytes).from_address(host), self.stream)
        except self._driver.Error as e:
            raise self._failed(f"copying {nbytes:,} bytes in", e) from None

    def copy_out(self, host, address, nbytes):
        """Queue a copy of the device's memory to the host's."""
        try:
            self._driver.memcpy_dtoh_async((ctypes.c_char * nbytes).from_address(host), address, self.stream)
        except self._driver.Error as e:
            raise self._failed(f"copying {nbytes:,} bytes out", e) from None

    def copy_within(self, to, address, nbytes):
        """Queue a copy between two places of this device."""
        try:
            self._driver.memcpy_dtod_async(to, address, nbytes, self.stream)
        except self._driver.Error as e:
            raise self._failed(f"copying {nbytes:,} bytes", e) from None

    def copy_from(self, other, to, address, nbytes):
        """Queue a copy of another device's memory to this one's, behind what is queued on both.

        It goes through page-locked memory of the host: that works between any two GPUs, and PyCUDA's copies between contexts give the
        driver the current one twice.
        """
        if other is self:
            return self.copy_within(to, address, nbytes)
        while self._staged and self._staged[0][0].query():
            event, host = self._staged.popleft()
            self.release(event)
            self.free_pinned(host)
        host = self.pinned(nbytes)
        other.enter()
        try:
            other.copy_out(host, address, nbytes)
            copied = other.record()
        finally:
            other.leave()
        self.wait(copied)
        other.release(copied)
        self.copy_in(to, host, nbytes)
        self._staged.append((self.record(), host))

    def zero(self, address, nbytes):
        """Queue zeros."""
        try:
            self._driver.memset_d8_async(address, 0, nbytes, self.stream)
        except self._driver.Error as e:
            raise self._failed(f"zeroing {nbytes:,} bytes", e) from None

    # order

    def record(self):
        """An event behind everything that is queued now.  release() it when nothing more will wait for it."""
        try:
            event = self._events.pop() if self._events else self._driver.Event(NO_TIMING)
            event.record(self.stream)
        except self._driver.Error as e:
            raise self._failed("recording an event", e) from None
        return event

    def release(self, event):
        """Give an event back to be recorded anew: what has been queued to wait for it keeps waiting for what it was."""
        self._events.append(event)

    def wait(self, event):
        """Queue a wait: nothing queued from now on begins before the event, of this device or another, is done."""
        try:
            self.stream.wait_for_event(event)
        except self._driver.Error as e:
            raise self._failed("waiting for an event", e) from None

    def done(self, event):
        """Whether an event's work is done."""
        try:
            return event.query()
        except self._driver.Error as e:
            raise self._failed("an earlier launch", e) from None

    def synchronize(self, event=None):
        """Wait here until the event, or without one all that is queued, is done.  Other threads run meanwhile."""
        try:
            (self.stream if event is None else event).synchronize()
        except self._driver.Error as e:
            raise self._failed("an earlier launch", e) from None

    # ends

    def _exhausted(self, size, limit):
        return ResourceExhaustedError(None, None, f"Out of memory on {self.name}: asked for {size:,} bytes where {self.in_use:,} of "
                                                  f"{limit:,} are in use")

    def _failed(self, what, error):
        return InternalError(None, None, f"{self.name}: {what}: {error}")

    def close(self):
        """Give everything back.  Nothing of the device may be used any more."""
        self.enter()
        try:
            try:
                self.stream.synchronize()
            except self._driver.Error:
                pass                          # said before, at the call that met it
            self._staged.clear()
            for block in self._blocks.values():
                block.free()
            for things in (self._blocks, self._pinned, self._events, self._modules):
                things.clear()
            for pool in (self._pool, self._host_pool):
                pool.stop_holding()
            self.stream = None
        finally:
            self.leave()
        self._context.detach()
