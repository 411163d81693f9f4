"""The PyCUDA device on the fake driver: run by test_gpu_pycuda.py in a process whose libcuda that is, with two devices.

Under FAKE_GPU_ORDER=lazy nothing happens before somebody waits, so a wait that is missing shows every time.
"""
import ctypes
import gc
import itertools
import os
import threading

import numpy as np
import pytest

from minitf.core.errors import InternalError, InvalidArgumentError, ResourceExhaustedError
from minitf.kernels.gpu import nvcc, pycuda_device

SOURCE = r'''
#include "common.cuh"
extern "C" __global__ void scale_f32(const float *x, float *y, float factor, int n) { FOR_EACH(i, n) y[i] = factor * x[i]; }
extern "C" __global__ void mix(const float *x, double a, int b, bool c, long long d, float *y) { if (threadIdx.x == 0) y[0] = x[0] + a + b + c + d; }
extern "C" __global__ void sums_f32(const float *x, float *y, int n) {
    extern __shared__ float part[];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    part[threadIdx.x] = i < n ? x[i] : 0;
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    }
    if (threadIdx.x == 0) y[blockIdx.x] = part[0];
}
'''
LAZY = os.environ["FAKE_GPU_ORDER"] == "lazy"
lazily = pytest.mark.skipif(not LAZY, reason="holds only where nothing happens by itself")


@pytest.fixture(scope="module")
def devices():
    found, why = pycuda_device.find()
    assert why == "" and len(found) == 2
    return found


@pytest.fixture
def gpu(devices):
    return devices[0]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("cu") / "some.cu"
    path.write_text(SOURCE)
    return path


_seeds = itertools.count()


def fresh(n):
    """Numbers that no memory holds yet, from whatever has run before."""
    return np.random.default_rng(next(_seeds)).standard_normal(n).astype(np.float32)


def address(array):
    return array.__array_interface__["data"][0]


def put(gpu, array):
    place = gpu.allocate(array.nbytes)
    gpu.copy_in(place, address(array), array.nbytes)
    return place


def view(place, shape, dtype):
    """A NumPy array over page-locked memory."""
    nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * nbytes).from_address(place), dtype).reshape(shape)


