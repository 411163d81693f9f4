"""The arguments of a launch: where each lies in the block of bytes that CUDA takes, and whether they are what the function's source says."""
import ctypes

from .call import Drawn, Operand

_CODES = {"b": "b", "B": "B", "h": "h", "H": "H", "i": "i", "I": "I", "l": "q", "q": "q", "L": "Q", "Q": "Q", "f": "f", "d": "d", "?": "?"}
_NAMES = {"P": "a pointer", "i": "int", "I": "unsigned", "q": "long long", "Q": "unsigned long long", "f": "float", "d": "double", "b": "signed char",
          "B": "unsigned char", "h": "short", "H": "unsigned short", "?": "bool"}


def lay_out(args):
    """(offset of each argument, bytes in all): every one at a multiple of its alignment, as CUDA's launch wants them."""
    offsets, end = [], 0
    for argument in args:
        if isinstance(argument, (Operand, Drawn)):
            size = alignment = 8
        elif isinstance(argument, ctypes.Structure):
            size, alignment = ctypes.sizeof(argument), ctypes.alignment(argument)
        else:
            size = alignment = argument.itemsize
        end = -(-end // alignment) * alignment
        offsets.append(end)
        end += size
    return offsets, end


def check_signature(launch, signature):
    """TypeError where the arguments of a launch are not what the function takes (None: nobody knows)."""
    if signature is None:
        return
    given = [code_of(a) for a in launch.args]
    if len(given) != len(signature):
        raise TypeError(f"{launch.function} takes {len(signature)} arguments, got {len(given)}")
    for k, (have, want) in enumerate(zip(given, signature)):
        if have != want and not (have == "?" and want in "bB"):
            raise TypeError(f"Argument {k} of {launch.function} is {_NAMES.get(want, 'a structure of %s bytes' % want[1:])} in the source, "
                            f"but {_NAMES.get(have, 'a structure of %s bytes' % have[1:])} here")


def code_of(argument):
    if isinstance(argument, Operand):
        return "P"
    if isinstance(argument, Drawn):
        return "Q"
    if isinstance(argument, ctypes.Structure):
        return f"S{ctypes.sizeof(argument)}"
    return _CODES[argument.dtype.char]
