"""Random numbers: the same as the CPU's kernels make, from the same blocks of the op's stream.  See random.cu."""
from ...core.dtypes import int32
from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed


def floats(op_type, function):
    """Register an op that fills its output: 16 bytes of each block of the stream."""
    def describe(call):
        out = call.outputs[0]
        blocks = -(-out.nbytes // 16)
        call.launch(typed(function, out.dtype), blocks_for(blocks), THREADS, out, out.size, *call.take(blocks))
    register_gpu_kernel(op_type, source="random.cu", dtype=FLOATS)(describe)


floats("RandomUniform", "random_uniform")
floats("RandomStandardNormal", "random_normal")
floats("TruncatedNormal", "truncated_normal")


@register_gpu_kernel("RandomUniformInt", source="random.cu")
def random_integers(call):
    """int32 or int64 in [minval, maxval): two numbers from each block."""
    out, blocks = call.outputs[0], -(-call.outputs[0].size // 2)
    key, first = call.take(blocks)
    # A flag has room for one long number beside an int.
    empty = call.flag(lambda low, high: f"Need minval < maxval, got {f'{low} >= {high}' if out.dtype == int32 else f'minval {low}'}")
    call.launch(typed("random_integers", out.dtype), blocks_for(blocks), THREADS, *call.inputs[1:], out, out.size, key, first, empty)
