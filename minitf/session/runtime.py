"""Runtime: what the sessions of a process need of it.  A server will own one and share it between its sessions."""
import os
import threading

from ..core.devices import full_name
from ..core.errors import CancelledError, FailedPreconditionError, InvalidArgumentError
from ..core.resources import ResourceTable
from ..kernels.cpu.parallel import threads_by_default
from ..kernels.gpu.devices import gpus
from .executor import GRACE, DeviceThread


class Runtime:
    """What a session needs of this process: devices, their threads, and the resources behind variables."""

    def __init__(self, config):
        count = config.device_count.get("CPU", 1)
        if not isinstance(count, int) or count < 1:
            raise InvalidArgumentError(None, None, f"device_count['CPU'] must be at least 1, got {count!r}")
        self.config = config
        self.devices = [full_name("CPU", i) for i in range(count)]
        self.gpus = {}                                    # full name -> Device; found when a program first asks for one
        self._cpus, self._looked_for_gpus = count, False
        asked = config.inter_op_parallelism_threads
        self._pool = count if asked == 0 else min(count, max(1, asked))       # threads for all devices; TensorFlow's -1 is the caller's alone
        self.resources = ResourceTable()
        self.placed = {}                                  # name of a stateful node -> its device, for good
        self.memories = {}                                # (container, name) of a variable -> the Device in whose memory it lies; None: the host's
        self._threads = {}                                # number -> DeviceThread
        self._steps = set()                               # those that run on threads or wait now
        self._stopped = False
        self._process = os.getpid()
        self._lock = threading.Condition()
        if config.device_count.get("GPU"):
            self.find_gpus()

    def find_gpus(self):
        """Add the GPUs of this process to the devices, those that device_count and visible_device_list leave."""
        if self._looked_for_gpus:
            return
        self._looked_for_gpus = True
        found = gpus(self.config.gpu_options)[:self.config.device_count.get("GPU")]
        self.gpus = {full_name("GPU", i): device for i, device in enumerate(found)}
        self.devices = self.devices + list(self.gpus)

    def threads(self, devices):
        """{device: DeviceThread}, started if need be; None for a single device, whose steps run on their callers' threads.

        With inter_op_parallelism_threads=k the k-th, 2k-th ... devices share a thread.  What waits for a transfer is parked, so any number
        of threads will do; and as a device has one thread for good, nothing of it ever runs on two.
        """
        if len(devices) <= 1:
            return None
        with self._lock:
            if self._stopped:
                raise CancelledError(None, None, "The session was closed")
            return {device: self._thread(self._number_of_thread(device)) for device in devices}

    def _number_of_thread(self, device):
        number = self.devices.index(device)
        return number % self._pool if number < self._cpus else self._pool + number - self._cpus       # a GPU has one of its own, to queue its work

    def _thread(self, number):
        if number not in self._threads:
            shared = [d for d in self.devices if self._number_of_thread(d) == number]
            self._threads[number] = DeviceThread(", ".join(shared))
        return self._threads[number]

    def kernel_threads(self, devices):
        """How many threads a kernel may use where so many devices compute: those that do so at once share what there is."""
        return max(1, (self.config.intra_op_parallelism_threads or threads_by_default()) // min(devices, self._pool + len(self.gpus)))

    def enter(self, step, on_threads=True):
        """A step is about to run on the devices' threads, or to wait on its caller's: CancelledError if the session is being closed."""
        if on_threads and os.getpid() != self._process:                  # threads do not survive a fork: the step would wait for ever
            raise FailedPreconditionError(None, None, f"The threads of this session's devices are in the process that made it ({self._process}); "
                                                      f"this one ({os.getpid()}) was forked from it and needs a session of its own")
        with self._lock:
            if self._stopped:
                raise CancelledError(None, None, "The session was closed")
            self._steps.add(step)

    def leave(self, step):
        with self._lock:
            self._steps.discard(step)
            self._lock.notify_all()

    def stop(self):
        """Cancel the steps that run on threads or wait, and end the threads."""
        with self._lock:
            self._stopped = True
            steps = list(self._steps)
        for step in steps:
            step.cancel()
        with self._lock:
            self._lock.wait_for(lambda: not self._steps, GRACE)
            threads, self._threads = list(self._threads.values()), {}
        for thread in threads:
            thread.stop()
