"""Element-wise ops on a GPU: one launch for a program of steps, each step an expression of element_functions.py.

As on a CPU (kernels/cpu/elementwise.pyx), a plain op is a program of one step and a fused node one of many.  Here a program becomes the
text of a CUDA function (element_source.py): what passes from step to step stays in registers, and memory is read and written once.  Steps
round as they do alone, so fusion changes no bit.

The other way is one function that reads its program from memory: a switch over all ops, at each step of each element.  It needs no compiler
at run time, but values that steps name by number can not stay in registers, and a step costs some twenty instructions where an addition is
one.

A thread reads all its elements before it writes any, so an output may lie in the memory of an input of its shape.
"""
import ctypes

from ...core.dtypes import as_dtype
from ..cpu.elementwise import program_of
from ..cpu.vector_ops import signatures
from .call import THREADS, blocks_for, register_gpu_kernel
from .element_functions import EXPRESSIONS
from .element_source import C_TYPES, function_of
from .words import Divisor

WIDTH = 4                              # elements of a pack


def merged(shape, inputs, leading=()):
    """(shape, steps): the output's shape with neighbouring dimensions made one, and for each input whether it steps along each of them.

    inputs    shapes that broadcast to `shape` by NumPy's rules
    leading   numbers of inputs that are aligned at the first dimension: a vector that chooses rows

    >>> merged((8, 3, 5), [(8, 3, 5), (3, 5), ()])
    ((8, 15), [(True, True), (False, True), (False, False)])
    """
    columns = []                       # of each dimension but those of size 1: size, and who steps
    for d, size in enumerate(shape):
        if size == 1:
            continue
        at = [d if k in leading else d - len(shape) + len(own) for k, own in enumerate(inputs)]
        steps = tuple([0 <= i < len(own) and own[i] != 1 for i, own in zip(at, inputs)])
        if columns and columns[-1][1] == steps:
            columns[-1][0] *= size
        else:
            columns.append([size, steps])
    if not columns:
        columns = [[1, (True,) * len(inputs)]]
    return tuple([size for size, _ in columns]), [tuple(row) for row in zip(*[steps for _, steps in columns])]


def _sizes(shape, width):
    """The structure Sizes: the sizes of the dimensions behind the first, the last counted in packs and first."""
    behind = [shape[-1] // width, *shape[-2:0:-1]]
    kind = type("Sizes", (ctypes.Structure,), {"_fields_": [("of", Divisor * len(behind))]})
    return kind((Divisor * len(behind))(*map(Divisor, behind)))


def run_program(call, program, places):
    """Queue the launch of a program over the call's operands; places as in kernels/cpu/elementwise.pyx."""
    space = call.outputs[0]
    if space.size == 0:
        return
    inputs = [k for kind, k in places if kind == "in"]
    conditions = {step[2] for step in program if step[0] == "Select"}
    leading = {places[i][1] for i in conditions if places[i][0] == "in" and len(call.inputs[places[i][1]].shape) == 1}
    shape, steps = merged(space.shape, [call.inputs[k].shape if k in inputs else () for k in range(len(call.inputs))], leading)
    dtypes = [call.inputs[k].dtype if kind == "in" else call.outputs[k].dtype if kind == "out" else as_dtype(k) for kind, k in places]
    width = WIDTH if shape[-1] % WIDTH == 0 else 1
    function, messages = function_of(program, places, dtypes, steps, width)
    packs = space.size // width
    arguments = [call.inputs[k] for k in inputs] + [call.outputs[k] for kind, k in places if kind == "out"]
    arguments += [call.flag(message) for message in messages]
    if len(shape) > 1:
        arguments.append(_sizes(shape, width))
    call.launch(function.name, blocks_for(packs), THREADS, *arguments, packs, source=function)


plain_kernels = set()                  # the describing functions of ops that may be steps of a fused program


def _register(op_type, **constraints):
    def plain(call):
        n = len(call.inputs)
        program = program_of(op_type, n)
        temporaries = max([k for step in program for k in step[1:] if k is not None]) - n
        run_program(call, program, [("in", k) for k in range(n)] + [("out", 0)] + [("temp", call.outputs[0].dtype)] * temporaries)
    plain.__name__ = op_type
    plain_kernels.add(register_gpu_kernel(op_type, in_place=True, **constraints)(plain))


for _op_type in [*EXPRESSIONS, "AddN"]:
    if _op_type == "Cast":
        _register("Cast", SrcT=list(C_TYPES), DstT=list(C_TYPES))
    elif _op_type.startswith("Logical"):
        _register(_op_type)
    elif _op_type not in ("ZerosLike", "OnesLike"):
        _register(_op_type, T=[as_dtype(source) for source, _ in signatures("Add" if _op_type == "AddN" else _op_type)])


@register_gpu_kernel("_Fused", in_place=True)
def fused(call):
    run_program(call, call.attrs["program"], call.attrs["operands"])


@register_gpu_kernel("ZerosLike", T=list(C_TYPES))
def zeros_like(call):
    call.zero(call.outputs[0])


@register_gpu_kernel("OnesLike", T=list(C_TYPES))
def ones_like(call):
    """The input is not read."""
    run_program(call, [("OnesLike", 0, None, None, None)], [("out", 0)])


@register_gpu_kernel("Fill", T=list(C_TYPES))
def fill(call):
    """The second input, a scalar, broadcast to the output; the first, the shape, has done its work."""
    run_program(call, [("Cast", 1, 0, None, None)], [("in", 1), ("out", 0)])


plain_kernels |= {zeros_like, ones_like}
