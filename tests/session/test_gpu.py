"""GPUs in the engine, emulated ones: programs cut anywhere between them and CPUs, their memory, their failures, their order."""
import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core.errors import InternalError
from minitf.kernels.gpu import devices as gpu_devices
from minitf.kernels.gpu.call import THREADS, blocks_for, register_gpu_kernel
from minitf.kernels.gpu.device import EmulatedDevice
from minitf.ops.apply import apply_op

from .graphs import probe
from .random_graphs import Built
from .recipes import Recipe
from .test_random_graphs import assert_near, assert_same

MIB = 1 << 20
GPUS = [EmulatedDevice(f"GPU:{k}", 64 * MIB) for k in range(2)]


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch):
    """Two emulated GPUs of 64 MiB, of which earlier tests' sessions hold nothing that a collection in the middle of this one would give back."""
    gc.collect()
    monkeypatch.setattr(gpu_devices, "_found", GPUS)
    return GPUS


def config(**fields):
    return tf.ConfigProto(device_count={"CPU": 2}, allow_soft_placement=True, **fields)


# ---- programs ---------------------------------------------------------------------------------------------------------------

MIXED = ("/cpu:0", "/gpu:0", "/gpu:1", "/cpu:1")


@pytest.mark.parametrize("seed", range(8))
def test_a_program_cut_between_cpus_and_gpus_gives_what_numpy_does(seed):
    """With loops and branches, which have no GPU kernel, and variables on any device."""
    recipe = Recipe(1000 + seed, 30)
    assert_near(Built(recipe, cut=True, names=MIXED).run(config()), recipe)


@pytest.mark.parametrize("seed", range(3))
def test_two_gpus_give_the_bits_of_one(seed):
    recipe = Recipe(2000 + seed, 30)
    one = Built(recipe, cut=True, names=("/gpu:0",) * 4).run(config())
    assert_same(one, Built(recipe, cut=True, names=("/gpu:0", "/gpu:1") * 2).run(config()), recipe, "on one GPU and on two")


def test_a_model_learns_the_same_on_a_gpu():
    def losses(device):
        with tf.Graph().as_default(), tf.device(device):
            tf.set_random_seed(3)
            x, t = tf.placeholder(tf.float32, [None, 20]), tf.placeholder(tf.int64, [None])
            h = tf.layers.dense(x, 30, activation=tf.nn.relu)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=t, logits=tf.layers.dense(h, 5)))
            train = tf.train.AdamOptimizer(0.01).minimize(loss)
            rng = np.random.default_rng(0)
            xs, ts = rng.standard_normal((40, 20)), rng.integers(0, 5, 40)
            with tf.Session() as sess:
                sess.run(tf.global_variables_initializer())
                found = [sess.run([loss, train], {x: xs[:n], t: ts[:n]})[0] for n in (40, 40, 33, 40, 1, 40)]
                assert sess.explain([loss, train], {x: xs, t: ts}).devices == [sess_device(device)]
                return found

    np.testing.assert_allclose(losses("/gpu:1"), losses("/cpu:0"), rtol=2e-6)


def sess_device(name):
    return f"/job:localhost/replica:0/task:0/device:{name[1:].upper()}"


def test_a_saved_variable_of_a_gpu_comes_back(tmp_path):
    with tf.device("/gpu:0"):
        v = tf.Variable(np.arange(6.0).reshape(2, 3))
        change = v.assign_add(np.ones((2, 3)))
    saver = tf.train.Saver()
    with tf.Session(config=config()) as sess:
        sess.run(v.initializer)
        path = saver.save(sess, str(tmp_path / "model"))
        sess.run(change)
        assert sess.run(v)[0, 0] == 1
        saver.restore(sess, path)
        assert sess.run(v)[0, 0] == 0
        assert sess.run(tf.is_variable_initialized(v)) and sess.run(tf.report_uninitialized_variables()).size == 0


def test_a_snapshot_of_a_gpus_variable_is_not_changed_by_an_update():
    with tf.device("/gpu:0"):
        v = tf.Variable(np.zeros(1000, np.float32))
        before = v.read_value()
        with tf.control_dependencies([before]):
            add = v.assign_add(np.ones(1000, np.float32))
        with tf.control_dependencies([add]):
            after = before + v.read_value() * 10
    with tf.Session(config=config()) as sess:
        sess.run(v.initializer)
        for k in range(3):
            old, both = sess.run([before, after])
            assert set(old) == {k} and set(both) == {k + 10 * (k + 1)}


