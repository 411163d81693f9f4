"""Channel: plain data between the grader and a submission's process.

A message is its length in eight bytes, then JSON in which arrays and bytes are base64.  Never a pickle: reading one would run
what the other side put into it.  What comes back is data and nothing else, however hard a submission tries.
"""
import base64
import json
import os
import select
import struct
import time

import numpy as np

LARGEST = 64 << 20            # bytes of one message


class Closed(Exception):
    """The other side is gone."""


class TooLate(Exception):
    """The other side did not answer in time."""


def encode(value):
    """The value as bytes; TypeError for anything but None, bool, int, float, str, bytes, arrays, and lists, tuples and dicts of these."""
    return json.dumps(_to_plain(value)).encode()


def decode(data):
    return _from_plain(json.loads(data))


def _to_plain(value):
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        if array.dtype.kind not in "biufc":
            raise TypeError(f"an array of dtype {array.dtype} is not plain data")
        data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {"array": data, "dtype": array.dtype.str, "shape": list(array.shape)}
    if isinstance(value, (list, tuple)):
        return [_to_plain(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_to_plain(v) for v in value), key=repr)
    if isinstance(value, dict):
        return {"dict": [[_to_plain(k), _to_plain(v)] for k, v in value.items()]}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (bool, int, float, str)):                    # of a subclass
        return next(t(value) for t in (bool, int, float, str) if isinstance(value, t))
    raise TypeError(f"{type(value).__name__} is not plain data")


def _from_plain(value):
    if isinstance(value, list):
        return [_from_plain(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufc":
            raise ValueError(f"an array of dtype {dtype} is not plain data")
        return np.frombuffer(base64.b64decode(value["array"]), dtype).reshape(value["shape"]).copy()
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    return {k if not isinstance(k, list) else tuple(k): _from_plain(v) for k, v in ((_from_plain(k), v) for k, v in value["dict"])}


class Channel:
    """One end of a pair of pipes (or of a socket, given twice)."""

    def __init__(self, read_fd, write_fd):
        self._in, self._out = read_fd, write_fd

    def send(self, value):
        data = encode(value)
        if len(data) > LARGEST:
            raise ValueError(f"a message of {len(data) >> 20} MB is too large; {LARGEST >> 20} MB is the most")
        data = memoryview(struct.pack("<Q", len(data)) + data)
        try:
            while data:
                data = data[os.write(self._out, data):]
        except OSError:
            raise Closed() from None

    def receive(self, deadline=None, meanwhile=None):
        """The next message.  Closed if there is none, TooLate after `deadline` (of time.monotonic()); meanwhile() is called every 0.2 s."""
        size, = struct.unpack("<Q", self._read(8, deadline, meanwhile))
        if size > LARGEST:
            raise Closed()
        try:
            return decode(self._read(size, deadline, meanwhile))
        except Closed:
            raise
        except Exception:                                            # not a message: somebody wrote into the channel
            raise Closed() from None

    def _read(self, size, deadline, meanwhile):
        parts = []
        while size:
            if deadline is not None:
                while not select.select([self._in], [], [], 0.2)[0]:
                    if time.monotonic() > deadline:
                        raise TooLate()
                    if meanwhile is not None:
                        meanwhile()
            try:
                data = os.read(self._in, min(size, 1 << 20))
            except OSError:
                data = b""
            if not data:
                raise Closed()
            parts.append(data)
            size -= len(data)
        return b"".join(parts)

    def close(self):
        for fd in {self._in, self._out}:
            os.close(fd)
