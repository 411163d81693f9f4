"""Record files (TFRecord): the framing of event files and of training data.

A file is a sequence of records, all numbers little-endian:

    uint64  length of the data
    uint32  masked CRC-32C of the eight bytes of the length
    bytes   the data
    uint32  masked CRC-32C of the data

and the whole may be compressed, with zlib's framing or gzip's.  What is not such a file ends in a DataLossError that names the place.
"""
import os
import stat
import struct
import zlib

from ..core.crc32c import masked
from ..core.errors import DataLossError, InvalidArgumentError
from .os_errors import os_errors

MOST_COMPRESSED = 1 << 30     # bytes of one record in a compressed file: there, the file's size does not tell how much may follow
_CHUNK = 1 << 18
_LENGTH, _CRC = struct.Struct("<Q"), struct.Struct("<I")


class TFRecordCompressionType:
    NONE, ZLIB, GZIP = 0, 1, 2


_NAMES = {TFRecordCompressionType.NONE: "", TFRecordCompressionType.ZLIB: "ZLIB", TFRecordCompressionType.GZIP: "GZIP"}
_WINDOW_BITS = {"ZLIB": 15, "GZIP": 31}               # as zlib tells its two framings apart


class TFRecordOptions:
    """How a record file is stored.

    compression_type   TFRecordCompressionType.NONE, ZLIB or GZIP, or "", "ZLIB", "GZIP"
    compression_level  0 (none) to 9; None for zlib's own default
    """

    def __init__(self, compression_type=None, compression_level=None):
        name = _NAMES.get(compression_type, compression_type) or ""
        if name not in _NAMES.values():
            raise ValueError(f"compression_type is {compression_type!r}, it should be one of NONE, ZLIB, GZIP of TFRecordCompressionType")
        if compression_level is not None and compression_level not in range(10):
            raise ValueError(f"compression_level is {compression_level!r}, it should be 0 to 9 or None")
        self.compression_type, self.compression_level = name, compression_level

    @classmethod
    def get_compression_type_string(cls, options):
        """"", "ZLIB" or "GZIP" for a TFRecordOptions, a TFRecordCompressionType, such a name, or None."""
        return options.compression_type if isinstance(options, TFRecordOptions) else cls(options).compression_type


class TFRecordWriter:
    """Writes records to a new file.

    >>> with tf.python_io.TFRecordWriter("data.tfrecord") as writer:
    ...     writer.write(b"one record")
    """

    def __init__(self, path, options=None):
        options = options if isinstance(options, TFRecordOptions) else TFRecordOptions(options)
        self._path, self._deflate = os.fspath(path), None
        if options.compression_type:
            level = -1 if options.compression_level is None else options.compression_level
            self._deflate = zlib.compressobj(level, zlib.DEFLATED, _WINDOW_BITS[options.compression_type])
        with os_errors(path):
            self._file = open(path, "wb")

    def write(self, record):
        """Append one record (bytes)."""
        length = _LENGTH.pack(len(record))
        framed = b"".join((length, _CRC.pack(masked(length)), record, _CRC.pack(masked(record))))
        with os_errors(self._path):
            self._file.write(framed if self._deflate is None else self._deflate.compress(framed))

    def flush(self):
        """Hand to the system what was written, so that a reader finds every record whole."""
        with os_errors(self._path):
            if self._deflate is not None:
                self._file.write(self._deflate.flush(zlib.Z_FULL_FLUSH))
            self._file.flush()

    def close(self):
        """End the file.  Closing twice does nothing."""
        if self._file.closed:
            return
        with os_errors(self._path), self._file:
            if self._deflate is not None:
                self._file.write(self._deflate.flush())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def tf_record_iterator(path, options=None):
    """The records of a file, one after the other, as bytes.

    DataLossError 'corrupted record at N' for a checksum that does not agree, 'truncated record at N' for an end inside a record, N being
    the place (in the decompressed bytes) where the record begins; NotFoundError and so on for a file that can not be opened.
    Memory is taken in proportion to the file: a length that it does not have is never allocated.
    """
    kind = TFRecordOptions.get_compression_type_string(options)
    with os_errors(path):
        file = open(path, "rb")
    with file, os_errors(path):
        status = os.fstat(file.fileno())
        source = _Inflated(file, _WINDOW_BITS[kind]) if kind else file
        most = MOST_COMPRESSED if kind else status.st_size if stat.S_ISREG(status.st_mode) else None
        place = 0
        while True:
            try:
                header = _read(source, 12)
                if not header:
                    return
                length = _checked(header, 8, 12)
                n = _LENGTH.unpack(length)[0]
                if most is not None and n > most:
                    raise _Bad("truncated" if not kind else f"of more than {MOST_COMPRESSED:,} bytes: corrupted")
                yield _checked(_read(source, n + 4), n, n + 4)
            except (_Bad, zlib.error) as error:
                what = f"corrupted record at {place} ({error})" if isinstance(error, zlib.error) else f"{error} record at {place}"
                raise DataLossError(None, None, f"{os.fspath(path)}: {what}") from None
            place += n + 16


class _Bad(Exception):
    """What is wrong with a record."""


def _checked(data, n, expected):
    """The first n of the bytes that were read, if there are as many as expected and their checksum follows."""
    if len(data) < expected:
        raise _Bad("truncated")
    if _CRC.unpack_from(data, n)[0] != masked(memoryview(data)[:n]):
        raise _Bad("corrupted")
    return data[:n]


def _read(source, n):
    """Up to n bytes: all of them unless the source ends before.  Large numbers are asked for piece by piece, for who knows what is there."""
    data = source.read(min(n, _CHUNK))
    if len(data) == n or not data:
        return data
    pieces, left = [data], n - len(data)
    while left:
        data = source.read(min(left, _CHUNK))
        if not data:
            break
        pieces.append(data)
        left -= len(data)
    return b"".join(pieces)


class _Inflated:
    """The decompressed bytes of a file; members that follow one another are one sequence, as gzip has it."""

    def __init__(self, file, window_bits):
        self.file, self.window_bits = file, window_bits
        self.inflate, self.waiting = zlib.decompressobj(window_bits), b""

    def read(self, n):
        """1 to n bytes; none at the end."""
        while True:
            if self.inflate.eof:
                self.waiting = self.inflate.unused_data or self.file.read(_CHUNK)
                if not self.waiting:
                    return b""
                self.inflate = zlib.decompressobj(self.window_bits)
            data = self.inflate.decompress(self.waiting, n)
            self.waiting = self.inflate.unconsumed_tail
            if data:
                return data
            if not self.waiting and not self.inflate.eof:
                self.waiting = self.file.read(_CHUNK)
                if not self.waiting:      # a writer that has flushed but not closed: its records are whole
                    return b""
