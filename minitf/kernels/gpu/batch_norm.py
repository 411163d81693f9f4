"""FusedBatchNorm and FusedBatchNormGrad: images [n, h, w, c] seen as rows of c numbers."""
import numpy as np

from ...core.dtypes import float64
from .call import FLOATS, MOST_BLOCKS, THREADS, register_gpu_kernel, typed
from .reduce import cut
from .teams import power_above


class _Grid:
    """How rows of c numbers are shared out: `width` columns a block, `tiles` of them, and the rows in parts of `length`."""

    def __init__(self, x):
        self.c = x.shape[3]
        self.rows = x.size // max(1, self.c)
        self.width = power_above(self.c)
        self.tiles = -(-self.c // self.width)
        self.parts, self.length = cut(self.rows, self.tiles, THREADS // self.width)
        chunks = -(-self.rows * self.width // (4 * THREADS))          # of the walk that writes: four rows a thread, where there are many
        self.walk = self.tiles * max(1, min(chunks, MOST_BLOCKS // max(1, self.tiles)))

    def __bool__(self):
        return self.rows * self.c > 0


@register_gpu_kernel("FusedBatchNorm", source="batch_norm.cu", T=FLOATS)
def fused_batch_norm(call):
    """inputs (x, scale, offset, mean, variance) -> y, batch_mean, batch_variance, and mean and variance once more for the gradient."""
    x, scale, offset, mean, variance = call.inputs
    y, *small = call.outputs
    grid, training = _Grid(x), call.attrs["is_training"]
    partial, factors = call.scratch(float64, [grid.parts, 2, grid.c]), call.scratch(x.dtype, [2, grid.c])
    if training and grid:
        call.launch(typed("moments", x.dtype), grid.parts * grid.tiles, THREADS, x, partial, grid.rows, grid.c, grid.parts, grid.length,
                    grid.width)
    call.launch(typed("conclude", x.dtype), grid.tiles, THREADS, partial, scale, offset, mean, variance, *small, factors,
                grid.rows, grid.c, grid.parts if grid else 0, grid.length, grid.width, np.float64(call.attrs["epsilon"]), training)
    if grid:
        call.launch(typed("normalise", x.dtype), grid.walk, THREADS, x, y, small[2], factors, grid.rows, grid.c, grid.width)


@register_gpu_kernel("FusedBatchNormGrad", source="batch_norm.cu", T=FLOATS)
def fused_batch_norm_grad(call):
    """inputs (y_backprop, x, scale, mean, variance) -> the gradients to x, scale and offset."""
    g, x, scale, mean, variance = call.inputs
    to_x, to_scale, to_offset = call.outputs
    grid = _Grid(x)
    partial, factors = call.scratch(float64, [grid.parts, 2, grid.c]), call.scratch(x.dtype, [3, grid.c])
    if grid:
        call.launch(typed("products", x.dtype), grid.parts * grid.tiles, THREADS, g, x, mean, partial,
                    grid.rows, grid.c, grid.parts, grid.length, grid.width)
    call.launch(typed("conclude_gradient", x.dtype), grid.tiles, THREADS, partial, scale, variance, to_scale, to_offset, factors,
                grid.rows, grid.c, grid.parts if grid else 0, grid.width, np.float64(call.attrs["epsilon"]), call.attrs["is_training"])
    if grid:
        call.launch(typed("spread", x.dtype), grid.walk, THREADS, g, x, to_x, mean, factors, grid.rows, grid.c, grid.width)
