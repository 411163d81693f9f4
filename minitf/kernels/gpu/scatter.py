"""Changes of the rows of a variable, or of its elements, that indices name.  See scatter.cuh."""
from math import prod

from ...core.dtypes import bool as bool_
from ...core.shapes import shape_text
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .gather import place_text
from .rows import sorted_rows
from .slot_update import refuse


def scatter(function):
    """updates.shape = indices.shape + ref.shape[1:].  Nothing changes if an index points outside, or if an integer is divided by 0."""
    def describe(call):
        var, indices, updates = call.inputs
        if not var.shape or updates.shape != indices.shape + var.shape[1:]:
            refuse("Must have updates.shape = indices.shape + params.shape[1:], got "
                   f"updates.shape {shape_text(updates.shape)}, indices.shape {shape_text(indices.shape)}, "
                   f"params.shape {shape_text(var.shape)}")
        change_rows(call, function, indices.size, var.shape[:1], lambda value, place:
                    f"indices{place_text(indices.shape, place)} = {value} is not in [0, {var.shape[0]})")
    return describe


def scatter_nd(function):
    """updates.shape = indices.shape[:-1] + ref.shape[indices.shape[-1]:].  Nothing changes if an index points outside."""
    def describe(call):
        var, indices, updates = call.inputs
        outer, depth = indices.shape[:-1], indices.shape[-1]
        if depth > len(var.shape) or updates.shape != outer + var.shape[depth:]:
            refuse("Must have updates.shape = indices.shape[:-1] + ref.shape[indices.shape[-1]:], got "
                   f"updates.shape {shape_text(updates.shape)}, indices.shape {shape_text(indices.shape)}, "
                   f"ref.shape {shape_text(var.shape)}")
        change_rows(call, function, prod(outer), var.shape[:depth], lambda value, place:
                    f"indices{place_text(indices.shape, place)} = {value} does not index into shape {shape_text(var.shape)}")
    return describe


def change_rows(call, function, count, dims, message):
    """The launches for `count` entries of indices that name places in `dims`, the variable's first axes."""
    var, indices, updates = call.inputs
    keys, outside = sorted_rows(call, indices, count, dims, message)
    refused = outside
    if function == "scatter_div" and var.dtype.is_integer:
        refused = call.flag("Integer division by zero")
        call.launch(typed("complain_of_zeros", var.dtype), blocks_for(updates.size), THREADS, updates, updates.size, refused)
    if updates.size:
        call.launch(typed(function, var.dtype), blocks_for(updates.size), THREADS, var, updates, keys, outside, refused, count,
                    updates.size // count)


SOURCES = {"Update": "scatter_update.cu", "Add": "scatter_sum.cu", "Sub": "scatter_sum.cu", "Mul": "scatter_factor.cu",
           "Div": "scatter_factor.cu", "Min": "scatter_extreme.cu", "Max": "scatter_extreme.cu"}

for how, source in SOURCES.items():
    dtypes = [*NUMBERS, bool_] if how == "Update" else NUMBERS
    register_gpu_kernel(f"Scatter{how}", source=source, T=dtypes)(scatter(f"scatter_{how.lower()}"))
    if how in ("Update", "Add", "Sub"):
        register_gpu_kernel(f"ScatterNd{how}", source=source, T=dtypes)(scatter_nd(f"scatter_{how.lower()}"))
