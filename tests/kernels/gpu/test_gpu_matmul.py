"""Matrix products on the emulated GPU: every tile, thin products, split sums and the rungs of the ladder against NumPy; cuBLAS's arguments."""
import itertools
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core import swap
from minitf.core.errors import InternalError, InvalidArgumentError
from minitf.kernels.gpu import cublas
from minitf.kernels.gpu.call import Call, Operand
from minitf.kernels.gpu.matmul import RUNGS, batch_matmul, matmul, splits_of

from harness import run_call, run_launch

FLIPS = list(itertools.product([False, True], repeat=2))
SHAPES = [(1, 1, 1), (65, 67, 33), (64, 64, 64), (100, 72, 0), (0, 5, 5), (5, 0, 5), (130, 20, 17), (20, 130, 500), (33, 128, 8), (16, 16, 2000)]
THIN = [(1, 1000, 300), (300, 1, 300), (8, 129, 1000), (70, 8, 1000), (3, 300, 5), (300, 3, 5), (1, 1, 5000), (7, 7, 128)]


def sides(m, n, k, turned_a, turned_b, dtype, batch=(), seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((*batch, m, k)), rng.standard_normal((*batch, k, n))
    if dtype.startswith("int"):
        a, b = np.trunc(9 * a), np.trunc(9 * b)
    a, b = a.astype(dtype), b.astype(dtype)
    return np.ascontiguousarray(a.swapaxes(-1, -2) if turned_a else a), np.ascontiguousarray(b.swapaxes(-1, -2) if turned_b else b)


def attrs_of(dtype, turned_a, turned_b):
    return {"T": dtype, "transpose_a": turned_a, "transpose_b": turned_b}


def case(m, n, k, turned_a, turned_b, dtype):
    """The arguments of run_call."""
    return "MatMul", attrs_of(dtype, turned_a, turned_b), list(sides(m, n, k, turned_a, turned_b, dtype)), [(m, n)], [dtype]


def check(m, n, k, turned_a, turned_b, dtype, **options):
    call = case(m, n, k, turned_a, turned_b, dtype)
    compare(run_call(*call, **options)[0], *call[2], turned_a, turned_b)


def compare(product, a, b, turned_a, turned_b):
    left, right = (a.swapaxes(-1, -2) if turned_a else a), (b.swapaxes(-1, -2) if turned_b else b)
    if product.dtype.kind == "i":
        assert np.array_equal(product, left @ right)
    else:
        bound = np.abs(left).astype("float64") @ np.abs(right) * np.finfo(product.dtype).eps * (2 + left.shape[-1] / 2)
        assert np.all(np.abs(product - left.astype("float64") @ right) <= bound)


# a product for each kernel with a barrier
CASES = [case(70, 67, 33, False, False, "float32"), case(70, 66, 20, True, True, "float64"), case(130, 20, 17, False, True, "float32"),
         case(20, 130, 40, True, False, "float32"), case(3, 130, 40, False, False, "float32"), case(2, 5, 200, False, True, "float64"),
         case(9, 70, 300, False, False, "int32")]


@pytest.fixture(autouse=True)
def own(monkeypatch):
    monkeypatch.delenv("MINITF_GPU_MATMUL", raising=False)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
def test_against_numpy(turned_a, turned_b, dtype):
    for m, n, k in SHAPES + THIN:
        check(m, n, k, turned_a, turned_b, dtype)


@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
def test_big_tiles(turned_a, turned_b):
    """128 x 128 numbers a block, which only a product of many such tiles gets."""
    call = describe("MatMul", matmul, *sides(1500, 1410, 20, turned_a, turned_b, "float32"), (1500, 1410), attrs_of("float32", turned_a, turned_b))
    assert [launch.function for launch in call.launches] == ["matmul_big_f32"]
    check(1500, 1410, 20, turned_a, turned_b, "float32")


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
def test_ladder(turned_a, turned_b, rung, monkeypatch):
    monkeypatch.setenv("MINITF_GPU_MATMUL", rung)
    a, b = sides(65, 67, 33, turned_a, turned_b, "float32")
    call = describe("MatMul", matmul, a, b, (65, 67), attrs_of("float32", turned_a, turned_b))
    readers = swap.cuda.get(("ladder.cu", f"matmul_{rung}_f32"))     # an exercise stands for it
    assert [launch.function for launch in call.launches] == [readers.function if readers else f"matmul_{rung}_f32"]
    for m, n, k in SHAPES:
        check(m, n, k, turned_a, turned_b, "float32")
    check(65, 67, 33, turned_a, turned_b, "float64")                # the ladder is for float32: this one is our own


@pytest.mark.parametrize("rung", RUNGS)
def test_ladder_in_a_session(rung, monkeypatch):
    monkeypatch.setenv("MINITF_GPU_MATMUL", rung)
    monkeypatch.setenv("MINITF_GPU", "emulate")
    a, b = sides(65, 67, 33, True, True, "float32")
    with tf.Graph().as_default(), tf.device("/gpu:0"), tf.Session() as sess:
        product = tf.matmul(tf.constant(a), tf.placeholder(tf.float32, b.shape, "b"), transpose_a=True, transpose_b=True)
        compare(sess.run(product, {"b:0": b}), a, b, True, True)


@pytest.mark.parametrize("rung", ["own", *RUNGS])
def test_ladder_has_no_races(rung, monkeypatch):
    monkeypatch.setenv("MINITF_GPU_MATMUL", rung)
    check(33, 35, 37, False, True, "float32", check=True)


@pytest.mark.parametrize("k", range(len(CASES)))
def test_no_races_and_no_access_beyond(k):
    op, attrs, inputs, *_ = CASES[k]
    compare(run_call(*CASES[k], check=True)[0], *inputs, attrs["transpose_a"], attrs["transpose_b"])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
def test_batches(turned_a, turned_b, dtype, monkeypatch):
    monkeypatch.setattr("minitf.kernels.gpu.matmul.MOST_PAGES", 2)  # blocks go on to the next pages by themselves
    for batch, (m, n, k) in [((3,), (33, 35, 20)), ((2, 3), (1, 70, 9)), ((5,), (4, 4, 0)), ((0,), (4, 4, 4)), ((2,), (8, 8, 1000)), ((70,), (3, 5, 200)), ((70000,), (1, 1, 1))]:
        a, b = sides(m, n, k, turned_a, turned_b, dtype, batch)
        attrs = {"T": dtype, "adj_x": turned_a, "adj_y": turned_b}
        compare(run_call("BatchMatMul", attrs, [a, b], [(*batch, m, n)], [dtype])[0], a, b, turned_a, turned_b)


@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
def test_an_element_does_not_see_its_neighbours(turned_a, turned_b):
    """NaN in a row of a and infinity in a column of b stay there, in the padding of tiles too."""
    for m, n, k in [(1, 21, 300), (21, 1, 300), (17, 70, 40), (70, 70, 500), (9, 9, 9)]:
        a, b = sides(m, n, k, turned_a, turned_b, "float32")
        (a.T if turned_a else a)[m - 1, :] = np.nan
        (b.T if turned_b else b)[:, n - 1] = np.inf
        product, = run_call("MatMul", attrs_of("float32", turned_a, turned_b), [a, b], [(m, n)], ["float32"])
        assert np.isfinite(product[:m - 1, :n - 1]).all() and np.isnan(product[m - 1]).all()
        assert not np.isfinite(product[:, n - 1]).any()


@pytest.mark.parametrize("m, n, k", [(70, 67, 33), (16, 16, 2000), (8, 129, 1000), (70, 8, 1000)])
def test_same_bits_in_any_order_of_threads(m, n, k):
    call = case(m, n, k, False, True, "float32")
    expected = run_call(*call)[0]
    assert all(np.array_equal(run_call(*call, order=order)[0], expected) for order in (1, 2, 3))


@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
def test_reads_where_the_data_lie(turned_a, turned_b):
    """Sides and products that begin at no multiple of 16 bytes have the bits of those that do."""
    a, b = sides(68, 72, 36, turned_a, turned_b, "float32")
    expected, = run_call("MatMul", attrs_of("float32", turned_a, turned_b), [a, b], [(68, 72)], ["float32"])
    for shift in (1, 2, 3):
        memory = {("input", k): np.concatenate([np.zeros(shift, "float32"), x.ravel()]) for k, x in enumerate((a, b))}
        memory["output", 0] = np.zeros(68 * 72 + shift, "float32")
        call = Call("matmul.cu", "MatMul", attrs_of("float32", turned_a, turned_b), [Operand("input", k, x.shape, x.dtype, offset=4 * shift)
                                                                                     for k, x in enumerate((a, b))],
                    [Operand("output", 0, (68, 72), "float32", offset=4 * shift)])
        matmul(call)
        run_launch(call.launches[0], memory)
        assert np.array_equal(memory["output", 0][shift:], expected.ravel())


def test_splits_cover_the_terms():
    for blocks, terms, depth in itertools.product((1, 5, 100, 1000), (1, 8, 127, 128, 300, 5000, 100001), (8, 16, 32)):
        splits, each = splits_of(blocks, terms, depth)
        assert each % depth == 0 and (splits - 1) * each < terms <= splits * each
    assert splits_of(1, 100000, 16)[0] == 64 and splits_of(256, 100000, 16)[0] == 1 and splits_of(1, 200, 16)[0] == 1


def test_unknown_way(monkeypatch):
    monkeypatch.setenv("MINITF_GPU_MATMUL", "fast")
    with pytest.raises(InvalidArgumentError, match="MINITF_GPU_MATMUL is 'fast'; expected own, cublas, naive, tile16, tile32, blocks"):
        check(2, 2, 2, False, False, "float32")


# ---- cuBLAS, with a library in its place that computes with NumPy -------------------------------------------------------------

class FakeFunctions:
    """cuBLAS's functions as ctypes would call them: matrices are columns, addresses are those of NumPy arrays."""

    def __init__(self):
        self.created, self.in_use, self.streams, self.status = 0, set(), {}, 0

    def cublasCreate_v2(self, handle):
        self.created += 1
        handle._obj.value = self.created
        return 0

    def cublasSetStream_v2(self, handle, stream):
        self.streams[handle.value] = stream.value
        return 0

    def cublasSetMathMode(self, handle, mode):
        return 0 if mode.value == 0 else 7

    def cublasSgemm_v2(self, *args):
        return self.gemm("float32", *args)

    def cublasDgemm_v2(self, *args):
        return self.gemm("float64", *args)

    def cublasSgemmStridedBatched(self, *args):
        return self.batched("float32", *args)

    def cublasDgemmStridedBatched(self, *args):
        return self.batched("float64", *args)

    def batched(self, dtype, handle, ta, tb, m, n, k, alpha, a, lda, page_a, b, ldb, page_b, beta, c, ldc, page_c, batch):
        size = np.dtype(dtype).itemsize
        for i in range(batch.value):
            at = [type(p)(p.value + i * page.value * size) for p, page in ((a, page_a), (b, page_b), (c, page_c))]
            status = self.gemm(dtype, handle, ta, tb, m, n, k, alpha, at[0], lda, at[1], ldb, beta, at[2], ldc)
            if status:
                return status
        return 0

    def gemm(self, dtype, handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        assert handle.value not in self.in_use
        self.in_use.add(handle.value)
        m, n, k = m.value, n.value, k.value
        left = columns(dtype, a, lda, *((k, m) if ta.value else (m, k)))
        right = columns(dtype, b, ldb, *((n, k) if tb.value else (k, n)))
        out = columns(dtype, c, ldc, m, n)
        assert type(alpha._obj).__name__ == type(beta._obj).__name__ == {"float32": "c_float", "float64": "c_double"}[dtype]
        out[...] = alpha._obj.value * ((left.T if ta.value else left) @ (right.T if tb.value else right))
        self.in_use.remove(handle.value)
        return self.status


def columns(dtype, address, line, rows, count):
    """The matrix [rows, count] whose columns lie `line` numbers apart."""
    assert line.value >= max(1, rows)
    kind = np.ctypeslib.as_ctypes_type(np.dtype(dtype))
    return np.ctypeslib.as_array((kind * (line.value * count)).from_address(address.value)).reshape(count, line.value)[:, :rows].T


def describe(op_type, kernel, a, b, shape, attrs, emulated=True):
    call = Call("matmul.cu", op_type, attrs, [Operand("input", k, x.shape, x.dtype) for k, x in enumerate((a, b))], [Operand("output", 0, shape, a.dtype)])
    call.emulated = emulated
    kernel(call)
    return call


@pytest.fixture
def fake(monkeypatch):
    functions = FakeFunctions()
    monkeypatch.setattr(cublas, "find", lambda: functions)
    made = cublas.Library(functions, context=lambda: 1)
    monkeypatch.setattr(cublas, "library", lambda: made)
    return functions


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("turned_a, turned_b", FLIPS)
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_cublas_arguments(batch, turned_a, turned_b, dtype, fake):
    for m, n, k in [(3, 4, 5), (1, 7, 2), (6, 1, 1), (1, 1, 1)]:
        a, b = sides(m, n, k, turned_a, turned_b, dtype, batch)
        names = ("adj_x", "adj_y") if batch else ("transpose_a", "transpose_b")
        call = describe("MatMul", batch_matmul if batch else matmul, a, b, (*batch, m, n), dict(zip(names, (turned_a, turned_b))), emulated=False)
        launch, = call.launches
        assert launch.source is None and [(o.kind, o.index) for o in launch.args] == [("input", 0), ("input", 1), ("output", 0)]
        out = np.full((*batch, m, n), np.nan, dtype)
        launch.function.enqueue(77, [x.ctypes.data for x in (a, b, out)])
        compare(out, a, b, turned_a, turned_b)
    assert fake.streams == {1: 77}


def test_cublas_is_the_choice_on_a_gpu_for_floats_alone(fake, monkeypatch):
    def functions(dtype, emulated, k=2):
        a, b = sides(3, 3, k, False, False, dtype)
        return [str(launch.function or launch.copy[2]).split("[")[0] for launch in describe("MatMul", matmul, a, b, (3, 3), {}, emulated).launches]
    assert functions("float32", False) == ["cublasSgemm"] and functions("float64", False) == ["cublasDgemm"]
    assert functions("int32", False) == ["small_i32"]
    assert functions("float32", True) == ["small_f32"]
    assert functions("float32", False, k=0) == ["36"]               # zeros
    monkeypatch.setenv("MINITF_GPU_MATMUL", "cublas")
    assert functions("float32", True) == ["small_f32"]         # there is nothing else in the emulator
    monkeypatch.setenv("MINITF_GPU_MATMUL", "own")
    assert functions("float32", False) == ["small_f32"]
    monkeypatch.delenv("MINITF_GPU_MATMUL")
    monkeypatch.setattr(cublas, "find", lambda: None)
    assert functions("float32", False) == ["small_f32"]


def test_cublas_handles(fake):
    """One for each stream; two for calls that overlap; given back after an error too."""
    library = cublas.library()
    (a, b), out = sides(2, 2, 2, False, False, "float32"), np.zeros((2, 2), "float32")
    gemm = cublas.Gemm("float32", 2, 2, 2, cublas=library)
    for stream in (5, 6, 5, 6):
        gemm.enqueue(stream, [x.ctypes.data for x in (a, b, out)])
    assert fake.created == 2
    inside, go_on = threading.Event(), threading.Event()

    def slow(*args):
        inside.set()
        assert go_on.wait(20), "the test did not let the first product end within 20 s"
        return 0
    fake.slow, fake.cublasSlow = slow, slow
    first = threading.Thread(target=library.call, args=("Slow", 5))
    first.start()
    assert inside.wait(20), "the first product did not begin within 20 s"
    gemm.enqueue(5, [x.ctypes.data for x in (a, b, out)])
    go_on.set()
    first.join(20)
    assert fake.created == 3 and len(library.free[1, 5]) == 2
    fake.status = 13
    with pytest.raises(InternalError, match=r"cuBLAS: cublasSgemm_v2 failed: execution failed \(13\)"):
        gemm.enqueue(6, [x.ctypes.data for x in (a, b, out)])
    assert len(library.free[1, 6]) == 1


def test_cublas_missing(monkeypatch):
    monkeypatch.setattr(cublas, "find", lambda: None)
    cublas.library.cache_clear()
    with pytest.raises(InternalError, match="cuBLAS was not found: looked for libcublas.so.13, .*nvidia-cublas"):
        cublas.library()
