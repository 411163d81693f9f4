"""What a GPU kernel is here: launches of CUDA functions, described once per plan, when every shape is known.

    @register_gpu_kernel("Relu", source="activations.cu", in_place=True, T=FLOATS)
    def relu(call):
        y = call.outputs[0]
        call.launch(typed("relu", y.dtype), blocks_for(y.size), THREADS, call.inputs[0], y, y.size)

The function runs when a plan gets its memory.  What it leaves is a list of launches: a step fills in the addresses and queues them, and no
Python of ours runs in it.
"""
import ctypes
import os

import numpy as np

from ...core import swap
from ...core.dtypes import as_dtype, bool as bool_, float32, float64, int32, int64
from ...core.errors import InvalidArgumentError, ResourceExhaustedError
from ...core.registry import register_kernel
from ...core.swap import swappable

THREADS = 256                 # of a block, where nothing speaks for another number
MOST_BLOCKS = 1 << 16         # of a grid whose threads go on to the next elements by themselves
MOST_ELEMENTS = 2**31 - 1     # of a tensor: kernels count in 32 bits, which is faster, and 8 GiB of floats
FLOATS = [float32, float64]
NUMBERS = [float32, float64, int32, int64]

_SUFFIXES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "b8", "uint8": "u8", "int8": "i8", "int16": "i16"}


def typed(name, dtype):
    """The name of a CUDA function for one element type.

    >>> typed("relu", "float32")
    'relu_f32'
    """
    return f"{name}_{_SUFFIXES[as_dtype(dtype).base_dtype.name]}"


