"""Record files: what is written is read, by TensorBoard's reader too; what is damaged is told with its place."""
import gzip
import struct
import zlib

import pytest

from minitf.core import errors
from minitf.platform import python_io
from minitf.platform.python_io import TFRecordCompressionType, TFRecordOptions, TFRecordWriter, tf_record_iterator

RECORDS = [b"", b"a", b"some more bytes" * 3, bytes(1000)]


def write(path, records=RECORDS, options=None):
    with TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


@pytest.mark.parametrize("options", [None, "", "ZLIB", "GZIP", TFRecordCompressionType.GZIP, TFRecordOptions(TFRecordCompressionType.ZLIB, 9)])
def test_round_trip(tmp_path, options):
    records = RECORDS + [bytes([i % 256]) * 300_000 for i in range(3)]
    path = write(tmp_path / "f", records, options if isinstance(options, TFRecordOptions) else TFRecordOptions(options))
    assert list(tf_record_iterator(path, TFRecordOptions(options) if not isinstance(options, TFRecordOptions) else options)) == records
    name = TFRecordOptions.get_compression_type_string(options)
    plain = {"": lambda b: b, "ZLIB": zlib.decompress, "GZIP": gzip.decompress}[name](open(path, "rb").read())
    assert len(plain) == sum(len(r) + 16 for r in records)


def test_the_framing(tmp_path):
    data = open(write(tmp_path / "f", [b"abc"]), "rb").read()
    assert data[:8] == struct.pack("<Q", 3) and data[12:15] == b"abc" and len(data) == 19


def test_tensorboards_reader_reads_it(tmp_path):
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.tensorflow_stub import pywrap_tensorflow
    path = write(tmp_path / "events.out.tfevents.1.host")
    reader, found = pywrap_tensorflow.PyRecordReader_New(path, 0, b""), []
    while True:
        try:
            reader.GetNext()
        except Exception:
            break
        found.append(reader.record())
    assert found == RECORDS
    assert list(RawEventFileLoader(path).Load()) == RECORDS


def test_what_was_flushed_is_read_while_the_file_is_open(tmp_path):
    for name in ("", "ZLIB", "GZIP"):
        writer = TFRecordWriter(str(tmp_path / "f"), TFRecordOptions(name))
        for n in range(1, 4):
            writer.write(b"x" * n)
            writer.flush()
            assert list(tf_record_iterator(str(tmp_path / "f"), TFRecordOptions(name))) == [b"x" * k for k in range(1, n + 1)]
        writer.close()
        writer.close()


def test_gzip_members_one_behind_the_other(tmp_path):
    a, b = write(tmp_path / "a", [b"1", b"2"], TFRecordOptions("GZIP")), write(tmp_path / "b", [b"3"], TFRecordOptions("GZIP"))
    (tmp_path / "c").write_bytes(open(a, "rb").read() + open(b, "rb").read())
    assert list(tf_record_iterator(str(tmp_path / "c"), "GZIP")) == [b"1", b"2", b"3"]


def test_every_truncation_and_every_flipped_bit_is_told(tmp_path):
    good = open(write(tmp_path / "f", [b"abc", b"", b"defgh"]), "rb").read()
    ends, bad = [0, 19, 35, 56], tmp_path / "bad"
    for n in range(len(good)):
        bad.unlink(missing_ok=True)           # some file systems wait for the disk when a file is written again
        bad.write_bytes(good[:n])
        complete = [r for r, end in zip([b"abc", b"", b"defgh"], ends[1:]) if end <= n]
        found = []
        if n in ends:
            assert list(tf_record_iterator(str(bad))) == complete
            continue
        with pytest.raises(errors.DataLossError, match=f"bad: truncated record at {ends[len(complete)]}$"):
            found.extend(tf_record_iterator(str(bad)))
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        bad.unlink()
        bad.write_bytes(damaged)
        place = max(e for e in ends if e <= bit // 8)
        with pytest.raises(errors.DataLossError, match=f"corrupted record at {place}$"):
            list(tf_record_iterator(str(bad)))


def test_lengths_that_the_file_does_not_have(tmp_path):
    from minitf.core.crc32c import masked
    for n in (1 << 63, (1 << 64) - 1, 1 << 40, 100):
        header = struct.pack("<Q", n)
        framed = header + struct.pack("<I", masked(header)) + b"short"
        (tmp_path / "f").write_bytes(framed)
        with pytest.raises(errors.DataLossError, match="truncated record at 0"):
            list(tf_record_iterator(str(tmp_path / "f")))
        (tmp_path / "z").write_bytes(zlib.compress(framed))
        with pytest.raises(errors.DataLossError, match="record at 0"):
            list(tf_record_iterator(str(tmp_path / "z"), "ZLIB"))


def test_errors(tmp_path):
    with pytest.raises(errors.NotFoundError, match="none; No such file"):
        list(tf_record_iterator(str(tmp_path / "none")))
    with pytest.raises(errors.NotFoundError, match="no/f"):
        TFRecordWriter(str(tmp_path / "no" / "f"))
    with pytest.raises(ValueError, match="compression_type is 'LZ4'"):
        TFRecordOptions("LZ4")
    path = write(tmp_path / "f")
    with pytest.raises(errors.DataLossError, match="corrupted record at 0 .*incorrect header"):
        list(tf_record_iterator(path, "GZIP"))
    with pytest.raises(AttributeError, match="nearest names are TFRecordWriter"):
        python_io.TFRecordWritter
