"""Ops on files: tensors written to a checkpoint file and read from one (minitf.platform.checkpoint_file), and the names of files."""
from ..core.errors import InvalidArgumentError
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..platform.checkpoint_file import parse_slice
from .apply import apply_op
from .shape_fns import argument, with_rank


def _check_names(c):
    with_rank(c, 0, 0)
    with_rank(c, 1, 1)
    with_rank(c, 2, 1)


@register_op("SaveV2", ["prefix: string", "tensor_names: string", "shape_and_slices: string", "tensors: dtypes"], [],
             ["dtypes: list(type) >= 1"], is_stateful=True)
def save_shape(c):
    _check_names(c)
    return []


@register_op("RestoreV2", ["prefix: string", "tensor_names: string", "shape_and_slices: string"], ["tensors: dtypes"],
             ["dtypes: list(type) >= 1"], is_stateful=True)
def restore_shape(c):
    """What the file holds is seen in the run; only a slice tells its shape before."""
    _check_names(c)
    specs = c.constant(2)
    if specs is None or len(specs) != len(c.attrs["dtypes"]):
        return [TensorShape(None)] * len(c.attrs["dtypes"])
    return [_shape_of(spec) for spec in specs]


@register_op("MatchingFiles", ["pattern: string"], ["filenames: string"], is_stateful=True, is_dynamic=True)
def matching_files_shape(c):
    if c.inputs[0].ndims not in (None, 0, 1):
        raise ValueError(f"Shape must be at most rank 1 but is rank {c.inputs[0].ndims} for {argument(c, 0)}")
    return [[None]]


def _shape_of(spec):
    try:
        part = parse_slice(spec.decode("utf-8", "replace"))
    except InvalidArgumentError as error:
        raise ValueError(error.message) from None
    return TensorShape(None if part is None else [length for _, length in part[1]])


def save_v2(prefix, tensor_names, shape_and_slices, tensors, name=None):
    """Write tensors to the file named by the string `prefix`, all of them or, if that fails, none.  Returns the operation.

    tensor_names      a name for each tensor
    shape_and_slices  for each tensor "", or, where it is a part of a larger one, that one's shape and the part: "4 10 0,2:-"
    Run-time errors: NotFoundError if the folder is not there; ResourceExhaustedError on a full disk; InvalidArgumentError for names that
    are not unique.  What the file held before stays until the new one is complete.
    """
    return apply_op("SaveV2", prefix, tensor_names, shape_and_slices, tensors, name=name)


def restore_v2(prefix, tensor_names, shape_and_slices, dtypes, name=None):
    """The tensors of those names, or the slices of them, from the file named by `prefix`: a list.

    Run-time errors: NotFoundError for a file or a name that is not there; InvalidArgumentError for a dtype or shape that differs;
    DataLossError for a file that is damaged.
    """
    return apply_op("RestoreV2", prefix, tensor_names, shape_and_slices, name=name, dtypes=dtypes)


def matching_files(pattern, name=None):
    """The names of the files that match a pattern (* ? [abc]), or any of a vector of patterns: a vector of strings, sorted.

    >>> tf.matching_files("data/part-*.csv")
    """
    return apply_op("MatchingFiles", pattern, name=name)
