"""Damaged and hostile files: more than 10,000 of them, from fixed seeds.  Nothing but a DataLossError, an InvalidArgumentError, or a
NotFoundError where a name has gone; no crash, and neither time nor memory beyond a small multiple of the file.
"""
import copy
import json
import os
import pathlib
import random
import resource
import struct
import sys
import tempfile
import time
import tracemalloc

import numpy as np
import pytest

import minitf as tf
from minitf.core.crc32c import crc32c, masked
from minitf.platform.checkpoint_file import parse_slice, write_checkpoint
from minitf.platform.python_io import TFRecordOptions, TFRecordWriter, tf_record_iterator
from minitf.train.checkpoint_management import CheckpointState

REFUSED = (tf.errors.DataLossError, tf.errors.InvalidArgumentError)
GIVEN = {"layer/w": np.arange(6, dtype=np.float32).reshape(2, 3), "text": np.array([b"some", b"words", b""], object),
         "flags": np.array([True, False, True]), "step": np.int64(7), "none": np.zeros((0, 4), np.int32)}
MOST_MEMORY = 4 << 20         # bytes at once, for files of some kilobytes
ADDRESSES = 512 << 20
NUMBERS = [0, 1, -1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 1 << 16, (1 << 31) - 1, 1 << 31, 1 << 32, 1 << 40, (1 << 62), (1 << 63) - 1, 1 << 63, 1 << 64, 10 ** 300,
           -1 << 63, 0.5, 1e308, -0.0]
OTHERS = [None, True, "", "x", "float32", "string", "bool", "variant", "float32_ref", "complex64", [], {}, [[]], [0], [1 << 40] * 3, [0, 1 << 62], [1] * 9,
          [[0, 1]], [[0, 0], [0, 3]], {"name": "w"}, "\ud800", "é" * 300]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "checkpoint"
    write_checkpoint(str(path), [(name, value, None) for name, value in GIVEN.items()] +
                     [("parts", np.ones((1, 2), np.float64), parse_slice("2 2 0,1:-")), ("parts", np.ones((1, 2), np.float64), parse_slice("2 2 1,1:-"))])
    return path.read_bytes()