def test_feeds_and_fetches_of_every_kind():
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float64, [None, 3])
        n = tf.placeholder(tf.int32, [])
        y, flat, k = x * 2, tf.reshape(x, [-1]), n + 1
        c = tf.constant(np.arange(4.0))
    with tf.Session(config=config()) as sess:
        for rows in (2, 0, 5):
            data = np.arange(rows * 3.0).reshape(rows, 3)
            a, b, d, e, f = sess.run([y, flat, k, c, x], {x: data, n: 7})
            assert np.array_equal(a, 2 * data) and np.array_equal(b, data.ravel()) and d == 8 and np.array_equal(e, np.arange(4.0)) and np.array_equal(f, data)


def test_a_plan_behind_a_cut_runs_on_the_gpu():
    x = tf.placeholder(tf.float32, [None])
    chosen = tf.boolean_mask(x, x > 0)                       # on a CPU: its size is known when it has run
    with tf.device("/gpu:0"):
        y = tf.reduce_sum(chosen * chosen)
    with tf.Session(config=config()) as sess:
        for values in ([1, -2, 3], [-1], [2, 2, 2, 2]):
            assert sess.run(y, {x: values}) == sum(v * v for v in values if v > 0)


# ---- where things run -------------------------------------------------------------------------------------------------------


def test_a_fused_run_whose_result_is_fetched_is_explained_once():
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [40])
        y = tf.nn.relu(x * 2 - 1)
    with tf.Session(config=config()) as sess:
        text = str(sess.explain(y, {x: np.ones(40)}))
    assert text.count("Relu(") == 1 and "CopyOut" in text


def test_what_works_out_shapes_is_on_the_host_beside_a_gpu():
    """A gradient that needs the shapes of the run, without soft placement."""
    with tf.device("/gpu:0"):
        x, y, at = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None]), tf.placeholder(tf.int32, [])
        grad, = tf.gradients(tf.reduce_sum(x[at:at + 2] * y), y)
    with tf.Session() as sess:
        assert list(sess.run(grad, {x: [1, 2, 3], y: [5, 5], at: 1})) == [2, 3]
        assert list(sess.run(grad, {x: [1, 2, 3], y: [5], at: 0})) == [3]


def test_nothing_is_on_a_gpu_unasked():
    with tf.Session(config=config()) as sess:
        a = tf.constant(1.0) + tf.placeholder_with_default(2.0, [])
        sess.run(a)
        assert all("CPU" in d for d in sess.explain(a).devices)


def test_an_op_without_a_kernel_names_those_there_are_or_goes_to_a_cpu():
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [3, 3])
        y = tf.matrix_inverse(x)
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError) as e:
        sess.run(y, {x: np.eye(3)})
    assert "no supported kernel for GPU devices" in str(e.value) and "Registered kernels of MatrixInverse:\n  device='CPU'" in str(e.value)
    assert "y = tf.matrix_inverse(x)" in str(e.value)
    with tf.Session(config=config()) as sess:
        assert np.array_equal(sess.run(y, {x: 2 * np.eye(3)}), np.eye(3) / 2)


@pytest.mark.parametrize("setting, words", [("off", "no devices matching"), ("emulate", "no devices matching"), ("real", "MINITF_GPU=real, but there is none"),
                                            ("emulated", "may be off, real, emulate or emulate:n")])
def test_what_the_environment_may_say(setting, words, monkeypatch):
    if setting == "real" and gpu_devices.real_count():
        pytest.skip("there is a real GPU")
    monkeypatch.setattr(gpu_devices, "_found", None)
    monkeypatch.setenv("MINITF_GPU", setting)
    with tf.device("/gpu:1"):
        a = tf.constant(1.0) * tf.placeholder_with_default(2.0, [])
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=words):
        sess.run(a)


def test_emulation_is_chosen_and_said():
    program = "import minitf as tf\nwith tf.device('/gpu:0'): y = tf.identity(tf.placeholder_with_default(2.0, []))\nprint(tf.Session().run(y))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**__import__("os").environ, "MINITF_GPU": ""})
    if gpu_devices.real_count():
        pytest.skip("there is a real GPU")
    assert done.stdout.strip() == "2.0" and "is emulated on the CPU" in done.stderr and done.stderr.count("\n") == 1


