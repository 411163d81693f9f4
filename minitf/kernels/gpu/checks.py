"""CheckNumerics."""
from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed


@register_gpu_kernel("CheckNumerics", source="checks.cu", in_place=True, T=FLOATS)
def check_numerics(call):
    """The input, or InvalidArgumentError where an element is NaN or infinite; of both, NaN is told."""
    x, y = call.inputs[0], call.outputs[0]
    flags = [call.flag(f"{call.attrs['message']} : Tensor had {flaw} values") for flaw in ("NaN", "Inf")]
    call.launch(typed("check_numerics", x.dtype), blocks_for(x.size), THREADS, x, y, x.size, *flags)
