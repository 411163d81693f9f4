"""The text of the CUDA function for a program of element-wise steps.  relu(x + bias) over [m, n], n a multiple of 4:

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

Dimension d of the output has the index i<d>, operand o of the program the value v<o>.
"""
import re

from .element_functions import EXPRESSIONS, REFUSED
from .generated import Generated

HEADER = "element_functions.cuh"
C_TYPES = {"float32": "float", "float64": "double", "int32": "int", "int64": "int64", "int16": "short", "int8": "int8", "uint8": "uint8",
           "bool": "bool"}


def function_of(program, places, dtypes, steps, width):
    """(Generated, messages): the CUDA function of a program, and the error texts of the flags that it takes, in order.

    program, places   as in kernels/cpu/elementwise.pyx
    dtypes            of each operand
    steps             of each input, which of the output's dimensions it steps along (elementwise.merged)
    width             elements that a thread reads together: divides the last dimension

    Its parameters are the inputs and the outputs in their order in `places`, the flags, the Sizes of the dimensions if there are
    several, and the number of packs.
    """
    types, rank = [C_TYPES[d.name] for d in dtypes], len(steps[0]) if steps else 1
    ins = [(o, k) for o, (kind, k) in enumerate(places) if kind == "in"]
    outs = [(o, k) for o, (kind, k) in enumerate(places) if kind == "out"]
    loads = [_load(k, types[o], steps[k], width) for o, k in ins]
    computed, messages = _statements(program, dtypes, types)
    element = [f"{types[o]} v{o} = {value};" for (o, _), (_, value) in zip(ins, loads)] + \
        [f"{types[o]} v{o};" for o, (kind, _) in enumerate(places) if kind != "in"] + computed
    if width == 1:
        work = [*element, *[f"out{k}[k] = v{o};" for o, k in outs]]
    else:
        element += [f"y{k}.of[e] = v{o};" for o, k in outs]
        work = [*[f"Pack<{types[o]}, {width}> y{k};" for o, k in outs],
                "#pragma unroll", f"for (int e = 0; e < {width}; e++) {{", *_indented(element), "}",
                *[f"pack<{types[o]}, {width}>(out{k}, k) = y{k};" for o, k in outs]]
    parameters = [f"const {types[o]} *in{k}" for o, k in ins] + [f"{types[o]} *out{k}" for o, k in outs] + \
        [f"int *flag{k}" for k in range(len(messages))] + ([f"Sizes<{rank}> sizes"] if rank > 1 else []) + ["int n"]
    loop = ["FOR_EACH(k, n) {", *_indented([*_indices(rank), *[load for load, _ in loads], *work]), "}"]
    lines = [f'extern "C" __global__ void NAME({", ".join(parameters)}) {{', *_indented(loop), "}"]
    return Generated(HEADER, "_".join([name for name, *_ in program[:4]]), "\n".join(lines)), messages


def _indented(lines):
    return ["    " + line for line in lines]


def _statements(program, dtypes, types):
    """(the statements of a program, the messages of its flags)."""
    lines, messages = [], []
    for name, out, *read in program:
        words = {letter: f"v{o}" for letter, o in zip("abc", read)}
        words["T"] = types[out]
        value = _with(EXPRESSIONS[name], words)
        if name in REFUSED and dtypes[out].is_integer:
            condition, message = REFUSED[name]
            if message not in messages:
                messages.append(message)
            condition = _with(condition, words)
            lines.append(f"if ({condition}) complain(flag{messages.index(message)}, 0);")
            value = f"{condition} ? {types[out]}(0) : {value}"
        lines.append(f"v{out} = {value};")
    return lines, messages


def _with(expression, words):
    """The expression with a, b, c and T replaced."""
    return re.sub(r"\b[abcT]\b", lambda letter: words[letter[0]], expression)


def _indices(rank):
    """The index along each dimension, from that of the pack; the first dimension's size is not needed."""
    parts, rest = [], "k"
    for d in range(rank - 1, 0, -1):
        size = f"sizes.of[{rank - 1 - d}]"
        parts.append(f"q{d} = quotient({rest}, {size}), i{d} = {rest} - q{d} * {size}.divisor")
        rest = f"q{d}"
    return [f"unsigned {', '.join(parts)}, i0 = q1;"] if parts else []


def _load(k, c_type, steps, width):
    """(the declaration of x<k>, what a thread reads of an input; an element of it)."""
    index = None
    for d, moves in enumerate(steps):
        if moves:
            index = f"i{d}" if index is None else f"({index}) * sizes.of[{len(steps) - 1 - d}].divisor + i{d}"
    if all(steps):
        index = "k"
    if index is None:
        return f"const {c_type} x{k} = *in{k};", f"x{k}"
    if width == 1 or not steps[-1]:
        return f"const {c_type} x{k} = in{k}[{index}];", f"x{k}"
    return f"const Pack<{c_type}, {width}> x{k} = pack<{c_type}, {width}>(in{k}, {index});", f"x{k}.of[e]"