@pytest.fixture
def tmp_path():
    """A folder in memory where there is one: some file systems wait for the disk when a file is written again."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        yield pathlib.Path(folder)


class Bounded:
    """Counts cases: each must be read or properly refused, all of them quickly.  No case can take much memory (a limit on the process's
    address space), and every eighth is measured.
    """

    def __init__(self):
        self.cases = self.read = 0

    def __enter__(self):
        if sys.platform == "linux":
            self.limits = resource.getrlimit(resource.RLIMIT_AS)
            used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, self.limits[1]))
        self.began = time.process_time()
        return self

    def run(self, case, *also):
        self.cases += 1
        measured = self.cases % 8 == 0
        if measured:
            tracemalloc.start()
        try:
            case()
            self.read += 1
        except REFUSED + also as error:
            assert len(str(error)) < 3000
        finally:
            if measured:
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
                assert peak < MOST_MEMORY

    def __exit__(self, kind, *error):
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, self.limits)
        if kind is None:
            assert time.process_time() - self.began < 0.01 * self.cases + 1


def damaged(data, chance):
    """One file with a few bytes, or many, changed, taken out or put in."""
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 1, 2, 5, 20])):
        kind, place = chance.randrange(7), chance.randrange(len(data) + 1)
        if kind == 0:
            del data[place:]
        elif kind == 1 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 2 and place < len(data):
            data[place] = chance.randrange(256)
        elif kind == 3:
            data[place:place] = chance.randbytes(chance.choice([1, 4, 8, 64]))
        elif kind == 4:
            del data[place:place + chance.choice([1, 4, 8, 64])]
        elif kind == 5:
            data[place:place + 8] = struct.pack("<Q", chance.choice([0, 1, 1 << 31, 1 << 40, 1 << 63, (1 << 64) - 1]))
        else:
            other = chance.randrange(len(data) + 1)
            data[place:place + 16] = data[other:other + 16]
    return bytes(data)


def read_all(path):
    """All that a reader can be asked, as far as it answers."""
    reader = tf.train.NewCheckpointReader(path)
    reader.debug_string()
    for name in reader.get_variable_to_shape_map():
        reader.get_tensor(name)
    return reader


def test_damaged_checkpoints(checkpoint, tmp_path):
    path, chance = tmp_path / "c", random.Random(1)
    with Bounded() as bounded:
        for _ in range(3000):
            data = damaged(checkpoint, chance)
            path.write_bytes(data)

            def case():
                reader = read_all(str(path))
                assert all(reader.get_tensor(n).tolist() == np.asarray(v).tolist() for n, v in GIVEN.items()), "a change went unseen"
            bounded.run(case)
    assert bounded.read < 300, "only the zeros between arrays are not checked"


def mutated(value, chance):
    """A JSON value with one place changed: another number, kind, key; something left out, doubled, or put in."""
    value = copy.deepcopy(value)
    holder, key = [value], 0
    while isinstance(holder[key], (dict, list)) and holder[key] and chance.random() < 0.9:
        holder = holder[key]
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    kind, old = chance.randrange(8), holder[key]
    if kind == 0 and isinstance(holder, dict):
        holder[chance.choice(["x", "slice", key + "_", "name", ""])] = holder.pop(key)
    elif kind == 1 and isinstance(holder, list) and holder[0] is not value:
        holder.insert(key, copy.deepcopy(old))
    elif kind == 2 and holder[0] is not value if isinstance(holder, list) else kind == 2:
        del holder[key]
    elif kind < 5 and type(old) is int:
        holder[key] = chance.choice([old + 1, old - 1, old * 2, -old, old + 64, old << 32, chance.choice(NUMBERS)])
    elif kind == 5 and isinstance(old, str):
        holder[key] = chance.choice([old[:-1], old + "x", old * 100, chance.choice(OTHERS)])
    elif kind == 6:
        deep = 0
        for _ in range(chance.choice([3, 30])):
            deep = [deep] if chance.random() < 0.5 else {"a": deep}
        holder[key] = deep
    else:
        holder[key] = copy.deepcopy(chance.choice(NUMBERS + OTHERS))
    return holder[0] if len(holder) == 1 and key == 0 and old is value else value


def with_header(data, text):
    """The file with another header, and a checksum that agrees with it."""
    length = struct.unpack_from("<Q", data, 16)[0]
    body = data[-(-(24 + length) // 64) * 64:]
    header = text + bytes(-(24 + len(text)) % 64)
    return data[:12] + struct.pack("<IQ", crc32c(header, crc32c(struct.pack("<Q", len(text)))), len(text)) + header + body


def header_of(data):
    return json.loads(data[24:24 + struct.unpack_from("<Q", data, 16)[0]])


def test_hostile_headers(checkpoint, tmp_path):
    """The checksum agrees: somebody means it."""
    path, chance, header = tmp_path / "c", random.Random(2), header_of(checkpoint)
    assert with_header(checkpoint, json.dumps(header, separators=(",", ":")).encode()) == checkpoint
    with Bounded() as bounded:
        for _ in range(3000):
            changed = mutated(header, chance)
            for _ in range(chance.choice([0, 0, 1, 3])):
                changed = mutated(changed, chance)
            path.write_bytes(with_header(checkpoint, json.dumps(changed).encode()))
            bounded.run(lambda: read_all(str(path)))
    assert 20 < bounded.read < 1500


def _deep(n):
    return b"[" * n + b"]" * n


@pytest.mark.parametrize("text", [_deep(100), _deep(100_000), b'{"a":' * 50_000, b"9" * 5000, b'{"size":' + b"9" * 100_000 + b',"tensors":[]}', b"", b"null", b"[]", b"{}",
                                  b'{"size": NaN, "tensors": []}', b'{"size": 1e999, "tensors": []}', b'{"size": -0, "tensors": []}', b'{"size": 0.0, "tensors": []}',
                                  b"\xff\xfe", b"\0" * 1000, b'"' + b"x" * 100_000, b'{"size": 0, "tensors": ' + _deep(2000) + b"}", b"\xef\xbb\xbf{}"])
def test_headers_that_are_no_headers(checkpoint, tmp_path, text):
    (tmp_path / "c").write_bytes(with_header(checkpoint, text))
    with Bounded() as bounded:
        bounded.run(lambda: read_all(str(tmp_path / "c")))
    assert bounded.read == 0


def tensor(name="a", dtype="float32", shape=(2,), offset=0, nbytes=8, crc=0, **more):
    return {"name": name, "dtype": dtype, "shape": list(shape), "offset": offset, "nbytes": nbytes, "crc32c": crc, **more}


@pytest.mark.parametrize("message, tensors", [
    ("share bytes", [tensor(), tensor("b")]),                                    # one array read a thousand times is a bomb
    ("share bytes", [tensor(shape=[20], nbytes=80), tensor("b", offset=64)]),
    ("can not have 8 bytes", [tensor(shape=[1 << 40])]),
    ("can not have 8 bytes", [tensor(dtype="string", shape=[2])]),
    ("too large", [tensor(shape=[1 << 40, 1 << 40])]),
    ("too large", [tensor(shape=[0, 1 << 40, 1 << 40], nbytes=0)]),              # no element, and yet no array can have this shape
    ("a list of up to 8", [tensor(shape=[1] * 9)]),
    ("is no number from 0", [tensor(shape=[-2])]),
    ("is no number from 0", [tensor(offset=-64)]),
    ("does not lie where it can", [tensor(offset=1)]),
    ("does not lie where it can", [tensor(offset=128)]),
    ("is there twice", [tensor(), tensor(offset=64)]),
    ("is there twice", [tensor(), tensor(offset=64, slice=[[0, 2]])]),
    ("not of one tensor", [tensor(slice=[[0, 2]], shape=[4]), tensor(offset=64, slice=[[0, 2]], shape=[5])]),
    ("is not inside its shape", [tensor(slice=[[1, 2]])]),
    ("not one pair for each axis", [tensor(slice=[])]),
    ("has no dtype", [tensor(dtype="object")]),
    ("the data do not end where they should", [tensor()])])
def test_each_lie_is_named(checkpoint, tmp_path, message, tensors):
    size = 128
    data = with_header(checkpoint[:-(-(24 + struct.unpack_from("<Q", checkpoint, 16)[0]) // 64) * 64] + bytes(size), json.dumps({"size": size, "tensors": tensors}).encode())
    (tmp_path / "c").write_bytes(data)
    with pytest.raises(tf.errors.DataLossError, match=message):
        read_all(str(tmp_path / "c"))


@pytest.mark.parametrize("message, value, data", [
    ("bools that are neither 0 nor 1", tensor(dtype="bool", shape=[2], nbytes=2), b"\1\2"),
    ("lengths of the strings of 'a' do not add up", tensor(dtype="string", shape=[1], nbytes=16), struct.pack("<QQ", 1 << 60, 0)),
    ("lengths of the strings of 'a' do not add up", tensor(dtype="string", shape=[2], nbytes=18), struct.pack("<QQ", (1 << 64) - 1, 3) + b"xy")])
def test_lies_in_the_data(checkpoint, tmp_path, message, value, data):
    value["crc32c"] = crc32c(data)
    front = checkpoint[:-(-(24 + struct.unpack_from("<Q", checkpoint, 16)[0]) // 64) * 64]
    (tmp_path / "c").write_bytes(with_header(front + data, json.dumps({"size": len(data), "tensors": [value]}).encode()))
    with pytest.raises(tf.errors.DataLossError, match=message):
        read_all(str(tmp_path / "c"))


def test_a_slice_of_a_huge_tensor_takes_no_memory_for_the_rest(checkpoint, tmp_path):
    data = np.ones(2, np.float32).tobytes()
    front = checkpoint[:-(-(24 + struct.unpack_from("<Q", checkpoint, 16)[0]) // 64) * 64]
    header = {"size": 8, "tensors": [tensor(shape=[1 << 40], slice=[[1 << 39, 2]], crc=crc32c(data))]}
    (tmp_path / "c").write_bytes(with_header(front + data, json.dumps(header).encode()))
    with pytest.raises(tf.errors.InvalidArgumentError, match="has not all of the slice"):
        read_all(str(tmp_path / "c"))


def test_restoring_from_damaged_checkpoints(checkpoint, tmp_path):
    """Through the ops: a variable has the old value or the whole new one, and the session goes on."""
    chance, path, header = random.Random(3), tmp_path / "c", header_of(checkpoint)
    with tf.Graph().as_default(), tf.Session() as sess:
        w, step = tf.Variable(tf.zeros([2, 3]), name="layer/w"), tf.Variable(tf.constant(0, tf.int64), name="step")
        saver = tf.train.Saver()
        sess.run(tf.global_variables_initializer())
        with Bounded() as bounded:
            for n in range(1000):
                path.write_bytes(damaged(checkpoint, chance) if n % 2 else with_header(checkpoint, json.dumps(mutated(header, chance)).encode()))
                sess.run([w.initializer, step.initializer])
                bounded.run(lambda: saver.restore(sess, str(path)), tf.errors.NotFoundError)
                assert sess.run([w, step])[0].tolist() in ([[0, 0, 0], [0, 0, 0]], [[0, 1, 2], [3, 4, 5]])


def test_meta_graphs(tmp_path):
    path, chance = tmp_path / "g.meta", random.Random(4)
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w = tf.Variable(tf.ones([2, 3]), name="w")
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(tf.matmul(x, w)))
        text = tf.train.Saver().export_meta_graph().to_json().encode()
    wire = json.loads(text)
    with Bounded() as bounded:
        for n in range(2000):
            path.write_bytes(damaged(text, chance) if n % 2 else json.dumps(mutated(wire, chance)).encode())
            with tf.Graph().as_default() as graph:
                before = bounded.read
                bounded.run(lambda: tf.train.import_meta_graph(str(path)))
                assert bounded.read > before or graph.version == 0
    for text in (_deep(100_000), b"\xff", b'{"format": "minitf-meta-graph", "version": 1, "saver": null, "graph": ' + _deep(500) + b"}", b"[" * 500_000, b"1" * 10_000):
        path.write_bytes(text)
        with pytest.raises(REFUSED), tf.Graph().as_default():
            tf.train.import_meta_graph(str(path))


@pytest.mark.parametrize("kind", ["", "ZLIB", "GZIP"])
def test_record_files(tmp_path, kind):
    path, chance, records = tmp_path / "r", random.Random(5), [b"one", b"", b"three" * 20, bytes(200)]
    with TFRecordWriter(str(path), TFRecordOptions(kind)) as writer:
        for record in records:
            writer.write(record)
    good = path.read_bytes()
    with Bounded() as bounded:
        for n in range(1000):
            path.write_bytes(damaged(good, chance))
            found = []
            bounded.run(lambda: found.extend(tf_record_iterator(str(path), TFRecordOptions(kind))))
            assert all(record in records for record in found), "a checksum let something else pass"


def test_record_lengths_that_are_lies(tmp_path):
    path, chance = tmp_path / "r", random.Random(6)
    with Bounded() as bounded:
        for n in range(300):
            header = struct.pack("<Q", chance.choice([1 << chance.randrange(64), chance.randrange(1 << 64), chance.randrange(100)]))
            path.write_bytes(header + struct.pack("<I", masked(header)) + chance.randbytes(chance.randrange(60)))
            bounded.run(lambda: list(tf_record_iterator(str(path))))
    assert bounded.read == 0


def test_state_files(tmp_path):
    """The list of checkpoints is read as far as it is one; another is as if there were none."""
    chance, good = random.Random(7), str(CheckpointState("/d/m-2", ["/d/m-1", "/d/m-2"])).encode()
    for _ in range(500):
        (tmp_path / "checkpoint").write_bytes(damaged(good, chance))
        try:
            state = tf.train.get_checkpoint_state(str(tmp_path))
            assert state is None or state.model_checkpoint_path
        except ValueError as error:
            assert str(error) == f"Invalid checkpoint state loaded from {tmp_path}"
