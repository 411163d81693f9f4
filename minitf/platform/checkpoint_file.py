"""Checkpoint files: named tensors in one file, which is there whole or not at all.

    offset 0    8 bytes   b"minitfCK"
           8    uint32    version of the format, 1
          12    uint32    CRC-32C of everything from here to the end of the header
          16    uint64    length of the header
          24    header    JSON (UTF-8), then zeros up to a multiple of 64: there the data begin
                data      arrays in row-major order, little-endian, each at a multiple of 64 with zeros before it

All numbers are little-endian.  The header is an object {"size": bytes of the data, "tensors": [...]}, a tensor an object

    {"name": "layer/w", "dtype": "float32", "shape": [100, 20], "offset": 0, "nbytes": 8000, "crc32c": 123456789}

with the offset counted from where the data begin.  A part of a tensor (a partitioned variable is saved in such) has the whole tensor's name and
shape, and "slice": [[first, length], ...], one pair an axis.  Bools are bytes 0 and 1; strings are the lengths of all elements as uint64,
then their bytes, one behind the other.

A file is written aside and renamed (aside.py).  Reading trusts nothing: every number is checked against the file's size before memory
is taken, no two arrays share bytes, and only the arrays that are asked for are read.  What is wrong is a DataLossError,
an InvalidArgumentError for a question that the file can not answer (another version, a shape that does not fit), or a
NotFoundError for a file or a tensor that is not there.
"""
import json
import math
import os
import stat
import struct
from difflib import get_close_matches

import numpy as np

from ..core.crc32c import crc32c
from ..core.dtypes import ALL_DTYPES, as_dtype, bool as bool_dtype, string
from ..core.errors import DataLossError, InvalidArgumentError, NotFoundError
from ..core.strings import as_strings
from .aside import written_aside
from .os_errors import os_errors

MAGIC, VERSION = b"minitfCK", 1
MOST_DIMENSIONS = 8           # as many as a tensor can have (core/buffers.pxd)
MOST_ELEMENTS = 1 << 58       # of one tensor: no number of bytes leaves 64 bits
_ALIGNMENT = 64
_FRONT = struct.Struct("<8sIIQ")
_DTYPES = {d.name: d for d in ALL_DTYPES}
_KEYS = {"name", "dtype", "shape", "offset", "nbytes", "crc32c", "slice"}


# ---- slices -----------------------------------------------------------------------------------------------------------------

def parse_slice(text):
    """(whole shape, [(first, length) per axis]) of TensorFlow's "4 10 0,2:-": a part of a tensor of shape [4, 10], "-" being a whole axis.
    None for "": the whole tensor.  InvalidArgumentError if it is not of this form.
    """
    if text == "":
        return None
    *dims, spec = text.split(" ")
    axes = spec.split(":")
    try:
        shape = tuple([_number(d) for d in dims])
        if len(axes) != len(shape):
            raise ValueError
        part = [(0, dim) if axis == "-" else tuple([_number(n) for n in axis.split(",")]) for dim, axis in zip(shape, axes)]
        if any(len(p) != 2 or p[0] + p[1] > dim for p, dim in zip(part, shape)):
            raise ValueError
    except ValueError:
        raise InvalidArgumentError(None, None, f"{_cut(text)} is not a shape and a slice of it, such as '4 10 0,2:-'") from None
    return shape, part


def _number(text):
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValueError
    return int(text)


# ---- writing ----------------------------------------------------------------------------------------------------------------