def get(gpu, place, shape, dtype=np.float32):
    host = gpu.pinned(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    seen = view(host, shape, dtype)
    gpu.copy_out(host, place, seen.nbytes)
    gpu.synchronize()
    result = seen.copy()
    gpu.free_pinned(host)
    return result


def pack(*arguments):
    """Arguments as a C structure: addresses are Python's ints, numbers NumPy's."""
    bytes_, end = bytearray(), 0
    for a in (np.uint64(a) if isinstance(a, int) else a for a in arguments):
        bytes_ += bytes(-end % a.itemsize) + a.tobytes()
        end = len(bytes_)
    return bytes_


def scale(gpu, source, x, y, factor, n):
    gpu.launch(gpu.function(source, "scale_f32"), (-(-n // 64), 1, 1), (64, 1, 1), 0, pack(x, y, np.float32(factor), np.int32(n)))


def count(name):
    library = ctypes.CDLL("libcuda.so.1")
    library.fake_count.restype = ctypes.c_long
    return library.fake_count(name.encode())


def test_what_a_device_says_of_itself(gpu):
    assert (gpu.name, gpu.compute_capability, gpu.arch, gpu.total_memory) == ("fake GPU 0", (7, 5), "sm_75", 1 << 28)


def test_a_launch_and_copies_both_ways(gpu, source):
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    a, b = put(gpu, x), gpu.allocate(x.nbytes)
    scale(gpu, source, a, b, 3, x.size)
    np.testing.assert_array_equal(get(gpu, b, x.shape), 3 * x)
    gpu.copy_within(a, b, x.nbytes)
    gpu.zero(b, 12)
    np.testing.assert_array_equal(get(gpu, a, x.shape), 3 * x)
    np.testing.assert_array_equal(get(gpu, b, x.shape), np.r_[0, 0, 0, 3 * x[3:]])


def test_arguments_of_all_sizes(gpu, source):
    a, b = put(gpu, np.float32([1])), gpu.allocate(4)
    gpu.launch(gpu.function(source, "mix"), (1, 1, 1), (1, 1, 1), 0, pack(a, np.float64(2), np.int32(3), np.bool_(True), np.int64(4), b))
    assert get(gpu, b, 1) == 11


def test_dynamic_shared_memory_and_barriers(gpu, source):
    x = np.arange(500, dtype=np.float32)
    a, b = put(gpu, x), gpu.allocate(32)
    gpu.launch(gpu.function(source, "sums_f32"), (8, 1, 1), (64, 1, 1), 256, pack(a, b, np.int32(x.size)))
    np.testing.assert_array_equal(get(gpu, b, 8), np.r_[x, np.zeros(12)].reshape(8, 64).sum(1))


def test_the_buffer_of_arguments_is_free_at_once(gpu, source):
    x = np.float32([1, 2])
    a, b = put(gpu, x), gpu.allocate(8)
    arguments, function = pack(a, b, np.float32(5), np.int32(2)), gpu.function(source, "scale_f32")
    gpu.launch(function, (1, 1, 1), (32, 1, 1), 0, arguments)
    arguments[:] = bytes(len(arguments))
    np.testing.assert_array_equal(get(gpu, b, 2), 5 * x)


def test_what_does_not_compile_is_told_with_its_lines(gpu, tmp_path):
    path = tmp_path / "wrong.cu"
    path.write_text('extern "C" __global__ void f(float *x) {\n    x[0] = y;\n}\n')
    with pytest.raises(nvcc.CompileError, match=r"(?s)nvcc does not compile wrong.cu .-arch=sm_75.:.*wrong.cu:2.*y"):
        gpu.function(path, "f")


def test_a_file_is_loaded_once_and_again_when_it_has_been_edited(gpu, tmp_path):
    path = tmp_path / "edited.cu"
    place = put(gpu, np.zeros(1, np.float32))
    loaded = count("module")
    for value in (1, 2):
        path.write_text(f'extern "C" __global__ void put(float *x) {{ x[0] = {value}; }}\n')
        os.utime(path, ns=(value, value))
        for _ in range(3):
            gpu.launch(gpu.function(path, "put"), (1, 1, 1), (1, 1, 1), 0, pack(place))
        assert get(gpu, place, 1) == value
    assert count("module") == loaded + 2


def test_a_function_that_is_not_there(gpu, source):
    with pytest.raises(InternalError, match="fake GPU 0: the function nothing of some.cu: .*named symbol not found"):
        gpu.function(source, "nothing")


@pytest.mark.parametrize("grid, block, shared, arguments", [
    ((1, 1, 1), (2048, 1, 1), 0, pack(0, 0, np.float32(1), np.int32(0))), ((0, 1, 1), (32, 1, 1), 0, pack(0, 0, np.float32(1), np.int32(0))),
    ((1, 1, 1), (32, 1, 1), 1 << 20, pack(0, 0, np.float32(1), np.int32(0))), ((1, 1, 1), (32, 1, 1), 0, pack(0, 0, np.float32(1)))])
def test_a_launch_that_the_driver_refuses_names_the_function(gpu, source, grid, block, shared, arguments):
    with pytest.raises(InternalError, match="fake GPU 0: scale_f32<<<.*invalid argument"):
        gpu.launch(gpu.function(source, "scale_f32"), grid, block, shared, arguments)
    gpu.synchronize()                             # it is none the worse


def test_copy_in_has_read_its_source_at_the_return(gpu):
    x = np.arange(50, dtype=np.float32)
    place = put(gpu, x)
    x[:] = -1
    np.testing.assert_array_equal(get(gpu, place, 50), np.arange(50))


@lazily
def test_nothing_is_there_before_a_wait(gpu):
    place, host = put(gpu, np.ones(4, np.float32)), gpu.pinned(16)
    view(host, 4, np.float32)[:] = 7
    gpu.copy_out(host, place, 16)
    np.testing.assert_array_equal(view(host, 4, np.float32), [7] * 4)
    gpu.synchronize()
    np.testing.assert_array_equal(view(host, 4, np.float32), [1] * 4)
    gpu.free_pinned(host)


def test_page_locked_memory_is_used_again_only_behind_a_wait(gpu):
    gpu.synchronize()
    place = put(gpu, np.ones(1000, np.float32))
    host = gpu.pinned(4000)
    gpu.copy_out(host, place, 4000)
    gpu.free_pinned(host)
    later = [gpu.pinned(4000) for _ in range(8)]
    assert host not in later
    gpu.synchronize()
    assert host in [gpu.pinned(4000) for _ in range(8)]


def test_what_is_freed_meanwhile_is_not_used_again(gpu):
    """Given back, and queued for, while another thread is within synchronize()."""
    before = gpu.pinned(100)
    gpu.free_pinned(before)
    real, late = gpu._wait_here, []

    def wait(event):
        late.append(gpu.pinned(100 << 10))
        gpu.free_pinned(late[0])
        return real(event)
    gpu._wait_here = wait
    try:
        gpu.synchronize()
    finally:
        del gpu._wait_here
    assert gpu.pinned(100 << 10) not in late
    assert before in [gpu.pinned(100) for _ in range(20)]


def test_freed_memory_may_be_handed_out_at_once(gpu, source):
    x = fresh(3000)
    a, b = put(gpu, x), gpu.allocate(x.nbytes)
    scale(gpu, source, a, b, 2, x.size)
    gpu.free(a)
    c = put(gpu, -x)
    assert c == a
    np.testing.assert_array_equal(get(gpu, b, x.shape), 2 * x)
    np.testing.assert_array_equal(get(gpu, c, x.shape), -x)


def test_memory_has_an_end_and_goes_on_behind_it(devices):
    gpu = devices[1]
    gpu.limit = 1 << 20
    try:
        some = [gpu.allocate(200 << 10) for _ in range(4)]
        with pytest.raises(ResourceExhaustedError, match=r"OOM when allocating 500,000 bytes on fake GPU 1: 8\d\d,\d\d\d of its 1,048,576 bytes are in use"):
            gpu.allocate(500_000)
        for place in some:
            gpu.free(place)
        assert gpu.in_use == 0
        gpu.free(gpu.allocate(700_000))           # of the spare blocks, which are of another size, the pool lets go
    finally:
        gpu.limit = gpu.total_memory
    with pytest.raises(ResourceExhaustedError, match="OOM when allocating 4,000,000,000 bytes on fake GPU 1"):
        gpu.allocate(4_000_000_000)
    gpu.limit = 1 << 40                           # then it is the driver that has no more
    with pytest.raises(ResourceExhaustedError, match="OOM when allocating 4,000,000,000 bytes on fake GPU 1"):
        gpu.allocate(4_000_000_000)
    gpu.limit = gpu.total_memory
    gpu.free(gpu.allocate(10))


def test_a_copy_to_another_device_comes_behind_what_both_have_queued(devices, source):
    one, two = devices
    x = fresh(2000)
    a, b, c = put(one, x), one.allocate(x.nbytes), two.allocate(x.nbytes)
    d = put(two, 5 * x)
    scale(one, source, a, b, 2, x.size)
    two.copy_within(c, d, x.nbytes)               # before the copy in, so overwritten by it
    one.copy_to(two, c, b, x.nbytes)
    two.copy_within(d, c, x.nbytes)
    np.testing.assert_array_equal(get(two, d, x.shape), 2 * x)
    one.copy_to(one, a, b, x.nbytes)
    np.testing.assert_array_equal(get(one, a, x.shape), 2 * x)


def test_a_copy_to_another_device_is_part_of_the_sender_s_queue(devices):
    """So when the sender is waited for, nothing needs the memory any more through which the copy goes."""
    one, two = devices
    x = fresh(3000)
    a, b = put(one, x), two.allocate(x.nbytes)
    one.synchronize()
    one.copy_to(two, b, a, x.nbytes)
    one.synchronize()
    again = [one.pinned(x.nbytes) for _ in range(3)]
    for place in again:
        view(place, x.shape, np.float32)[:] = -1
    np.testing.assert_array_equal(get(two, b, x.shape), x)
    for place in again:
        one.free_pinned(place)


def test_a_queue_waits_for_an_event_as_it_was_when_it_was_asked_to(devices, source):
    one, two = devices
    x = np.ones(100, np.float32)
    a, b = put(one, x), one.allocate(x.nbytes)
    host = one.pinned(x.nbytes)
    event = one.new_event()
    scale(one, source, a, b, 4, x.size)
    one.copy_out(host, b, x.nbytes)
    one.record(event)
    two.wait(event)
    scale(one, source, b, b, 2, x.size)
    one.record(event)
    c = two.allocate(x.nbytes)
    two._arrive(c, host, x.nbytes)                # of page-locked memory, read when it happens
    np.testing.assert_array_equal(get(two, c, x.shape), 4 * x)
    one.synchronize()
    one.free_pinned(host)


def test_an_event_never_recorded_is_not_waited_for(gpu):
    event = gpu.new_event()
    gpu.wait(event)
    event.synchronize()
    gpu.synchronize()


def test_events_are_made_once(gpu):
    for _ in range(3):
        gpu.record(gpu.new_event())
    gc.collect()
    before = count("event")
    for _ in range(20):
        gpu.record(gpu.new_event())
    assert count("event") == before


def test_any_thread_may_work_with_any_device(devices, source):
    wrong = []

    def work(k):
        try:
            gpu = devices[k % 2]
            x = np.full(500, k, np.float32)
            if k % 3 == 0:
                gpu.enter()
            for _ in range(10):
                a, b = put(gpu, x), gpu.allocate(x.nbytes)
                scale(gpu, source, a, b, 2, x.size)
                np.testing.assert_array_equal(get(gpu, b, x.shape), 2 * x)
                gpu.free(a)
                gpu.free(b)
            if k % 3 == 0:
                gpu.leave()
        except BaseException as e:                # noqa: B036: told below, whatever it is
            wrong.append(e)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
        assert not t.is_alive(), "a thread that works with a device has not ended in 60 s"
    assert not wrong


def test_devices_are_entered_one_within_the_other(devices):
    one, two = devices
    from pycuda.driver import Context
    one.enter()
    two.enter()
    two.enter()
    assert Context.get_device().name() == two.name
    one.free(one.allocate(8))
    assert Context.get_device().name() == two.name
    two.leave()
    two.leave()
    assert Context.get_device().name() == one.name
    one.leave()
    with pytest.raises(InternalError, match="invalid device context"):
        pycuda_device._entered.devices.append(one)            # said, but not done
        try:
            one.allocate(1 << 19)
        finally:
            pycuda_device._entered.devices.pop()


def test_much_that_is_copied_in_does_not_pile_up(gpu):
    x = np.zeros(8 << 20, np.uint8)
    place = gpu.allocate(x.nbytes)
    gpu.synchronize()
    before = count("pin")
    for _ in range(30):
        gpu.copy_in(place, address(x), x.nbytes)
    assert count("pin") - before <= 9             # of 8 MiB each, where 64 MiB may wait


def test_nothing_goes_through_the_default_stream_or_pageable_memory():
    assert count("default_stream") == 0 and count("pageable") == 0 and count("launch") > 10


def test_a_library_s_work_gets_the_stream(gpu):
    seen = []

    class Work:
        def enqueue(self, stream, addresses):
            seen.append((stream, addresses))
    gpu.enqueue(Work(), [1, 2])
    assert seen == [(gpu.stream.handle, [1, 2])]


@pytest.mark.parametrize("broken", ["no wait for the other device", "no wait by the other device", "page-locked memory reused at once", "no synchronize",
                                    "a copy in without a copy"])
@lazily
def test_that_a_missing_wait_is_seen(devices, source, broken, monkeypatch):
    """The tests above can fail: each of these is a mistake that a fast GPU forgives."""
    one, two = devices
    real, wait = pycuda_device.PyCudaDevice, pycuda_device.PyCudaDevice.wait
    if broken == "no wait for the other device":
        monkeypatch.setattr(real, "wait", lambda self, event: None if self is two else wait(self, event))
        test = lambda: test_a_copy_to_another_device_comes_behind_what_both_have_queued(devices, source)
    elif broken == "no wait by the other device":
        monkeypatch.setattr(real, "wait", lambda self, event: None if self is one else wait(self, event))
        test = lambda: test_a_copy_to_another_device_is_part_of_the_sender_s_queue(devices)
    elif broken == "page-locked memory reused at once":
        def free(self, place):
            array = self._pinned.pop(place)
            self._spare.setdefault(array.size, []).append(array)
        monkeypatch.setattr(real, "free_pinned", free)

        def test():
            places = [put(one, np.full(1000, k, np.float32)) for k in range(4)]
            np.testing.assert_array_equal([get(one, p, 1000)[0] for p in places], range(4))
    elif broken == "no synchronize":
        monkeypatch.setattr(real, "synchronize", lambda self: None)
        test = lambda: test_a_launch_and_copies_both_ways(one, source)
    else:
        monkeypatch.setattr(real, "copy_in", pycuda_device._inside(real._copy_in))
        test = lambda: test_copy_in_has_read_its_source_at_the_return(one)
    with pytest.raises(AssertionError):
        test()
    monkeypatch.undo()
    one.synchronize()
    two.synchronize()


def test_errors_are_minitf_s(gpu):
    assert issubclass(nvcc.CompileError, InvalidArgumentError)
