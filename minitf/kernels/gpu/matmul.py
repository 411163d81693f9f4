"""Matrix products on a GPU, and the choice between our own and cuBLAS.

MINITF_GPU_MATMUL says which; it is read when a plan gets its memory:

    own                              the tiles of matmul.cu
    cublas                           NVIDIA's library (cublas.py), for float32 and float64 on a GPU
    naive, tile16, tile32, blocks    a rung of the ladder that leads to our own (ladder.cu), for MatMul of float32

Without it: cuBLAS on a GPU where the library is found, else our own.  The launches depend on shapes alone, and every sum has a fixed order.
"""
import ctypes
import os

from ...core.dtypes import as_dtype
from ...core.errors import InvalidArgumentError
from . import cublas
from .call import FLOATS, NUMBERS, blocks_for, register_gpu_kernel, typed

BLOCK = 256
SHAPES = {"big": (128, 128), "square": (64, 64), "tall": (128, 32), "flat": (32, 128)}      # rows and columns of a tile
FEW = 8                       # rows of a thin product
SMALL = 256                   # elements of a product that gets a thread for each
MANY = 64                     # small products that keep a GPU busy, however long their sums are
ENOUGH_BLOCKS = 256           # that keep a GPU busy; fewer are split along their terms
SHORTEST = 128                # terms of a split
MOST_SPLITS = 64
MOST_PAGES = 65535            # of a grid's second side
RUNGS = {"naive": 16, "tile16": 16, "tile32": 32, "blocks": 64}                             # rows and columns of a block


class Thin(ctypes.Structure):
    """As in matmul.cu."""
    _fields_ = [(name, ctypes.c_int) for name in ("rows", "outer", "depth", "row_step", "term_step", "to_row", "to_column", "terms")]


class Steps(ctypes.Structure):
    """As in ladder.cu."""
    _fields_ = [("row", ctypes.c_int), ("term", ctypes.c_int)]


def chosen_way(emulated):
    """What MINITF_GPU_MATMUL asks for."""
    way = os.environ.get("MINITF_GPU_MATMUL")
    if way is None:
        return "own" if emulated or cublas.find() is None else "cublas"
    if way not in ("own", "cublas", *RUNGS):
        raise InvalidArgumentError(None, None, f"MINITF_GPU_MATMUL is {way!r}; expected own, cublas, {', '.join(RUNGS)}")
    return way


