"""Cumsum and Cumprod: running sums and products along one axis."""
from ...core.dtypes import float32, float64
from .call import MOST_BLOCKS, NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .reduce import BLOCKS

MANY = 1 << 14                # lines that keep a GPU busy with a thread for each
SHORT = 32                    # elements that a thread walks in any case
CHUNK = 4 * THREADS           # that a block takes at a time


def _register(op_type, op):
    @register_gpu_kernel(op_type, source=f"{op}.cu", T=NUMBERS)
    def scan(call):
        x, out = call.inputs[0], call.outputs[0]
        axis = int(call.inputs[1].value.ravel()[0]) % len(x.shape)
        n, inner = x.shape[axis], 1
        for size in x.shape[axis + 1:]:
            inner *= size
        lines = x.size // max(1, n)
        exclusive, reverse = bool(call.attrs.get("exclusive", False)), bool(call.attrs.get("reverse", False))
        if n <= SHORT or inner >= 32 and lines >= MANY:
            return call.launch(typed(op + "_columns", x.dtype), blocks_for(lines), THREADS, x, out, lines, n, inner, exclusive, reverse)
        wide = float64 if x.dtype == float32 else x.dtype
        parts = max(1, min(BLOCKS // max(1, lines), n // CHUNK))
        length = -(-n // (parts * CHUNK)) * CHUNK
        parts = -(-n // length)
        starts = call.scratch(wide, [lines, parts])
        blocks = min(lines * parts, MOST_BLOCKS)
        if parts > 1:
            totals = call.scratch(wide, [lines, parts])
            call.launch(typed(op + "_totals", x.dtype), blocks, THREADS, x, totals, lines, n, inner, parts, length, reverse)
            call.launch(typed(op + "_rows", wide), min(lines, MOST_BLOCKS), THREADS, totals, starts, starts, lines, parts, 1, 1, parts,
                        True, False)
        call.launch(typed(op + "_rows", x.dtype), blocks, THREADS, x, starts, out, lines, n, inner, parts, length, exclusive, reverse)


_register("Cumsum", "cumsum")
_register("Cumprod", "cumprod")
