"""Element-wise ops on a GPU: one launch for a program of steps, each step an expression of element_functions.py.

As on a CPU (kernels/cpu/elementwise.pyx), a plain op is a program of one step and a fused node one of many.  Here a program becomes the
text of a CUDA function: what passes from step to step stays in registers, and memory is read and written once.  relu(x + bias) over
[m, n], n a multiple of 4:

    extern "C" __global__ void Add_Relu_NUMBER(const float *in0, const float *in1, float *out0, Sizes<2> sizes, int n) {
        FOR_EACH(k, n) {                                   // n: packs of 4
            unsigned q1 = quotient(k, sizes.of[0]), i1 = k - q1 * sizes.of[0].divisor, i0 = q1;
            const Pack<float, 4> x0 = pack<float, 4>(in0, k);
            const Pack<float, 4> x1 = pack<float, 4>(in1, i1);
            Pack<float, 4> y0;
            #pragma unroll
            for (int e = 0; e < 4; e++) {
                float v0 = x0.of[e], v1 = x1.of[e], v2, v3;
                v2 = add(v0, v1);
                v3 = v2 < 0 ? float(0) : v2;
                y0.of[e] = v3;
            }
            pack<float, 4>(out0, k) = y0;
        }
    }

A thread reads all its elements before it writes any, so an output may lie in the memory of an input of its shape.
"""
import ctypes
import re

from ...core.dtypes import as_dtype
from ..cpu.elementwise import program_of
from ..cpu.vector_ops import signatures
from .call import THREADS, blocks_for, register_gpu_kernel
from .element_functions import EXPRESSIONS, REFUSED
from .generated import Generated
from .words import Divisor

WIDTH = 4                              # elements of a pack
HEADER = "element_functions.cuh"
C_TYPES = {"float32": "float", "float64": "double", "int32": "int", "int64": "int64", "int16": "short", "int8": "int8", "uint8": "uint8",
           "bool": "bool"}


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


def _loaded(k, kind, c_type, steps, width):
    """(declaration of what a thread reads of an input, an element of it); steps: which dimensions the input steps along."""
    name, rank = f"in{k}", len(steps)
    index = "k" if all(steps) else ""
    if not index:
        for d in range(rank):
            if steps[d]:
                index = f"({index}) * sizes.of[{rank - 1 - d}].divisor + i{d}" if index else f"i{d}"
    if not index:
        return f"const {c_type} x{k} = *{name};", f"x{k}"
    if width == 1 or not steps[-1]:
        return f"const {c_type} x{k} = {name}[{index}];", f"x{k}"
    return f"const Pack<{c_type}, {width}> x{k} = pack<{c_type}, {width}>({name}, {index});", f"x{k}.of[e]"


def function_of(program, places, dtypes, steps, width):
    """(Generated, messages): the CUDA function of a program, and the error texts of the flags that it takes, in order.

    program, places   as in kernels/cpu/elementwise.pyx
    dtypes            of each operand
    steps             of each input, which of the merged dimensions it steps along
    """
    types = [C_TYPES[d.name] for d in dtypes]
    rank = len(steps[0]) if steps else 1
    ins = [(i, k) for i, (kind, k) in enumerate(places) if kind == "in"]
    outs = [(i, k) for i, (kind, k) in enumerate(places) if kind == "out"]
    messages = []
    body = []
    for name, out, *read in program:
        values = {letter: f"v{i}" for letter, i in zip("abc", read) if i is not None}
        fill = lambda text: re.sub(r"\b[abcT]\b", lambda m: types[out] if m[0] == "T" else values[m[0]], text)
        value = fill(EXPRESSIONS[name])
        condition, message = REFUSED.get(name, (None, None))
        if condition and dtypes[out].is_integer and not ("<" in condition and dtypes[out].is_unsigned):
            if message not in messages:
                messages.append(message)
            flag = f"flag{messages.index(message)}"
            body.append(f"if ({fill(condition)}) complain({flag}, 0);")
            value = f"{fill(condition)} ? {types[out]}(0) : {value}"
        body.append(f"v{out} = {value};")
    loads = [_loaded(k, "in", types[i], steps[k], width) for i, k in ins]
    parameters = [f"const {types[i]} *in{k}" for i, k in ins] + [f"{types[i]} *out{k}" for i, k in outs] + \
        [f"int *flag{k}" for k in range(len(messages))] + ([f"Sizes<{rank}> sizes"] if rank > 1 else []) + ["int n"]
    lines = [f'extern "C" __global__ void NAME({", ".join(parameters)}) {{', "    FOR_EACH(k, n) {"]
    indices, rest = [], "k"
    for d in range(rank - 1, 0, -1):
        at = f"sizes.of[{rank - 1 - d}]"
        indices.append(f"q{d} = quotient({rest}, {at}), i{d} = {rest} - q{d} * {at}.divisor")
        rest = f"q{d}"
    if indices:
        lines.append(f"        unsigned {', '.join(indices)}, i0 = q1;")
    lines += [f"        {load}" for load, _ in loads]
    inner, close = "        ", []
    if width > 1:
        lines += [f"        Pack<{types[i]}, {width}> y{k};" for i, k in outs]
        lines += ["        #pragma unroll", f"        for (int e = 0; e < {width}; e++) {{"]
        inner, close = inner + "    ", ["        }"]
    lines += [f"{inner}{types[i]} v{i} = {value};" for (i, _), (_, value) in zip(ins, loads)]
    lines += [f"{inner}{types[i]} v{i};" for i, (kind, _) in enumerate(places) if kind != "in"]
    lines += [inner + line for line in body]
    if width > 1:
        lines += [f"{inner}y{k}.of[e] = v{i};" for i, k in outs] + close
        lines += [f"        pack<{types[i]}, {width}>(out{k}, k) = y{k};" for i, k in outs]
    else:
        lines += [f"{inner}out{k}[k] = v{i};" for i, k in outs]
    lines += ["    }", "}"]
    title = "_".join([name for name, *_ in program[:4]])
    return Generated(HEADER, title, "\n".join(lines)), messages


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
    arguments = [call.inputs[k] for k in inputs] + [call.outputs[k] for kind, k in places if kind == "out"] + [call.flag(m) for m in messages]
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