def write_checkpoint(path, tensors):
    """Write a file of (name, array, slice) triples, the slice as parse_slice gives it; its folder must be there.

    InvalidArgumentError for what no such file can hold; the operating system's refusals, a full disk among them, as OpErrors
    that name the path.  Whatever happens, what `path` held before is there until the new file is complete.
    """
    records, chunks, size = [], [], 0
    for name, array, part in tensors:
        array = np.asarray(array)
        dtype = as_dtype(array.dtype)
        shape = array.shape if part is None else part[0]
        record = {"name": name, "dtype": dtype.name, "shape": list(shape)}
        if part is not None:
            if tuple([length for _, length in part[1]]) != array.shape:
                raise InvalidArgumentError(None, None, f"Slice {part[1]} of '{name}' has another shape than its value, {list(array.shape)}")
            record["slice"] = part[1]
        data = _to_bytes(name, array, dtype)
        size = _aligned(size)
        record.update(offset=size, nbytes=len(data), crc32c=crc32c(data))
        records.append(record)
        chunks.append((size, data))
        size += len(data)
    header = json.dumps({"size": size, "tensors": records}, separators=(",", ":")).encode()
    try:
        _read_header(header, path)
    except DataLossError as error:
        raise InvalidArgumentError(None, None, f"{path} can not be written so that it can be read: {error.message}") from None
    length = struct.pack("<Q", len(header))
    padding = bytes(_aligned(_FRONT.size + len(header)) - _FRONT.size - len(header))
    with written_aside(path) as file:
        file.write(_FRONT.pack(MAGIC, VERSION, crc32c(header + padding, crc32c(length)), len(header)) + header + padding)
        at = 0
        for offset, data in chunks:
            file.write(bytes(offset - at))
            file.write(data)
            at = offset + len(data)


def _to_bytes(name, array, dtype):
    """The bytes that are stored: the array's own memory where that is in the right order already."""
    if dtype is string:
        try:
            elements = as_strings(array).ravel().tolist()
        except TypeError as error:
            raise InvalidArgumentError(None, None, f"'{name}' can not be saved: {error}") from None
        return np.array([len(e) for e in elements], "<u8").tobytes() + b"".join(elements)
    if array.dtype != dtype.as_numpy_dtype:
        array = array.astype(dtype.as_numpy_dtype)
    return memoryview(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8))


