"""Text: to numbers and back, joined, cut, hashed; bytes as numbers; lines of comma-separated values."""
from ..core.dtypes import as_dtype, float32, string
from ..core.registry import register_op
from ..core.shapes import TensorShape, broadcast_shapes
from ..graph import convert_to_tensor
from .apply import apply_op
from .array_ops import either
from .shape_fns import INDEX, SCALAR, UNKNOWN, argument, axis_in, unchanged, with_rank
from .sparse_tensor import SparseTensor

_NUMBER = "{float32, float64, int32, int64}"
_RAW = "{float32, float64, int32, uint8, int16, int8, int64}"

register_op("StringToNumber", ["string_tensor: string"], ["output: out_type"], [f"out_type: {_NUMBER} = float32"])(unchanged)
register_op("AsString", ["input: T"], ["output: string"],
            ["T: {float32, float64, int32, uint8, int16, int8, int64, bool}", "precision: int = -1", "scientific: bool = False", "shortest: bool = False",
             "width: int = -1", "fill: string = ''"])(unchanged)
register_op("StringToHashBucket", ["string_tensor: string"], ["output: int64"], ["num_buckets: int >= 1"])(unchanged)


@register_op("StringJoin", ["inputs: N * string"], ["output: string"], ["N: int >= 1", "separator: string = ''"])
def string_join_shape(c):
    whole = SCALAR
    for shape in c.inputs:
        if shape.ndims is None:
            return [UNKNOWN]
        if shape.ndims:
            whole = shape if not whole.ndims else whole.merge_with(shape)
    return [whole]


@register_op("ReduceJoin", ["inputs: string", "reduction_indices: int32"], ["output: string"], ["keep_dims: bool = False", "separator: string = ''"],
             constants=["reduction_indices"])
def reduce_join_shape(c):
    rank, axes, keep = c.inputs[0].ndims, c.constant(1), c.attrs["keep_dims"]
    if rank is None or axes is None:
        return [UNKNOWN]
    dropped = {axis_in(int(axis), rank, c) for axis in axes.ravel()}
    dims = c.inputs[0].as_list()
    return [TensorShape([1 if k in dropped else d for k, d in enumerate(dims) if keep or k not in dropped])]


@register_op("Substr", ["input: string", "pos: T", "len: T"], ["output: string"], [f"T: {INDEX}"])
def substr_shape(c):
    return [broadcast_shapes(broadcast_shapes(c.inputs[0], c.inputs[1]), c.inputs[2])]


@register_op("StringSplit", ["input: string", "delimiter: string"], ["indices: int64", "values: string", "shape: int64"], ["skip_empty: bool = True"],
             is_dynamic=True)
def string_split_shape(c):
    with_rank(c, 0, 1)
    with_rank(c, 1, 0)
    return [[None, 2], [None], [2]]


@register_op("DecodeRaw", ["bytes: string"], ["output: out_type"], [f"out_type: {_RAW}", "little_endian: bool = True"], is_dynamic=True)
def decode_raw_shape(c):
    return [c.inputs[0].concatenate([None])]


@register_op("DecodeCSV", ["records: string", "record_defaults: OUT_TYPE"], ["output: OUT_TYPE"],
             ["OUT_TYPE: list(type)", "field_delim: string = ','", "use_quote_delim: bool = True", "na_value: string = ''"])
def decode_csv_shape(c):
    for i, shape in enumerate(c.inputs[1:], 1):
        if shape.ndims is not None and (shape.ndims > 1 or (shape.num_elements() or 0) > 1):
            raise ValueError(f"A default must be a vector of one element, or of none for a required column, got {argument(c, i)}")
    return [c.inputs[0]] * (len(c.inputs) - 1)


def string_to_number(string_tensor=None, out_type=float32, name=None, input=None):
    """The numbers that strings denote; InvalidArgumentError in the run for one that does not, or does not fit."""
    return apply_op("StringToNumber", either("string_tensor", string_tensor, "input", input), out_type=as_dtype(out_type), name=name)


