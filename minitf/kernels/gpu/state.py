"""Changes of all elements of a variable: AssignAdd and AssignSub.  See state.cu."""
from ...core.shapes import shape_text
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .slot_update import refuse


def assign(function):
    def describe(call):
        var, value = call.inputs
        if var.shape != value.shape:
            refuse(f"Parameters and update must be the same size: {shape_text(var.shape)} vs. {shape_text(value.shape)}")
        call.launch(typed(function, var.dtype), blocks_for(-(-var.nbytes // 16)), THREADS, var, value, var.size)
    return describe


register_gpu_kernel("AssignAdd", source="state.cu", T=NUMBERS)(assign("assign_add"))
register_gpu_kernel("AssignSub", source="state.cu", T=NUMBERS)(assign("assign_sub"))
