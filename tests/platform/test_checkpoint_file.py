"""Checkpoint files: every dtype and shape round-trips; damage, other files and questions without an answer are told."""
import os
import struct

import numpy as np
import pytest

from minitf.core import errors
from minitf.core.crc32c import crc32c
from minitf.core.dtypes import float32, int64
from minitf.platform.checkpoint_file import CheckpointFile, parse_slice, write_checkpoint

DTYPES = [np.float32, np.float64, np.int32, np.int64, np.int16, np.int8, np.uint8, np.bool_]


def arrays():
    random = np.random.default_rng(0)
    for dtype in DTYPES:
        for shape in [(), (0,), (3,), (2, 0, 3), (5, 7), (1,) * 8]:
            yield f"{np.dtype(dtype).name}/{list(shape)}", np.frombuffer(random.bytes(8 * 64), dtype)[:max(1, int(np.prod(shape)))][:int(np.prod(shape))].reshape(shape) \
                if dtype is not np.bool_ else random.random(shape) < 0.5
    yield "strings", np.array([[b"", b"\0\xff"], ["ä".encode(), b"x" * 1000]], object)
    yield "string", np.array(b"scalar", object)
    yield "", np.float32(7)
    yield "an empty one at the end", np.zeros((0, 1 << 40), np.float64)


def test_every_dtype_and_shape_round_trips(tmp_path):
    path, given = str(tmp_path / "c"), dict(arrays())
    write_checkpoint(path, [(name, value, None) for name, value in given.items()])
    with CheckpointFile(path) as file:
        assert list(file.entries) == list(given)
        for name in sorted(given):                         # in another order than they were written
            found = file.read(name)
            assert found.dtype == np.asarray(given[name]).dtype and found.shape == np.shape(given[name]) == file.entries[name].shape
            assert np.asarray(found).tolist() == np.asarray(given[name]).tolist() or found.tobytes() == given[name].tobytes()