def as_string(input, precision=-1, scientific=False, shortest=False, width=-1, fill="", name=None):
    """Numbers as text: integers as they are, floats with 6 decimals or `precision` ones, bools as true and false.

    scientific: as 1.5e+00; shortest: whichever is shorter.  width: the least length, filled with blanks or `fill`.
    """
    if scientific and shortest:
        raise ValueError("as_string: scientific and shortest can not both be set")
    return apply_op("AsString", input, precision=precision, scientific=scientific, shortest=shortest, width=width, fill=fill, name=name)


def string_join(inputs, separator="", name=None):
    """Strings joined element by element; scalars go with every element."""
    return apply_op("StringJoin", list(inputs), separator=separator, name=name)


def reduce_join(inputs, axis=None, keep_dims=False, separator="", name=None, reduction_indices=None, keepdims=None):
    """The strings along `axis` joined; of a list of axes, along one after the other.  None: all, in row-major order.

    >>> tf.reduce_join([["a", "b"], ["c", "d"]], [0, 1])          # "acbd"
    """
    axis = either("axis", axis, "reduction_indices", reduction_indices, None)
    inputs = convert_to_tensor(inputs, dtype=string, name="inputs")
    if axis is None:
        rank = inputs.get_shape().ndims
        if rank is None:
            raise ValueError("reduce_join over all axes needs a tensor of known rank")
        axis = list(range(rank - 1, -1, -1))
    axis = convert_to_tensor(axis, dtype="int32")
    return apply_op("ReduceJoin", inputs, axis, keep_dims=bool(keepdims or keep_dims), separator=separator, name=name)


def string_to_hash_bucket(string_tensor=None, num_buckets=None, name=None, input=None):
    """For each string a number in [0, num_buckets), by a hash that never changes; not TensorFlow's, so its numbers differ."""
    text = either("string_tensor", string_tensor, "input", input)
    return apply_op("StringToHashBucket", text, num_buckets=num_buckets, name=name)


def string_to_hash_bucket_fast(input, num_buckets, name=None):
    """As string_to_hash_bucket."""
    return string_to_hash_bucket(input, num_buckets, name=name or "StringToHashBucketFast")


def string_split(source, delimiter=" ", skip_empty=True):
    """The pieces of each string of a vector, a SparseTensor [strings, pieces].  Each character of the delimiter ends a piece; with none,
    every byte is one."""
    return SparseTensor(*apply_op("StringSplit", source, delimiter, skip_empty=skip_empty))


def substr(input, pos, len, name=None):
    """len bytes of each string from place pos on (counted from behind if negative); InvalidArgumentError for a place outside."""
    return apply_op("Substr", input, pos, len, name=name)


def decode_raw(bytes=None, out_type=None, little_endian=True, name=None, input_bytes=None):
    """The bytes of strings, all of one length, as numbers: shape bytes.shape + [length / size of a number]."""
    bytes = either("bytes", bytes, "input_bytes", input_bytes)
    return apply_op("DecodeRaw", bytes, out_type=as_dtype(out_type), little_endian=little_endian, name=name)


def decode_csv(records, record_defaults, field_delim=",", use_quote_delim=True, name=None, na_value=""):
    """A list of tensors, one a column, of lines of comma-separated values (RFC 4180).

    record_defaults: a list, one for each column, of one-element vectors whose dtype is the column's and whose value stands for an empty
    field; a vector of no elements makes the column required.  float32, float64, int32, int64 and string.
    """
    if len(field_delim) != 1:
        raise ValueError(f"field_delim must be one character, got {field_delim!r}")
    defaults = [convert_to_tensor(d) for d in record_defaults]
    for d in defaults:
        if d.dtype.base_dtype.name not in ("float32", "float64", "int32", "int64", "string"):
            raise TypeError(f"A column can hold float32, float64, int32, int64 or string, not {d.dtype.base_dtype.name}")
    result = apply_op("DecodeCSV", records, defaults, field_delim=field_delim, use_quote_delim=use_quote_delim, na_value=na_value, name=name)
    return list(result) if isinstance(result, (list, tuple)) else [result]
