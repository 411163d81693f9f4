"""Adam, with a dense gradient and with one of which only some rows are given.  See adam.cu."""
from ...core.dtypes import int32
from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed
from .rows import sorted_rows
from .slot_update import Inputs, out_of_range, register_update

NAMES = "var m v beta1_power beta2_power lr beta1 beta2 epsilon grad"

register_update("ApplyAdam", "adam.cu", "adam", 3, NAMES, prefixes=[""])


@register_gpu_kernel("SparseApplyAdam", source="adam.cu", T=FLOATS)
def sparse_adam(call):
    """All rows of m and v decay, and all of var move: one pass over memory, after the first entry of each row has been written down."""
    given = Inputs(call, 3, NAMES.split())
    var, grad, indices = given.states[0], given.grad, given.indices
    keys, outside = sorted_rows(call, indices, indices.size, var.shape[:1], out_of_range(var))
    first_entry = call.scratch(int32, var.shape[:1])
    call.zero(first_entry)
    call.launch("find_first_entries", blocks_for(indices.size), THREADS, keys, outside, first_entry, indices.size)
    if var.size:
        call.launch(typed("sparse_adam", var.dtype), blocks_for(var.size), THREADS, *given.states, *given.hyper, grad, keys, outside,
                    first_entry, indices.size, var.size // var.shape[0], var.size, call.attrs.get("_adds_up", False))