@swappable
def blocks_for(n, threads=THREADS, most=MOST_BLOCKS):
    """How many blocks cover n elements, one a thread; no more than `most`, so the function must go on by the size of the grid.

    >>> blocks_for(1000)
    4
    """
    return min(-(-n // threads), most)


class Operand:
    """A tensor of a call, or scratch memory: as an argument of a launch, its address.

    shape, dtype, size, nbytes   as known when the plan gets its memory
    value                        the NumPy array of an input that the op declares in `constants` (axes, a permutation); else None
    kind, index                  "input", "output", "variable" (a reference) with its number among the inputs or outputs; "scratch", "flag"
    offset                       bytes behind its begin
    """
    __slots__ = ("kind", "index", "shape", "dtype", "value", "offset")

    def __init__(self, kind, index, shape, dtype, value=None, offset=0):
        self.kind, self.index, self.shape, self.dtype = kind, index, tuple(shape), as_dtype(dtype).base_dtype
        self.value, self.offset = value, offset

    @property
    def size(self):
        n = 1
        for d in self.shape:
            n *= d
        return n

    @property
    def nbytes(self):
        return self.size * self.dtype.size

    def at(self, element):
        """The address of an element: an argument that begins there."""
        return Operand(self.kind, self.index, self.shape, self.dtype, self.value, self.offset + element * self.dtype.size)

    def __repr__(self):
        return f"<{self.kind} {self.index}: {self.dtype.name}{list(self.shape)}>"


class Drawn:
    """What a kernel needs of the op's random stream, an argument of the type unsigned long long: see Call.take.

    part   "key" of the stream, or "block": the number of the first block that this run has taken
    """
    __slots__ = ("part",)

    def __init__(self, part):
        self.part = part

    def __repr__(self):
        return f"<{self.part} of the random stream>"


class Launch:
    """One launch: CUDA function, grid, block, bytes of dynamic shared memory, arguments (Operands, Drawns, NumPy scalars, ctypes structures).

    source, function   the .cu file and the name in it; or None and an object of a library's, whose enqueue(stream, addresses) is called with the
                       device's context current: the handle of the stream, and the addresses of the arguments, all Operands
    copy   (target, source, bytes) in place of a function: a copy within the device; or (target, None, bytes): zeros
    count  a ctypes.c_uint64 that a run adds 1 to, or None
    """
    __slots__ = ("source", "function", "grid", "block", "shared", "args", "copy", "count")

    def __init__(self, source, function, grid, block, shared, args, copy=None):
        self.source, self.function, self.grid, self.block, self.shared, self.args, self.copy = source, function, grid, block, shared, args, copy
        self.count = None

    def __str__(self):
        if self.copy is not None:
            return f"copy {self.copy[2]} bytes" if self.copy[1] is not None else f"zero {self.copy[2]} bytes"
        if self.source is None:
            return f"{self.function}({', '.join(map(str, self.args))})"
        return f"{self.function}<<<{self.grid}, {self.block}, {self.shared}>>>({', '.join(map(str, self.args))})"


class Call:
    """What a describing function is given, and where it leaves its launches.

    name, attrs        of the op
    inputs, outputs    [Operand]; a reference to a variable is an input of the kind "variable", with the shape the variable was declared with
    launches           [Launch], in the order in which they are queued: each sees what the ones before have done
    blocks             how many blocks of the op's random stream a run takes; None: it draws nothing
    emulated           whether the device is emulated: then a vendor's library can not help.  The engine says False for a GPU
    """
    emulated = True

    def __init__(self, source, name, attrs, inputs, outputs):
        self.source, self.name, self.attrs, self.inputs, self.outputs = source, name, attrs, inputs, outputs
        self.launches, self.scratches, self.flags, self.blocks = [], [], [], None
        for operand in [*inputs, *outputs]:
            if operand.size > MOST_ELEMENTS:
                raise ResourceExhaustedError(None, None, f"{operand.size:,} elements: a GPU kernel counts to {MOST_ELEMENTS:,}")

    def launch(self, function, grid, block, *args, shared=0, source=None):
        """Queue function<<<grid, block, shared>>>(*args).

        grid, block   a number or a tuple of up to three; nothing is launched where the grid is empty
        args          Operands, what take() gave, ints (passed as int: 32 bits), NumPy scalars (as their type), ctypes structures (by value)
        source        another file than the op's, or a function that was made for this call (generated.py)
        """
        grid, block = _three(grid), _three(block)
        if 0 in grid:
            return
        self.launches.append(Launch(_path(source) or self.source, function, grid, block, shared, [_argument(self, function, a) for a in args]))
        if swap.cuda:
            _swap_in(self.launches[-1])

    def enqueue(self, function, *operands):
        """Queue a library's work: function.enqueue(stream, addresses of the operands)."""
        self.launches.append(Launch(None, function, None, None, 0, list(operands)))

    def copy(self, target, source, nbytes=None):
        """Queue a copy of bytes (default: all of the source) from one operand to another."""
        nbytes = source.nbytes if nbytes is None else nbytes
        if nbytes:
            self.launches.append(Launch(None, None, None, None, 0, [], (target, source, nbytes)))

    def zero(self, target, nbytes=None):
        """Queue zeros into an operand."""
        nbytes = target.nbytes if nbytes is None else nbytes
        if nbytes:
            self.launches.append(Launch(None, None, None, None, 0, [], (target, None, nbytes)))

    def scratch(self, dtype, shape):
        """Memory for this op alone, of anything at its begin."""
        operand = Operand("scratch", len(self.scratches), shape, dtype)
        self.scratches.append(operand)
        return operand

    def flag(self, message):
        """Four ints in the device's memory, 0 at first, through which a kernel can complain: `complain(flag, value)` of common.cuh.

        The step then ends in an InvalidArgumentError with the message, in which "{value}" stands for the value, and "{float}" for the number
        that the value's bits are as a float: `complain` takes a float too.  Or the message is a function (value, place) that gives the text,
        for a kernel that says `complain_at(flag, place, value)`.  Of several threads that complain, any one is heard.
        """
        self.flags.append(message)
        return Operand("flag", len(self.flags) - 1, (4,), int32)

    def take(self, blocks):
        """(key, first): two arguments for a kernel that draws random numbers, `unsigned long long` both.

        Each run takes so many blocks of the stream, attrs["_state"].take(blocks), when it queues the launches: once, and every launch of the
        call gets the same first one.  The key is read then too, for a restored checkpoint changes it.
        """
        self.blocks = blocks
        return Drawn("key"), Drawn("block")


def complaint(message, ints):
    """What the four ints of a raised flag say: the text of the error.

    >>> complaint("{value} is not between 0 and 5", [1, 7, 0, 0])
    '7 is not between 0 and 5'
    """
    _, low, high, place = np.asarray(ints, np.int32)
    value = int(high) << 32 | int(low.view(np.uint32))
    if callable(message):
        return message(value, int(place))
    return message.replace("{value}", str(int(low))).replace("{float}", str(low.view(np.float32)))


def _three(n):
    given = (n,) if isinstance(n, (int, np.integer)) else tuple(n)
    return tuple(int(k) for k in (*given, 1, 1, 1)[:3])


def _argument(call, function, value):
    if isinstance(value, (Operand, Drawn, np.generic, ctypes.Structure)):
        return value
    if isinstance(value, bool):
        return np.int32(value)
    if isinstance(value, int):
        if not -2**31 <= value < 2**31:
            raise InvalidArgumentError(None, None, f"{function}: {value} does not fit an int; say np.int64 if the function takes a long long")
        return np.int32(value)
    raise TypeError(f"{function} of '{call.name}': an argument is a tensor of the call, an int, a NumPy scalar or a ctypes structure; got {value!r}. "
                    "Say np.float32 or np.float64 for a number with a fraction")


def _swap_in(launch):
    """Make it the launch of a reader's function, if there is one for it."""
    theirs = isinstance(launch.source, str) and swap.cuda.get((os.path.basename(launch.source), launch.function))
    if theirs:
        launch.source, launch.function, launch.args, launch.count = theirs.path, theirs.function, launch.args[:theirs.takes], theirs.launches


class Described:
    """What the registry holds for a GPU kernel."""

    def __init__(self, describe, source):
        self.describe, self.source, self.__name__ = describe, source, describe.__name__

    def __call__(self, attrs):
        from .launch import GpuKernel
        return GpuKernel(attrs, self)


def _path(source):
    """A name of a file beside this one in full; None and generated sources as they are."""
    if not isinstance(source, str) or os.path.isabs(source):
        return source
    return os.path.join(os.path.dirname(__file__), source)


def register_gpu_kernel(op_type, source=None, in_place=False, **constraints):
    """Decorate describe(call): the launches that compute an op on a GPU.

    source        the .cu file that has the functions: beside this file, or a path of the user's own
    in_place      the first output may lie in the memory of any input of its shape and dtype whose value nobody else needs
    constraints   attribute name -> allowed values, as in register_kernel
    """
    def decorate(describe):
        register_kernel(op_type, "GPU", in_place, **constraints)(Described(describe, _path(source)))
        return describe
    return decorate
