"""Sorting the rows that indices name: the first launches of an update of some rows of a variable (rows.cuh)."""
import ctypes

from ...core.dtypes import int64
from .call import THREADS, blocks_for, typed

SORTED_TILE = 512                    # as in rows.cuh
MOST_AXES = 8


class Dims(ctypes.Structure):
    """The sizes of a variable's first axes."""
    _fields_ = [("of", ctypes.c_int * MOST_AXES)]


def sorted_rows(call, indices, count, dims, message):
    """(keys, outside): `count` sorted keys in scratch memory, and the flag that is up if an entry points outside of dims.

    indices: int32 or int64, count * len(dims) of them.  A kernel that changes something must return at once where the flag is up: the CPU's
    kernels change nothing then.  message(value, place): what the flag says of an index, and of its place in indices.
    """
    keys, spare, outside = call.scratch(int64, [count]), None, call.flag(message)
    call.launch(typed("sort_rows", indices.dtype), -(-count // SORTED_TILE), SORTED_TILE, indices, keys, count, len(dims),
                Dims((ctypes.c_int * MOST_AXES)(*dims)), outside)
    length = SORTED_TILE
    while length < count:
        spare = spare or call.scratch(int64, [count])
        call.launch("merge_rows", blocks_for(count), THREADS, keys, spare, count, length)
        keys, spare, length = spare, keys, 2 * length
    return keys, outside