def _aligned(n):
    return -(-n // _ALIGNMENT) * _ALIGNMENT


# ---- reading ----------------------------------------------------------------------------------------------------------------

class Entry:
    """A tensor of a file: its dtype, its (whole) shape, and the records that hold it or parts of it."""
    __slots__ = ("dtype", "shape", "records")

    def __init__(self, dtype, shape):
        self.dtype, self.shape, self.records = dtype, shape, []


class CheckpointFile:
    """A checkpoint that is open for reading.  Its header has been read and checked; `read` reads arrays.

    entries  {name: Entry}, in the order of the file
    """

    def __init__(self, path):
        self.path = os.fspath(path)
        with os_errors(path):
            if not stat.S_ISREG(os.stat(path).st_mode):          # before it is opened: a pipe would wait for its writer
                raise InvalidArgumentError(None, None, f"{self.path} is not a file, so it is no checkpoint")
            self._file = open(path, "rb")
        try:
            with os_errors(path):
                self._read_front(os.fstat(self._file.fileno()).st_size)
        except BaseException:
            self._file.close()
            raise

    def _read_front(self, file_size):
        front = self._file.read(_FRONT.size)
        if front[:len(MAGIC)] != MAGIC[:len(front)]:
            raise DataLossError(None, None, f"{self.path} is not a checkpoint: it does not begin with {MAGIC.decode()}")
        if len(front) < _FRONT.size:
            raise _lost(self.path, f"it ends after {len(front)} bytes")
        _, version, crc, length = _FRONT.unpack(front)
        if version != VERSION:
            raise InvalidArgumentError(None, None, f"{self.path} has version {version} of the checkpoint format; this program reads version {VERSION}")
        if length > file_size - _FRONT.size or _aligned(_FRONT.size + length) > file_size:
            raise _lost(self.path, f"its header should have {length:,} bytes, the file has {file_size:,}")
        header = self._file.read(_aligned(_FRONT.size + length) - _FRONT.size)
        if crc32c(header, crc32c(front[16:])) != crc:
            raise _lost(self.path, "the header's checksum does not agree")
        size, self.entries = _read_header(header[:length], self.path)
        self._start = _aligned(_FRONT.size + length)
        if self._start + size != file_size:
            raise _lost(self.path, f"the file has {file_size:,} bytes and should have {self._start + size:,}")

    def entry(self, name):
        """The Entry of a tensor; NotFoundError with the nearest names."""
        found = self.entries.get(name)
        if found is None:
            near = near_names(name, self.entries)
            hint = f"; the nearest names there are {', '.join(near)}" if near else ""
            raise NotFoundError(None, None, f"Tensor name \"{_cut(name)}\" not found in checkpoint files {self.path}{hint}")
        return found

    def read(self, name, part=None, dtype=None):
        """A tensor, or the part of it that parse_slice tells, as a new array.

        dtype: what is expected; InvalidArgumentError if the file has another, has another shape than the slice belongs to, or lacks a
        piece of what is asked for.  DataLossError if a checksum does not agree.
        """
        entry = self.entry(name)
        if dtype is not None and entry.dtype is not dtype:
            raise InvalidArgumentError(None, None, f"tensor_name = {name}; expected dtype {dtype.name} does not equal original dtype {entry.dtype.name}")
        wanted = [(0, dim) for dim in entry.shape]
        if part is not None:
            shape, wanted = part
            if shape != entry.shape:
                raise InvalidArgumentError(None, None, f"tensor_name = {name}; shape in shape_and_slice spec {list(shape)} does not match the shape stored "
                                           f"in checkpoint: {list(entry.shape)}")
        if len(entry.records) == 1 and entry.records[0].part == wanted:
            return self._read_record(entry, entry.records[0], name)
        pieces = [(record, common) for record in entry.records for common in [_intersection(record.part, wanted)] if common is not None]
        lengths = tuple([length for _, length in wanted])
        if sum(math.prod(length for _, length in common) for _, common in pieces) != math.prod(lengths):
            raise InvalidArgumentError(None, None, f"tensor_name = {name}; the checkpoint {self.path} has not all of the slice that is asked for")
        result, filled = np.empty(lengths, entry.dtype.as_numpy_dtype), np.zeros(lengths, np.bool_)
        for record, common in pieces:
            target, source = _places(common, wanted), _places(common, record.part)
            result[target] = self._read_record(entry, record, name)[source]
            filled[target] = True
        if not filled.all():
            raise _lost(self.path, f"the slices of '{_cut(name)}' overlap")
        return result

    def _read_record(self, entry, record, name):
        shape = tuple([length for _, length in record.part])
        if entry.dtype is string:
            data = bytearray(record.nbytes)
        else:
            data = np.empty(shape, entry.dtype.numpy_dtype.newbyteorder("<"))
        flat = memoryview(data) if entry.dtype is string else data.reshape(-1).view(np.uint8)
        with os_errors(self.path):
            self._file.seek(self._start + record.offset)
            n = self._file.readinto(flat)
        if n != record.nbytes:
            raise _lost(self.path, "it was cut short while it was read")
        if crc32c(flat) != record.crc:
            raise _lost(self.path, f"the checksum of '{_cut(name)}' does not agree")
        if entry.dtype is string:
            return self._strings(data, shape, name)
        if entry.dtype is bool_dtype and flat.size and flat.max() > 1:
            raise _lost(self.path, f"'{_cut(name)}' has bools that are neither 0 nor 1")
        return data.astype(entry.dtype.as_numpy_dtype, copy=False)

    def _strings(self, data, shape, name):
        count = math.prod(shape)
        lengths = np.frombuffer(data, "<u8", count).tolist()
        if 8 * count + sum(lengths) != len(data):
            raise _lost(self.path, f"the lengths of the strings of '{_cut(name)}' do not add up")
        result, at = np.empty(count, object), 8 * count
        for i, length in enumerate(lengths):
            result[i] = bytes(data[at:at + length])
            at += length
        return result.reshape(shape)

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class _Record:
    """Where an array lies: offset and nbytes of the data; part, the [(first, length)] that it is of its tensor."""
    __slots__ = ("part", "offset", "nbytes", "crc")

    def __init__(self, part, offset, nbytes, crc):
        self.part, self.offset, self.nbytes, self.crc = part, offset, nbytes, crc


def _read_header(text, path):
    """(size of the data, {name: Entry}) of a header, checked through and through."""
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _lost(path, f"its header is not JSON ({_cut(str(error))})") from None
    try:
        _need(isinstance(header, dict) and header.keys() == {"size", "tensors"} and isinstance(header["tensors"], list), "it is not a header")
        size = _integer(header["size"], "size", 1 << 62)
        entries, regions, end = {}, [], 0
        for number, tensor in enumerate(header["tensors"]):
            _need(isinstance(tensor, dict) and tensor.keys() | {"slice"} == _KEYS, f"tensor {number} is not described by {', '.join(sorted(_KEYS))}")
            name = tensor["name"]
            _need(isinstance(name, str), f"tensor {number} has no name")
            where = f"'{_cut(name)}'"
            shape, record = _read_record(tensor, where, size)
            entry = entries.setdefault(name, Entry(_DTYPES[tensor["dtype"]], shape))
            _need(not entry.records or "slice" in tensor and entry.records[0].part != [(0, dim) for dim in shape], f"{where} is there twice")
            _need(entry.shape == shape and entry.dtype.name == tensor["dtype"], f"the slices of {where} are not of one tensor")
            entry.records.append(record)
            end = max(end, record.offset + record.nbytes)
            if record.nbytes:
                regions.append((record.offset, record.offset + record.nbytes, where))
        regions.sort()
        for (_, behind, one), (begin, _, other) in zip(regions, regions[1:]):
            _need(behind <= begin, f"{one} and {other} share bytes")
        _need(end == size, "the data do not end where they should")
    except _Wrong as error:
        raise _lost(path, f"its header is wrong: {error}") from None
    return size, entries


def _read_record(tensor, where, size):
    """(shape, _Record) of one tensor's description."""
    _need(isinstance(tensor["dtype"], str) and tensor["dtype"] in _DTYPES, f"{where} has no dtype that is known")
    dtype = _DTYPES[tensor["dtype"]]
    _need(isinstance(tensor["shape"], list) and len(tensor["shape"]) <= MOST_DIMENSIONS, f"the shape of {where} is not a list of up to {MOST_DIMENSIONS}")
    shape, whole = tuple([_integer(d, f"a dimension of {where}", MOST_ELEMENTS) for d in tensor["shape"]]), 1
    for d in shape:
        whole *= max(d, 1)
        _need(whole <= MOST_ELEMENTS, f"{where} is too large")
    part = [(0, d) for d in shape]
    if "slice" in tensor:
        pairs = tensor["slice"]
        _need(isinstance(pairs, list) and len(pairs) == len(shape), f"the slice of {where} has not one pair for each axis")
        for axis, pair in enumerate(pairs):
            _need(isinstance(pair, list) and len(pair) == 2, f"the slice of {where} has not one pair for each axis")
            part[axis] = tuple([_integer(n, f"the slice of {where}", shape[axis]) for n in pair])
            _need(sum(part[axis]) <= shape[axis], f"the slice of {where} is not inside its shape")
    offset, nbytes = _integer(tensor["offset"], f"the offset of {where}", size), _integer(tensor["nbytes"], f"nbytes of {where}", size)
    _need(offset % _ALIGNMENT == 0 and offset + nbytes <= size, f"{where} does not lie where it can")
    count = math.prod(length for _, length in part)
    least = 8 * count if dtype is string else dtype.size * count
    _need(nbytes == least or dtype is string and nbytes > least, f"{where} of shape {list(shape)} can not have {nbytes} bytes")
    return shape, _Record(part, offset, nbytes, _integer(tensor["crc32c"], f"the checksum of {where}", (1 << 32) - 1))


class _Wrong(Exception):
    """What is wrong with a header."""


def _need(condition, what):
    if not condition:
        raise _Wrong(what)


def _integer(value, what, most):
    _need(type(value) is int and 0 <= value <= most, f"{what} is no number from 0 to {most}")
    return value


def _intersection(one, other):
    """The part that two parts have in common, or None."""
    common = []
    for (a, n), (b, m) in zip(one, other):
        first, end = max(a, b), min(a + n, b + m)
        if end <= first:
            return None
        common.append((first, end - first))
    return common


def _places(part, of):
    """The index of a part inside another."""
    return tuple([slice(first - start, first - start + length) for (first, length), (start, _) in zip(part, of)])


def near_names(name, names, most=3):
    """The names nearest to one that is not there; of a great many, or of very long ones, only some are looked at."""
    candidates = [n for _, n in zip(range(2000), names) if len(n) <= 200]
    near = get_close_matches(name[:200], candidates, most) or [n for n in candidates if n.rpartition("/")[2] == name.rpartition("/")[2]][:most]
    return near


def _lost(path, what):
    return DataLossError(None, None, f"{path} is corrupted: {what}")


def _cut(text, most=100):
    """A name for a message: not too long, and printable whatever it holds."""
    return (text if len(text) <= most else text[:most - 3] + "...").encode("ascii", "backslashreplace").decode()
