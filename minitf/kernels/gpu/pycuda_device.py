"""A real GPU, through PyCUDA: memory from a pool, asynchronous copies, launches and events on one stream.

PyCUDA is imported when somebody first asks for a GPU, never by `import minitf`: without a driver its import fails, and what it says is
then the reason why there is no GPU (probe.py).

The contract.  Any thread may call anything; a thread that calls much wraps it in enter() and leave(), which make the device's context current
once, and must leave before it ends (PyCUDA aborts otherwise).  Everything but synchronize() only queues work on the device's one stream, in the
order of the calls: device memory that is freed may be handed out again at once, memory of the host only behind the next synchronize().  An
error of a kernel appears at a later call, and every call after it fails too: CUDA gives a process no way back to such a device.
"""
import atexit
import ctypes
import functools
import itertools
import os
import threading
from collections import deque
from pathlib import Path

import numpy as np

from ...core.errors import InternalError, ResourceExhaustedError
from . import generated, nvcc
from .probe import probe

NON_BLOCKING = 1              # CU_STREAM_NON_BLOCKING: the stream does not wait for the default stream, nor that for it
NO_TIMING = 2                 # CU_EVENT_DISABLE_TIMING: cheaper, and all that ordering needs
MOST_STAGED = 64 << 20        # bytes of the host's memory that may wait to be copied in before somebody waits for them
LARGEST_KEPT = 64 << 20       # bytes of page-locked memory that is kept for later: locking pages is slow, but nothing else can use them

_opened = []


def find(fraction=None):
    """([PyCudaDevice], why there is none).

    fraction    of each one's memory that may be used; None: all of it
    """
    count, reason = probe()
    found = [PyCudaDevice(k, fraction) for k in range(count)]
    _opened.extend(found)
    return found, reason


@atexit.register
def _close_all():
    # Before the interpreter takes objects apart in an order of its own: PyCUDA aborts where memory outlives its context.
    while _opened:
        _opened.pop().close()


class _Entered(threading.local):
    """The devices that the calling thread is in, the current one last."""

    def __init__(self):
        self.devices = []


_entered = _Entered()


def _inside(method):
    """The method, with the device's context current."""
    @functools.wraps(method)
    def call(self, *arguments):
        devices = _entered.devices
        if devices and devices[-1] is self:
            return method(self, *arguments)
        self.enter()
        try:
            return method(self, *arguments)
        finally:
            self.leave()
    return call


class Event:
    """A place in a device's queue: see PyCudaDevice.record and wait."""
    __slots__ = ("_device", "_event")

    def __init__(self, device, event):
        self._device, self._event = device, event

    def __del__(self):
        self._device._events.append(self._event)      # PyCUDA could destroy it only where the context is current

    def synchronize(self):
        """Wait here until all is done that was queued before the event was last recorded.  Other threads run meanwhile."""
        self._device._wait_here(self._event)