def test_two_nodes_of_one_variable_must_be_in_one_memory():
    """Else a kernel of the CPU would follow an address of the device."""
    def variable(device, name):
        with tf.device(device):
            v = apply_op("VariableV2", shape=[3], dtype=tf.float32, shared_name="both", name=name)
            return v, tf.assign(v, np.ones(3, np.float32))

    (a, set_a), (b, set_b), (c, set_c) = variable("/cpu:0", "a"), variable("/gpu:0", "b"), variable("/cpu:1", "c")
    with tf.Session(config=config()) as sess:
        sess.run(set_a)
        with pytest.raises(tf.errors.InvalidArgumentError, match="'b' on .*GPU:0 shares the value of variable 'both', which lies in the memory of the host"):
            sess.run(set_b)
        assert list(sess.run(set_c)) == [1, 1, 1]
    with tf.Session(config=config()) as sess:
        sess.run(set_b)
        with pytest.raises(tf.errors.InvalidArgumentError, match="in the memory of GPU:0: what shares a variable must be where it is"):
            sess.run(set_a)


# ---- memory -----------------------------------------------------------------------------------------------------------------


def test_out_of_memory_names_op_and_bytes_and_the_session_goes_on(two_gpus):
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [None])
        y = tf.reshape(x, [-1, 1]) * tf.reshape(x, [1, -1])
        z = tf.reduce_sum(y)
    with tf.Session(config=config()) as sess:
        assert sess.run(z, {x: np.ones(100)}) == 10000
        before = two_gpus[0].in_use
        for _ in range(2):
            with pytest.raises(tf.errors.ResourceExhaustedError) as e:
                sess.run(z, {x: np.ones(5000)})
            assert "GPU:0" in str(e.value) and "100,000,000 bytes" in str(e.value) and "y = tf.reshape(x" in str(e.value)
            assert two_gpus[0].in_use == before
        assert sess.run(z, {x: np.ones(100)}) == 10000


def test_a_step_leaves_no_memory_behind(two_gpus):
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [1000])
        y = x * 2
    with tf.device("/cpu:1"):
        w = y + 1
    with tf.device("/gpu:1"):
        v = y * w
    with tf.Session(config=config()) as sess:
        sess.run(v, {x: np.ones(1000)})
        levels = [d.in_use for d in two_gpus]
        for _ in range(20):
            sess.run(v, {x: np.ones(1000)})
        assert [d.in_use for d in two_gpus] == levels


def test_host_code_that_follows_an_address_of_the_device_dies(tmp_path):
    """The promise of the emulator: a kernel of the CPU that is given memory of a GPU ends in a segmentation fault, not in a result."""
    program = """
import os; os.environ["MINITF_GPU"] = "emulate"
import numpy as np, minitf as tf
with tf.device("/gpu:0"):
    v = tf.Variable(np.zeros(1000, np.float32))
with tf.Session() as sess:
    sess.run(v.initializer)
    import ctypes
    address = sess._runtime.resources.find("", v.op.name).address if hasattr(sess, "_runtime") else 1 << 62
    print("at", address >= 1 << 62, flush=True)
    ctypes.string_at(address, 4)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "at True" and done.returncode == -11


# ---- failures ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def kernels(tmp_path):
    """GPU kernels of a user's own, one of which fails."""
    (tmp_path / "bad.cu").write_text('''#include "common.cuh"
extern "C" __global__ void half_block_waits_f32(const float *x, float *y, int n) {
    if (threadIdx.x < 3) __syncthreads(); else
        __syncthreads();
    FOR_EACH(i, n) y[i] = x[i];
}
extern "C" __global__ void complains_f32(const float *x, float *y, int *flag, int n) {
    FOR_EACH(i, n) { if (x[i] > 2) complain(flag, int(x[i])); y[i] = x[i]; }
}
''')
    from minitf.core import registry
    saved = {k: list(v) for k, v in registry._kernels.items()}

    @register_gpu_kernel("Erf", source=str(tmp_path / "bad.cu"), T=[tf.float32])
    def half(call):
        call.launch("half_block_waits_f32", 1, 64, call.inputs[0], call.outputs[0], call.outputs[0].size)

    @register_gpu_kernel("Erfc", source=str(tmp_path / "bad.cu"), T=[tf.float32])
    def complains(call):
        y = call.outputs[0]
        call.launch("complains_f32", blocks_for(y.size), THREADS, call.inputs[0], y, call.flag("{value} is more than 2"), y.size)

    yield
    registry._kernels.clear()
    registry._kernels.update(saved)