def test_layout(tmp_path):
    """As the module describes it, read by hand."""
    write_checkpoint(str(tmp_path / "c"), [("a", np.array([1, 2], np.int16), None), ("b", np.float64(0.5), None)])
    data = (tmp_path / "c").read_bytes()
    magic, version, crc, length = struct.unpack_from("<8sIIQ", data)
    start = -(-(24 + length) // 64) * 64
    assert (magic, version, crc) == (b"minitfCK", 1, crc32c(data[16:start])) and data[24 + length:start].count(0) == start - 24 - length
    assert len(data) == start + 72 and data[start:start + 4] == b"\1\0\2\0" and struct.unpack_from("<d", data, start + 64) == (0.5,)


def test_memory_in_any_order_is_written_row_by_row(tmp_path):
    value = np.arange(12, dtype=np.int32).reshape(3, 4)
    for n, same in enumerate([value, np.asfortranarray(value), value.astype(">i4"), np.repeat(value, 2, 1)[:, ::2]]):
        path = str(tmp_path / str(n))
        write_checkpoint(path, [("v", same, None)])
        np.testing.assert_array_equal(CheckpointFile(path).read("v"), value)
        assert (tmp_path / str(n)).read_bytes() == (tmp_path / "0").read_bytes()


def test_slices(tmp_path):
    path, whole = str(tmp_path / "c"), np.arange(40, dtype=np.float32).reshape(4, 10)
    text = np.array([b"a", b"bb", b"ccc"], object)
    write_checkpoint(path, [("w", whole[:, :3], parse_slice("4 10 -:0,3")), ("w", whole[:1, 3:], parse_slice("4 10 0,1:3,7")),
                            ("w", whole[1:, 3:], parse_slice("4 10 1,3:3,7")), ("part", whole[1:3], parse_slice("4 10 1,2:-")), ("v", whole, None),
                            ("s", text[:2], parse_slice("3 0,2")), ("s", text[2:], parse_slice("3 2,1"))])
    with CheckpointFile(path) as file:
        assert file.entries["w"].shape == (4, 10)
        np.testing.assert_array_equal(file.read("w"), whole)
        np.testing.assert_array_equal(file.read("s"), text)
        for name in "wv":
            for spec in ("4 10 -:-", "4 10 1,2:2,5", "4 10 0,0:-", "4 10 3,1:9,1", "4 10 -:3,7"):
                _, ((a, n), (b, m)) = parse_slice(spec)
                np.testing.assert_array_equal(file.read(name, parse_slice(spec)), whole[a:a + n, b:b + m])
        np.testing.assert_array_equal(file.read("part", parse_slice("4 10 2,1:-")), whole[2:3])
        with pytest.raises(errors.InvalidArgumentError, match="has not all of the slice"):
            file.read("part")
        with pytest.raises(errors.InvalidArgumentError, match=r"slice spec \[4, 11\] does not match the shape stored in checkpoint: \[4, 10\]"):
            file.read("w", parse_slice("4 11 -:-"))


@pytest.mark.parametrize("spec", ["4", "4 10 -", "4 0,5", "4 -1,2", "4 x", "4 1,2,3", "4  -", " -", "4 -:-", "4 99999999999999999999999,0", "٤ -"])
def test_slices_that_are_none(spec):
    with pytest.raises(errors.InvalidArgumentError, match="not a shape and a slice"):
        parse_slice(spec)


def test_slices_that_overlap_are_told(tmp_path):
    path, part = str(tmp_path / "c"), np.zeros(2, np.float32)
    write_checkpoint(path, [("w", part, parse_slice("4 0,2")), ("w", part, parse_slice("4 1,2"))])
    with pytest.raises(errors.DataLossError, match="slices of 'w' overlap"):
        CheckpointFile(path).read("w")


def test_questions_without_an_answer(tmp_path):
    path = str(tmp_path / "c")
    write_checkpoint(path, [("layer/weights", np.zeros(2, np.float32), None)])
    file = CheckpointFile(path)
    with pytest.raises(errors.NotFoundError, match=f'Tensor name "layer/weight" not found in checkpoint files {path}; the nearest names there are layer/weights'):
        file.read("layer/weight")
    with pytest.raises(errors.NotFoundError, match="nearest names there are layer/weights"):
        file.read("weights")
    with pytest.raises(errors.InvalidArgumentError, match="expected dtype int64 does not equal original dtype float32"):
        file.read("layer/weights", dtype=int64)
    assert file.read("layer/weights", dtype=float32).tolist() == [0, 0]


def test_what_no_file_can_hold_is_refused_before_anything_is_written(tmp_path):
    path, value = str(tmp_path / "c"), np.zeros(2, np.float32)
    for wrong, message in [([("a", value, None)] * 2, "'a' is there twice"), ([("a", np.zeros((1,) * 9), None)], "a list of up to 8"),
                           ([("a", value, parse_slice("4 0,3"))], "another shape"),
                           ([("a", value, parse_slice("4 0,2")), ("a", value, parse_slice("5 2,2"))], "not of one tensor"),
                           ([("a", value, None), ("a", value, parse_slice("2 -"))], "'a' is there twice"),
                           ([("a", value, parse_slice("2 -")), ("a", value, None)], "'a' is there twice")]:
        with pytest.raises(errors.InvalidArgumentError, match=message):
            write_checkpoint(path, wrong)
    assert os.listdir(tmp_path) == []


def test_other_files(tmp_path):
    with pytest.raises(errors.NotFoundError, match="none; No such file"):
        CheckpointFile(str(tmp_path / "none"))
    with pytest.raises(errors.InvalidArgumentError, match="is not a file"):
        CheckpointFile(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(errors.InvalidArgumentError, match="is not a file"):
        CheckpointFile(str(tmp_path / "pipe"))
    (tmp_path / "text").write_text("hello")
    with pytest.raises(errors.DataLossError, match="is not a checkpoint: it does not begin with minitfCK"):
        CheckpointFile(str(tmp_path / "text"))
    write_checkpoint(str(tmp_path / "c"), [("a", np.float32(1), None)])
    data = bytearray((tmp_path / "c").read_bytes())
    data[8] = 2
    (tmp_path / "c").write_bytes(data)
    with pytest.raises(errors.InvalidArgumentError, match="version 2 .*; this program reads version 1"):
        CheckpointFile(str(tmp_path / "c"))


def test_every_truncation_and_a_flipped_bit_anywhere(tmp_path):
    """A shorter file is told when it is opened, a flipped bit at the latest when the tensor is read; only in the zeros between arrays it is not seen."""
    good, bad = str(tmp_path / "good"), tmp_path / "bad"
    given = {"a": np.arange(3, dtype=np.float32), "b": np.array([b"x", b"yz"], object), "c": np.array([True, False])}
    write_checkpoint(good, [(n, v, None) for n, v in given.items()])
    data = open(good, "rb").read()
    for n in [*range(len(data)), len(data) + 1]:
        bad.unlink(missing_ok=True)           # some file systems wait for the disk when a file is written again
        bad.write_bytes((data + b"x")[:n])
        with pytest.raises(errors.DataLossError, match="bad is (corrupted|not a checkpoint)"):
            CheckpointFile(str(bad))
    unseen = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        bad.unlink()
        bad.write_bytes(damaged)
        try:
            with CheckpointFile(str(bad)) as file:
                assert all(np.array_equal(file.read(n), v) for n, v in given.items())
            unseen += 1
        except errors.DataLossError:
            pass
        except errors.InvalidArgumentError:
            assert 8 <= place < 12, "the version"
    assert unseen == (64 - 12 + 64 - 19)