class PyCudaDevice:
    """PyCudaDevice(index, fraction): one GPU.  It is set up at the first call that needs that.

    name, compute_capability, total_memory    as the driver tells them: "NVIDIA H200", (9, 0), bytes
    limit       bytes that may be allocated
    careful     wait after every launch, so that an error names the function that made it (MINITF_GPU_CHECK=1)
    """

    def __init__(self, index, fraction=None):
        import pycuda.driver as driver
        self._driver, self.index = driver, index
        self._device = device = driver.Device(index)
        self.name, self.compute_capability, self.total_memory = device.name(), tuple(device.compute_capability()), device.total_memory()
        self.limit = int(self.total_memory * (fraction or 1.0))
        self.arch = "sm_%d%d" % self.compute_capability
        self.careful = os.environ.get("MINITF_GPU_CHECK", "0") not in ("", "0")
        self._context, self._opening = None, threading.Lock()
        self._blocks, self._modules, self._events = {}, {}, []
        # Page-locked memory: what is in use by its address, what is free by its size, and in between what queued copies may still use, with the
        # time at which it was given back.  No lock guards it, for memory is given back wherever Python collects garbage, in a lock's holder too.
        self._pinned, self._spare, self._used, self._clock = {}, {}, deque(), itertools.count()
        self._staged_bytes, self._closed = 0, False

    def _open(self):
        import pycuda.tools as tools
        with self._opening:
            if self._closed:
                raise InternalError(None, None, f"{self.name} has been closed: the process is ending")
            if self._context is not None:
                return
            # The primary context is the one that cuBLAS and other libraries of the process find too.
            context = self._device.retain_primary_context()
            context.push()
            try:
                self.stream = self._driver.Stream(NON_BLOCKING)
                self._pool = tools.DeviceMemoryPool()
            finally:
                self._driver.Context.pop()
            self._context = context

    def enter(self):
        """Make this the calling thread's current device.  May be nested, with other devices too."""
        devices = _entered.devices
        if not devices or devices[-1] is not self:
            if self._context is None:
                self._open()
            self._context.push()
        devices.append(self)

    def leave(self):
        """The current device is again what it was before enter()."""
        devices = _entered.devices
        devices.pop()
        if not devices or devices[-1] is not self:
            self._driver.Context.pop()

    # ---- memory -----------------------------------------------------------------------------------------------------------

    @_inside
    def allocate(self, nbytes):
        """The address of memory for nbytes, of any content.  Raises ResourceExhaustedError."""
        size = max(int(nbytes), 1)
        pool = self._pool
        if pool.managed_bytes + size > self.limit:
            pool.free_held()                  # blocks of other sizes count too, and nobody uses them
            if pool.managed_bytes + size > self.limit:
                raise self._exhausted(size)
        try:
            block = pool.allocate(size)
        except self._driver.MemoryError:
            raise self._exhausted(size) from None
        except self._driver.Error as e:
            raise self._failed(f"allocating {size:,} bytes", e) from None
        address = int(block)
        self._blocks[address] = block
        return address

    def free(self, address):
        """Give memory back: what is queued with it still runs, what is queued from now on may be given it."""
        block = self._blocks.pop(address, None)           # None: the device has been closed
        if block is not None:
            self._free(block)

    @_inside
    def _free(self, block):
        block.free()

    @property
    def in_use(self):
        """Bytes that are allocated and not freed."""
        return self._pool.active_bytes if self._context is not None else 0

    @_inside
    def pinned(self, nbytes):
        """The address of page-locked memory of the host, which the GPU copies from and to by itself.  Raises ResourceExhaustedError."""
        size = 1 << max(int(nbytes) - 1, 255).bit_length()
        try:
            array = self._spare[size].pop()
        except (KeyError, IndexError):
            try:
                array = self._driver.pagelocked_empty((size,), np.uint8)
            except self._driver.Error as e:
                raise ResourceExhaustedError(None, None, f"The host has no {nbytes:,} bytes of memory that {self.name} can copy from and to: {e}") from None
        address = array.__array_interface__["data"][0]
        self._pinned[address] = array
        return address

    def free_pinned(self, address):
        """Give page-locked memory back; queued copies may still use it, so it is used again behind the next synchronize()."""
        array = self._pinned.pop(address, None)
        if array is not None:
            self._used.append((next(self._clock), array))

    def _reuse(self, now):
        """All work is done that was queued before the time `now`."""
        while self._used:
            try:
                time, array = self._used.popleft()
            except IndexError:
                return                        # another thread took the last one
            if time > now:
                return self._used.appendleft((time, array))
            if array.size <= LARGEST_KEPT:
                self._spare.setdefault(array.size, []).append(array)

    # ---- code -------------------------------------------------------------------------------------------------------------

    @_inside
    def function(self, path, name):
        """What launch() takes for a CUDA function of a .cu file, which is compiled for this GPU if its cubin is not kept yet.

        Raises nvcc.CompileError, and InternalError where there is no such function.
        """
        path = Path(path)
        key = path, path.stat().st_mtime_ns               # a file that has been edited is another one
        try:
            if key not in self._modules:
                # What is fused must give the bits that its parts give, one after the other, and each of those rounds.
                kept = nvcc.cubin(path, self.arch, ["--fmad=false"] if path.parent == generated.folder() else [])
                self._modules[key] = self._driver.module_from_buffer(kept.read_bytes())
            function = self._modules[key].get_function(name)
        except self._driver.Error as e:
            raise self._failed(f"the function {name} of {path.name}", e) from None
        # Bound once.  Of PyCUDA's ways to launch it is the one that neither packs arguments nor remembers a block's shape from call to call.
        return function._launch_kernel, name

    def launch(self, function, grid, block, shared, arguments):
        """Queue function<<<grid, block, shared>>>.

        grid, block   tuples of three
        arguments     a buffer with the arguments as C lays them out in a structure; it is copied, and may be changed at once
        """
        devices = _entered.devices
        if not devices or devices[-1] is not self:
            self.enter()
            try:
                return self.launch(function, grid, block, shared, arguments)
            finally:
                self.leave()
        try:
            function[0](grid, block, arguments, shared, self.stream)
            if self.careful:
                self.stream.synchronize()
        except self._driver.Error as e:
            raise self._failed(f"{function[1]}<<<{grid}, {block}, {shared}>>>", e) from None

    @_inside
    def enqueue(self, work, addresses):
        """Queue a library's work: work.enqueue(number of the stream, addresses)."""
        work.enqueue(self.stream.handle, addresses)
        if self.careful:
            self._wait_here(self.stream)

    # ---- copies -----------------------------------------------------------------------------------------------------------

    @_inside
    def copy_in(self, to, host, nbytes):
        """Queue a copy of any memory of the host.  It has been read at the return: what is queued is a copy of the copy."""
        if self._staged_bytes + nbytes > MOST_STAGED and self._staged_bytes:
            self.synchronize()
        self._staged_bytes += nbytes
        staged = self.pinned(nbytes)
        ctypes.memmove(staged, host, nbytes)
        self._copy_in(to, staged, nbytes)
        self.free_pinned(staged)

    def _copy_in(self, to, pinned, nbytes):
        try:
            self._driver.memcpy_htod_async(to, (ctypes.c_char * nbytes).from_address(pinned), self.stream)
        except self._driver.Error as e:
            raise self._failed(f"copying {nbytes:,} bytes in", e) from None

    @_inside
    def copy_out(self, pinned, address, nbytes):
        """Queue a copy to page-locked memory of the host: there behind the next synchronize(), or an event recorded behind this."""
        try:
            self._driver.memcpy_dtoh_async((ctypes.c_char * nbytes).from_address(pinned), address, self.stream)
        except self._driver.Error as e:
            raise self._failed(f"copying {nbytes:,} bytes out", e) from None

    @_inside
    def copy_within(self, to, address, nbytes):
        """Queue a copy between two places of this device."""
        try:
            self._driver.memcpy_dtod_async(to, address, nbytes, self.stream)
        except self._driver.Error as e:
            raise self._failed(f"copying {nbytes:,} bytes", e) from None

    @_inside
    def copy_to(self, other, to, address, nbytes):
        """Queue a copy to another device's memory, in this one's queue: behind what both have queued, before what this one queues next.

        It goes through page-locked memory of the host: that works between any two GPUs, and PyCUDA's copies between contexts name the
        driver the current one twice.
        """
        if other is self:
            return self.copy_within(to, address, nbytes)
        host = self.pinned(nbytes)
        out, there = self.new_event(), other.new_event()
        self.copy_out(host, address, nbytes)
        self.record(out)
        other.wait(out)
        other._arrive(to, host, nbytes)
        other.record(there)
        self.wait(there)
        self.free_pinned(host)

    @_inside
    def _arrive(self, to, pinned, nbytes):
        self._copy_in(to, pinned, nbytes)

    @_inside
    def zero(self, address, nbytes):
        """Queue zeros."""
        try:
            self._driver.memset_d8_async(address, 0, nbytes, self.stream)
        except self._driver.Error as e:
            raise self._failed(f"zeroing {nbytes:,} bytes", e) from None

    # ---- order ------------------------------------------------------------------------------------------------------------

    @_inside
    def new_event(self):
        """An Event that has not been recorded: who waits for it waits for nothing."""
        try:
            event = self._events.pop()
        except IndexError:
            event = self._driver.Event(NO_TIMING)
        return Event(self, event)

    @_inside
    def record(self, event):
        """The event now stands behind everything that is queued here; what waits for where it stood before goes on waiting for that."""
        try:
            event._event.record(self.stream)
        except self._driver.Error as e:
            raise self._failed("recording an event", e) from None

    @_inside
    def wait(self, event):
        """Queue a wait: nothing queued here from now on begins before the event, of this device or another, is done."""
        try:
            self.stream.wait_for_event(event._event)
        except self._driver.Error as e:
            raise self._failed("waiting for an event", e) from None

    @_inside
    def _wait_here(self, event):
        try:
            event.synchronize()
        except self._driver.Error as e:
            raise self._failed("an earlier launch", e) from None

    @_inside
    def synchronize(self):
        """Wait here until all that is queued is done.  Other threads run meanwhile."""
        now = next(self._clock)
        self._staged_bytes = 0
        self._wait_here(self.stream)
        self._reuse(now)

    # ---- ends -------------------------------------------------------------------------------------------------------------

    def _exhausted(self, size):
        return ResourceExhaustedError(None, None, f"OOM when allocating {size:,} bytes on {self.name}: {self.in_use:,} of its {self.limit:,} bytes "
                                                  "are in use")

    def _failed(self, what, error):
        return InternalError(None, None, f"{self.name}: {what}: {error}")

    def close(self):
        """Give everything back.  Nothing of the device may be used any more."""
        if self._context is None:
            return
        self.enter()
        context, dead = self._context, False
        try:
            self.stream.synchronize()
        except self._driver.Error:            # it has been told, by the call that met it
            dead = True
            context.detach()                  # first: in a dead context nothing can be freed, and PyCUDA would say so each time
        self._pool.stop_holding()             # before its blocks: what it gets back it would hold, for which it wants a context
        for block in self._blocks.values():
            block.free()
        for things in (self._blocks, self._pinned, self._spare, self._used, self._events, self._modules):
            things.clear()
        self.stream = self._context = None
        self._closed = True
        if not dead:
            context.detach()
        _entered.devices.pop()
