"""Kernels that write and read checkpoint files, and look for files: nearly all of their time goes to the disk."""
import numpy as np

from ...core.errors import InvalidArgumentError
from ...platform import gfile
from ...platform.checkpoint_file import CheckpointFile, parse_slice, write_checkpoint
from .kernel import register_python_kernel


@register_python_kernel("SaveV2", strings=True)
def save(attrs, prefix, tensor_names, shape_and_slices, *tensors):
    """One file with all the tensors, written from where they lie."""
    names, slices = _names_and_slices(tensor_names, shape_and_slices, len(tensors))
    write_checkpoint(_text(prefix[()], "prefix"), list(zip(names, tensors, slices)))


@register_python_kernel("RestoreV2", strings=True)
def restore(attrs, prefix, tensor_names, shape_and_slices):
    """The named tensors.  Nothing is returned unless all are there and whole."""
    dtypes = attrs["dtypes"]
    names, slices = _names_and_slices(tensor_names, shape_and_slices, len(dtypes))
    with CheckpointFile(_text(prefix[()], "prefix")) as file:
        return tuple([file.read(name, part, dtype) for name, part, dtype in zip(names, slices, dtypes)])


@register_python_kernel("MatchingFiles", strings=True)
def matching_files(attrs, pattern):
    return np.array([name.encode() for name in gfile.Glob([_text(p, "pattern") for p in pattern.flat])], object).reshape(-1)


def _names_and_slices(tensor_names, shape_and_slices, count):
    for array, what in ((tensor_names, "tensor_names"), (shape_and_slices, "shape_and_slices")):
        if array.shape != (count,):
            raise InvalidArgumentError(None, None, f"{what} should have one element for each of {count} tensors, it has shape {list(array.shape)}")
    names = [_text(name, "tensor_names") for name in tensor_names]
    return names, [parse_slice(_text(spec, "shape_and_slices")) for spec in shape_and_slices]


def _text(value, what):
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidArgumentError(None, None, f"{what}: {value[:100]!r} is not UTF-8") from None
