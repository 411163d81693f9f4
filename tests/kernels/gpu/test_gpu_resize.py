"""Resizing on the emulated GPU against the CPU's kernels."""
import numpy as np
import pytest

from minitf.core.errors import InvalidArgumentError
from minitf.kernels.cpu.image import ResizeBilinear, ResizeBilinearGrad, ResizeNearestNeighbor, ResizeNearestNeighborGrad
from minitf.kernels.cpu.kernel import run_kernel

from harness import run_call

# image, new height and width
SHAPES = [((2, 5, 7, 3), (9, 4)), ((1, 4, 4, 2), (8, 8)), ((1, 8, 8, 2), (4, 4)), ((2, 1, 1, 3), (5, 6)), ((1, 6, 5, 1), (1, 1)), ((1, 13, 17, 2), (31, 29)),
          ((1, 30, 31, 1), (7, 11)), ((1, 3, 3, 1), (100, 101)), ((0, 3, 3, 1), (4, 4)), ((2, 3, 3, 0), (4, 4)), ((1, 3, 4, 2), (0, 5)), ((1, 2, 2, 1), (2, 2))]
CLOSE = {"float32": {"rtol": 1e-5, "atol": 1e-5}, "float64": {"rtol": 1e-12, "atol": 1e-12}}


def sides(shape, size, dtype):
    rng = np.random.default_rng(0)
    large = (shape[0], *size, shape[3])
    return (9 * rng.standard_normal(shape)).astype(dtype), (9 * rng.standard_normal(large)).astype(dtype), np.array(size, "int32")


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_nearest(dtype, align):
    attrs = {"T": dtype, "align_corners": align}
    for shape, size in SHAPES:
        x, large, new = sides(shape, size, dtype)
        case = attrs, [x, new], [large.shape], [dtype]
        assert np.array_equal(run_call("ResizeNearestNeighbor", *case)[0], run_kernel(ResizeNearestNeighbor, *case)[0]), (shape, size)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bilinear_and_gradients(dtype, align):
    for shape, size in SHAPES:
        x, large, new = sides(shape, size, dtype)
        attrs, old = {"T": dtype, "dtype": dtype, "align_corners": align}, np.array(shape[1:3], "int32")
        case = attrs, [x, new], [large.shape], [dtype]
        np.testing.assert_allclose(run_call("ResizeBilinear", *case)[0], run_kernel(ResizeBilinear, *case)[0], **CLOSE[dtype], err_msg=f"{shape} {size}")
        for op, kernel in [("ResizeNearestNeighborGrad", ResizeNearestNeighborGrad), ("ResizeBilinearGrad", ResizeBilinearGrad)]:
            case = attrs, [large, old], [shape], [dtype]
            # up to some thousand terms a sum
            np.testing.assert_allclose(run_call(op, *case)[0], run_kernel(kernel, *case)[0], rtol=CLOSE[dtype]["rtol"], atol=100 * CLOSE[dtype]["atol"],
                                       err_msg=f"{op} {shape} {size}")


def test_no_access_beyond():
    for shape, size in SHAPES[:7]:
        x, large, new = sides(shape, size, "float32")
        for align in (False, True):
            attrs = {"T": "float32", "dtype": "float32", "align_corners": align}
            for op, inputs, made in [("ResizeNearestNeighbor", [x, new], large), ("ResizeBilinear", [x, new], large),
                                     ("ResizeNearestNeighborGrad", [large, new], x), ("ResizeBilinearGrad", [large, new], x)]:
                run_call(op, attrs, inputs, [made.shape], ["float32"], check=True)


def test_no_image():
    with pytest.raises(InvalidArgumentError, match="input image must be of non-zero size"):
        run_call("ResizeBilinear", {"T": "float32", "dtype": "float32"}, [np.zeros((1, 0, 3, 1), "f4"), np.array([2, 2], "i4")], [(1, 2, 2, 1)], ["float32"])