def test_a_kernel_that_fails_names_the_op_and_the_line(kernels):
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [100])
        y = tf.erf(x)
        z = x + 1
    with tf.Session(config=config()) as sess:
        for _ in range(2):
            with pytest.raises(InternalError) as e:
                sess.run(y, {x: np.zeros(100)})
            assert "wait at different barriers" in str(e.value) and "bad.cu:3" in str(e.value) and "bad.cu:4" in str(e.value)
            assert "'Erf'" in str(e.value) and "y = tf.erf(x)" in str(e.value)
        assert sess.run(z, {x: np.zeros(100)})[0] == 1


def test_a_complaint_is_an_error_at_the_end_of_the_step_and_is_forgotten(kernels):
    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [100])
        y = tf.erfc(x)
        z = y * 2
    with tf.Session(config=config()) as sess:
        for _ in range(2):
            assert sess.run(z, {x: np.ones(100)})[0] == 2
            with pytest.raises(tf.errors.InvalidArgumentError, match="7 is more than 2") as e:
                sess.run(z, {x: np.where(np.arange(100) == 5, 7, 0)})
            assert "y = tf.erfc(x)" in str(e.value)


def test_a_function_that_is_not_there_and_arguments_that_do_not_fit(kernels, tmp_path):
    @register_gpu_kernel("Lgamma", source=str(tmp_path / "bad.cu"), T=[tf.float32])
    def missing(call):
        call.launch("none_f32", 1, 1)

    @register_gpu_kernel("Sinh", source=str(tmp_path / "bad.cu"), T=[tf.float32])
    def wrong(call):
        call.launch("complains_f32", 1, 1, call.inputs[0], call.outputs[0], call.flag(""), np.float32(1))

    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [100])
        a, b = tf.lgamma(x), tf.sinh(x)
    with tf.Session(config=config()) as sess:
        with pytest.raises(tf.errors.OpError, match="no CUDA function 'none_f32'.*complains_f32, half_block_waits_f32"):
            sess.run(a, {x: np.zeros(100)})
        with pytest.raises(tf.errors.OpError, match="Argument 3 of complains_f32 is int in the source, but float here"):
            sess.run(b, {x: np.zeros(100)})


def test_a_failure_on_a_cpu_ends_the_gpus_part_and_the_next_step_is_whole():
    fail = [True]

    def maybe(x):
        if fail[0]:
            raise ValueError("not now")

    with tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [10])
        y = x * 2
    with tf.device("/cpu:1"):
        z = probe(y, maybe)
    with tf.device("/gpu:1"):
        w = z + y
    with tf.Session(config=config()) as sess:
        for _ in range(3):
            fail[0] = True
            with pytest.raises(tf.errors.InvalidArgumentError, match="not now"):
                sess.run(w, {x: np.ones(10)})
            fail[0] = False
            assert sess.run(w, {x: np.ones(10)})[0] == 4


def test_several_clients_share_a_gpu():
    """Steps of two sessions and of many threads at once: a kernel's scratch memory and launches stay its own."""
    def program():
        with tf.device("/gpu:0"):
            x = tf.placeholder(tf.float32, [50, 300])
            return x, tf.reduce_sum(x * x) + tf.reduce_sum(tf.matmul(x, x, transpose_b=True))

    x, y = program()
    data = [np.random.default_rng(k).standard_normal((50, 300)).astype(np.float32) for k in range(4)]
    failures = []
    with tf.Session(config=config()) as one, tf.Session(config=config()) as two:
        wanted = [one.run(y, {x: d}) for d in data]

        def client(sess, k):
            for _ in range(10):
                got = sess.run(y, {x: data[k]})
                if got != wanted[k]:
                    failures.append((k, got, wanted[k]))

        threads = [threading.Thread(target=client, args=(sess, k)) for k in range(4) for sess in (one, two)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        assert not failures and not any(t.is_alive() for t in threads)