def splits_of(blocks, terms, depth):
    """(splits, terms of one): how to cut sums so that there are blocks enough.  A split is a whole number of steps of `depth` terms."""
    splits = max(1, min(ENOUGH_BLOCKS // max(1, blocks), terms // SHORTEST, MOST_SPLITS))
    each = -(-terms // (splits * depth)) * depth
    return -(-terms // each), each


def tile_of(m, n, batch, dtype):
    """The name of the tile for a product of m rows and n columns."""
    if as_dtype(dtype) not in FLOATS:
        return "square"
    if n <= 32 or m <= 32:
        return "tall" if n <= m else "flat"
    rows, columns = SHAPES["big"]
    big = as_dtype(dtype).name == "float32" and -(-m // rows) * -(-n // columns) * batch >= ENOUGH_BLOCKS // 2
    return "big" if big else "square"


def tiles_of(shape, m, n):
    rows, columns = SHAPES[shape]
    return -(-m // rows) * -(-n // columns)


def depth_of(shape, dtype):
    """Terms between two barriers."""
    return 8 if shape == "big" else 64 // as_dtype(dtype).size


def add_splits(call, out, n, splits, queue):
    """queue(where) writes the sums of the splits, [splits, n], to `where`; their sum goes to out.  With one split there is nothing to add."""
    if splits == 1:
        queue(out)
        return
    parts = call.scratch(out.dtype, [splits, n])
    queue(parts)
    call.launch(typed("sum_splits", out.dtype), blocks_for(n), BLOCK, parts, out, n, splits, source="matmul.cu")


def product(call, a, b, out, m, n, k, turned_a=False, turned_b=False, batch=1):
    """Queue out [batch, m, n] = a [batch, m, k] times b [batch, k, n]; turned_a, turned_b: these lie transposed.  The dtype is out's."""
    if m * n * batch == 0:
        return
    if k == 0:
        call.zero(out)
        return
    way = chosen_way(call.emulated)
    if way == "cublas" and not call.emulated and out.dtype in FLOATS:
        call.enqueue(cublas.Gemm(out.dtype, m, n, k, turned_a, turned_b, batch), a, b, out)
    elif way in RUNGS and batch == 1 and out.dtype.name == "float32":
        rung(call, way, a, b, out, m, n, k, turned_a, turned_b)
    else:
        own_product(call, a, b, out, m, n, k, turned_a, turned_b, batch)


def own_product(call, a, b, out, m, n, k, turned_a, turned_b, batch):
    if m * n <= SMALL and (k <= SHORTEST or batch >= MANY):
        call.launch(typed("small", out.dtype), blocks_for(out.size), BLOCK, a, b, out, m, n, k, turned_a, turned_b, batch,
                    source="matmul.cu")
        return
    if batch == 1 and out.dtype in FLOATS:
        if m <= min(n, FEW) and (not turned_b or k >= SHORTEST):
            few_rows = Thin(m, n, k, 1 if turned_a else k, m if turned_a else 1, n, 1)
            thin_product(call, a, b, out, few_rows, along=turned_b)
            return
        if n <= FEW and (turned_a or k >= SHORTEST):
            few_columns = Thin(n, m, k, k if turned_b else 1, 1 if turned_b else n, 1, n)
            thin_product(call, b, a, out, few_columns, along=not turned_a)
            return
    shape = tile_of(m, n, batch, out.dtype)
    tiles = tiles_of(shape, m, n)
    splits, terms = splits_of(tiles * batch, k, depth_of(shape, out.dtype))

    def queue(where):
        call.launch(typed(f"matmul_{shape}", out.dtype), (tiles, min(batch * splits, MOST_PAGES)), BLOCK, a, b, where, m, n, k,
                    turned_a, turned_b, batch, splits, terms, source="matmul.cu")
    add_splits(call, out, batch * m * n, splits, queue)


def thin_product(call, few, large, out, thin, along):
    """The product of a few rows with the large side, whose terms are neighbours in memory (along) or its columns."""
    name, blocks = ("thin_along", -(-thin.outer // 16)) if along else ("thin_across", -(-thin.outer // 128))
    splits, thin.terms = splits_of(blocks, thin.depth, 32)

    def queue(where):
        call.launch(typed(name, out.dtype), (blocks, splits), BLOCK, few, large, where, thin, source="matmul.cu")
    add_splits(call, out, thin.rows * thin.outer, splits, queue)


def rung(call, name, a, b, out, m, n, k, turned_a, turned_b):
    side = RUNGS[name]
    left = Steps(1, m) if turned_a else Steps(k, 1)
    right = Steps(k, 1) if turned_b else Steps(1, n)
    call.launch(f"matmul_{name}_f32", (-(-n // side), -(-m // side)), BLOCK if name == "blocks" else (side, side), a, b, out, m, n, k,
                left, right, source="ladder.cu")


@register_gpu_kernel("MatMul", source="matmul.cu", T=NUMBERS)
def matmul(call):
    turned_a, turned_b = call.attrs.get("transpose_a", False), call.attrs.get("transpose_b", False)
    a, b = call.inputs
    m, n = call.outputs[0].shape
    product(call, a, b, call.outputs[0], m, n, a.shape[0 if turned_a else 1], turned_a, turned_b)


@register_gpu_kernel("BatchMatMul", source="matmul.cu", T=NUMBERS)
def batch_matmul(call):
    turned_x, turned_y = call.attrs.get("adj_x", False), call.attrs.get("adj_y", False)
    x, y = call.inputs
    *pages, m, n = call.outputs[0].shape
    batch = 1
    for size in pages:
        batch *= size
    product(call, x, y, call.outputs[0], m, n, x.shape[-2 if turned_x else -1], turned_x, turned_y, batch)
