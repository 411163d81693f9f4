"""One op's GPU kernel on NumPy arrays: described, compiled for the emulator, launched; no graph and no session."""
import ctypes
from pathlib import Path

import numpy as np

import minitf                                                 # noqa: F401: registers the ops and their kernels
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel, op_def
from minitf.kernels.gpu import call as call_module
from minitf.kernels.gpu.call import Call, Drawn, Operand, complaint
from minitf.kernels.gpu.emulator import module
from minitf.kernels.gpu.emulator.module import DEVICE_BIT

FOLDER = Path(call_module.__file__).parent
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_BEGIN, _END = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int), ctypes.CFUNCTYPE(ctypes.c_char_p)
UNWRITTEN = 0xCB              # what fresh memory holds, so that a kernel that leaves a part unwritten is seen


def run_call(op_type, attrs, inputs, output_shapes, output_dtypes, check=False, order=0, threads=1, in_place=None, variables=None,
             known=(), build=None):
    """The outputs [NumPy arrays] of an op's GPU kernel.

    inputs         arrays, or things that become arrays; those that the op declares in `constants` are given to the kernel as values too
    output_shapes, output_dtypes   of each output
    check          under the checker: AssertionError with its report if it has something to say
    order          in which threads and blocks run (see the emulator)
    in_place       number of an input in whose memory the first output lies
    variables      numbers of the inputs that are references to variables (default: those that the op declares so): written in place,
                   they come back in the list that was given
    known          numbers of further inputs whose values the kernel is given, as it is where a plan knows them
    build          build(path, check) in place of the emulator's own

    A complaint (Call.flag) raises InvalidArgumentError.  An op that draws takes its blocks from attrs["_state"], as a run does.
    """
    arrays = [np.ascontiguousarray(a).reshape(np.shape(a)) for a in inputs]
    call = describe_call(op_type, attrs, arrays, output_shapes, output_dtypes, variables, known)
    variables = [k for k, operand in enumerate(call.inputs) if operand.kind == "variable"]
    given, made = call.inputs, call.outputs

    memory = {}
    for k, a in enumerate(arrays):
        memory[given[k].kind, k] = a if k in variables else a.copy()
    for operand in [*made, *call.scratches]:
        memory[operand.kind, operand.index] = fresh(operand.shape, operand.dtype)
    if in_place is not None:
        memory["output", 0] = memory[given[in_place].kind, in_place]
    for k in range(len(call.flags)):
        memory["flag", k] = np.zeros(4, np.int32)
    if call.blocks is not None:
        key, block = attrs["_state"].place
        attrs["_state"].place = key, block + call.blocks
        memory["key", 0], memory["block", 0] = np.uint64(key), np.uint64(block)
    for launch in call.launches:
        run_launch(launch, memory, check, order, threads, build or module.build)
    for k, message in enumerate(call.flags):
        if memory["flag", k][0]:
            raise InvalidArgumentError(None, None, complaint(message, memory["flag", k]))
    for k in variables:
        if arrays[k] is not inputs[k]:
            inputs[k] = arrays[k]
    return [memory["output", k] for k in range(len(made))]


def describe_call(op_type, attrs, arrays, output_shapes, output_dtypes, variables=None, known=()):
    """The Call, described.  Functions that are made for calls are compiled together: describe many before the first is run."""
    kernel_def = find_kernel(op_type, attrs, "GPU")
    assert kernel_def is not None, f"there is no GPU kernel for {op_type} with {attrs}"
    constant = set(known)
    if not op_type.startswith("_"):                           # a graph has no op of that type: the session makes them
        definition = op_def(op_type)
        constant |= {k % len(arrays) for k in definition.constants}
        if variables is None:
            variables = [k for k, arg in enumerate(definition.inputs) if arg.is_ref]
    given = [Operand("variable" if k in (variables or ()) else "input", k, a.shape, a.dtype, a if k in constant else None)
             for k, a in enumerate(arrays)]
    made = [Operand("output", k, s, d) for k, (s, d) in enumerate(zip(output_shapes, output_dtypes, strict=True))]
    call = Call(kernel_def.kernel.source, op_type.lower(), attrs, given, made)
    kernel_def.kernel.describe(call)
    return call


def fresh(shape, dtype):
    """An array as memory is that nobody has written."""
    dtype = getattr(dtype, "as_numpy_dtype", dtype)
    array = np.empty(shape, dtype)
    array.reshape(-1).view(np.uint8)[...] = UNWRITTEN if array.dtype != bool else 1
    return array


def run_launch(launch, memory, check=False, order=0, threads=1, build=module.build):
    """Run one Launch on the arrays of `memory`: {(kind, index): array}."""
    if launch.copy is not None:
        target, source, nbytes = launch.copy
        to = _bytes(memory, target)[:nbytes]
        to[...] = 0 if source is None else _bytes(memory, source)[:nbytes]
        return
    path = Path(launch.source)
    library = build(path if path.is_absolute() else FOLDER / path, check)
    codes = library.kernels.get(launch.function)
    assert codes is not None, f"{launch.source} has no kernel {launch.function}; it has {', '.join(library.kernels)}"
    assert len(codes) == len(launch.args), f"{launch.function} takes {len(codes)} arguments, the launch has {len(launch.args)}: {launch}"
    held = [_argument(launch, k, code, arg, memory) for k, (code, arg) in enumerate(zip(codes, launch.args))]
    params = (ctypes.c_void_p * max(1, len(held)))(*[ctypes.addressof(h) for h in held])
    geometry = (ctypes.c_uint * 7)(*launch.grid, *launch.block, launch.shared)
    if check:
        ranges = [v for a in _distinct(memory.values()) for v in (a.ctypes.data | DEVICE_BIT, a.nbytes)]
        _BEGIN(library.checker()[0])((ctypes.c_uint64 * len(ranges))(*ranges), len(ranges) // 2)
    error = _ENTRY(library.entry(launch.function))(ctypes.addressof(geometry), order, threads, ctypes.addressof(params))
    report = _END(library.checker()[1])().decode() if check else ""
    assert not report and error is None, f"{launch}\n{report or error.decode()}"


def _distinct(arrays):
    return {a.ctypes.data: a for a in arrays if isinstance(a, np.ndarray) and a.nbytes}.values()


def _bytes(memory, operand):
    return memory[operand.kind, operand.index].reshape(-1).view(np.uint8)[operand.offset:]


def _argument(launch, k, code, arg, memory):
    """A ctypes object that holds an argument's bytes."""
    if isinstance(arg, Operand):
        assert code == "P", f"{launch.function}: argument {k + 1} is {code!r} in the .cu file, and a tensor here"
        array = memory[arg.kind, arg.index]
        return ctypes.c_uint64((array.ctypes.data | DEVICE_BIT) + arg.offset if array.nbytes else 0)
    if isinstance(arg, Drawn):
        arg = memory[arg.part, 0]
    if isinstance(arg, ctypes.Structure):
        assert code == f"S{ctypes.sizeof(arg)}", \
            f"{launch.function}: argument {k + 1} is {code!r} in the .cu file, and {ctypes.sizeof(arg)} bytes here"
        return arg
    same = {"q": "lq", "Q": "LQ"}.get(code, code)
    assert arg.dtype.char in same, f"{launch.function}: argument {k + 1} is {code!r} in the .cu file, and {arg.dtype} here"
    return ctypes.create_string_buffer(arg.tobytes(), arg.nbytes)
