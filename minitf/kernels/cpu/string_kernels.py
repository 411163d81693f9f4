"""Kernels that read and write text."""
import csv
import hashlib
import io

import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


def _each(function, *arrays, dtype=object):
    """function of each element, in an array of that shape."""
    out = np.empty(arrays[0].shape, dtype)
    for place in np.ndindex(out.shape):
        out[place] = function(*(a[place] for a in arrays))
    return out


def _number(text, dtype):
    """The number that a piece of text denotes; ValueError unless all of it does, and it fits."""
    text = text.decode("ascii").strip()
    if "_" in text:
        raise ValueError
    if dtype.is_floating:
        return dtype.as_numpy_dtype(float(text))
    value = int(text)
    if not dtype.min <= value <= dtype.max:
        raise ValueError
    return value


@register_python_kernel("StringToNumber", strings=True)
def string_to_number(attrs, text):
    def number(t):
        try:
            with np.errstate(over="ignore"):
                return _number(t, attrs["out_type"])
        except ValueError:
            raise InvalidArgumentError(None, None, f"StringToNumberOp could not correctly convert string: {t.decode(errors='replace')[:100]}") from None
    return _each(number, text, dtype=attrs["out_type"].as_numpy_dtype)


@register_python_kernel("AsString", strings=True)
def as_string(attrs, x):
    precision, width, fill = attrs["precision"], attrs["width"], attrs["fill"]
    flags = fill if fill in ("0", "-", " ", "+") else ""
    kind = "e" if attrs["scientific"] else "g" if attrs["shortest"] else "f"
    form = f"%{flags}{width if width >= 0 else ''}{f'.{precision}' if precision >= 0 else ''}{kind}"

    def text(v):
        if x.dtype == bool:
            return (b"true" if v else b"false").rjust(max(width, 0))
        if x.dtype.kind in "iu":
            return (f"%{flags}{width if width >= 0 else ''}d" % v).encode()
        return (form % v).encode()
    return _each(text, x)


@register_python_kernel("StringJoin", strings=True)
def string_join(attrs, *inputs):
    shape = np.broadcast_shapes(*(x.shape if x.ndim else () for x in inputs))
    return _each(lambda *parts: attrs["separator"].encode().join(parts), *(np.broadcast_to(x, shape) for x in inputs))


@register_python_kernel("ReduceJoin", strings=True)
def reduce_join(attrs, x, axes):
    separator = attrs["separator"].encode()
    for axis in axes.ravel().tolist():
        if not -x.ndim <= axis < x.ndim:
            raise InvalidArgumentError(None, None, f"Invalid reduction dimension {axis} for input with {x.ndim} dimensions")
    order = [int(a) % x.ndim for a in axes.ravel()][::-1]         # the axis that is joined last changes slowest
    kept = [k for k in range(x.ndim) if k not in order]
    rows = x.transpose(kept + order).reshape([x.shape[k] for k in kept] + [-1])
    out = np.empty(rows.shape[:-1], object)
    for place in np.ndindex(out.shape):
        out[place] = separator.join(rows[place].tolist())
    return out.reshape([1 if k in order else x.shape[k] for k in range(x.ndim)]) if attrs["keep_dims"] else out


@register_python_kernel("StringToHashBucket", strings=True)
def string_to_hash_bucket(attrs, text):
    """A number below num_buckets for each text, the same in every run and on every machine."""
    return _each(lambda t: int.from_bytes(hashlib.blake2b(t, digest_size=8).digest(), "little") % attrs["num_buckets"], text, dtype=np.int64)


@register_python_kernel("Substr", strings=True)
def substr(attrs, text, pos, length):
    shape = np.broadcast_shapes(text.shape, pos.shape, length.shape)

    def cut(t, p, n):
        if not -len(t) <= p <= len(t):
            raise InvalidArgumentError(None, None, f"pos {p} out of range for string b'{t.decode(errors='replace')[:50]}'")
        p = p + len(t) if p < 0 else p
        return t[p:p + max(int(n), 0)]
    return _each(cut, *(np.broadcast_to(a, shape) for a in (text, pos, length)))


@register_python_kernel("StringSplit", strings=True)
def string_split(attrs, text, delimiter):
    """(indices [n, 2], values [n], shape [2]) of the pieces; each character of the delimiter ends a piece, an empty one every byte."""
    marks = delimiter.item()
    indices, values, widest = [], [], 0
    for row, t in enumerate(text.tolist()):
        pieces = [t[i:i + 1] for i in range(len(t))] if not marks else _split(t, marks)
        if attrs["skip_empty"]:
            pieces = [p for p in pieces if p]
        indices += [(row, i) for i in range(len(pieces))]
        values += pieces
        widest = max(widest, len(pieces))
    out = np.empty(len(values), object)
    out[:] = values
    return np.array(indices, np.int64).reshape(-1, 2), out, np.array([len(text), widest], np.int64)


def _split(text, marks):
    for mark in marks:
        text = text.replace(bytes([mark]), marks[:1])
    return text.split(marks[:1])


@register_python_kernel("DecodeRaw", strings=True)
def decode_raw(attrs, contents):
    """The bytes of each string as numbers, along a new last axis."""
    dtype = np.dtype(attrs["out_type"].as_numpy_dtype)
    sizes = {len(t) for t in contents.ravel().tolist()}
    if len(sizes) > 1:
        raise InvalidArgumentError(None, None, f"DecodeRaw requires input strings to all be the same size, but they have the sizes {sorted(sizes)}")
    size = sizes.pop() if sizes else 0
    if size % dtype.itemsize:
        raise InvalidArgumentError(None, None, f"Input to DecodeRaw has length {size} that is not a multiple of {dtype.itemsize}, the size of "
                                   f"{attrs['out_type'].name}")
    numbers = np.frombuffer(b"".join(contents.ravel().tolist()), dtype.newbyteorder("<" if attrs["little_endian"] else ">"))
    return numbers.astype(dtype).reshape(contents.shape + (size // dtype.itemsize,))


@register_python_kernel("DecodeCSV", strings=True)
def decode_csv(attrs, records, *defaults):
    """One output for each column, of the shape of records."""
    types = attrs["OUT_TYPE"]
    outputs = [np.empty(records.shape, t.as_numpy_dtype) for t in types]
    quoting = csv.QUOTE_MINIMAL if attrs["use_quote_delim"] else csv.QUOTE_NONE
    for i, place in enumerate(np.ndindex(records.shape)):
        text = records[place].decode("latin-1")           # a byte for a character, and back below
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=attrs["field_delim"], quoting=quoting)) or [[""]]
        fields = rows[0]
        if len(rows) > 1:
            raise InvalidArgumentError(None, None, f"Record {i} holds a line break outside quotes")
        if len(fields) != len(types):
            raise InvalidArgumentError(None, None, f"Expect {len(types)} fields but have {len(fields)} in record {i}")
        for k, (field, dtype, default) in enumerate(zip(fields, types, defaults)):
            if field in ("", attrs["na_value"]):
                if default.size == 0:
                    raise InvalidArgumentError(None, None, f"Field {k} is required but missing in record {i}!")
                outputs[k][place] = default.flat[0]
                continue
            raw = field.encode("latin-1")
            try:
                outputs[k][place] = raw if dtype.holds_objects else _number(raw, dtype)
            except ValueError:
                raise InvalidArgumentError(None, None, f"Field {k} in record {i} is not a valid {dtype.name}: {field[:100]}") from None
    return tuple(outputs)
