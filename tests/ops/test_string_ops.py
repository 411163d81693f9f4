"""Text to numbers and back, joined, split, hashed; bytes; comma-separated values."""
import numpy as np
import pytest

import minitf as tf


@pytest.fixture(autouse=True)
def session(graph):
    with tf.Session() as sess:
        yield sess


def text(tensor, feed=None):
    return np.asarray(tensor.eval(feed)).tolist()


def test_string_to_number(session):
    assert text(tf.string_to_number(["1.5", "  2 ", "1e3", "-inf"])) == [1.5, 2, 1000, -np.inf]
    assert np.isnan(tf.string_to_number("nan").eval())
    for dtype in (tf.int32, tf.int64, tf.float64):
        op = tf.string_to_number([["7", "-8"]], dtype)
        assert text(op) == [[7, -8]] and op.dtype == dtype and op.get_shape() == [1, 2]
    assert text(tf.string_to_number(tf.constant([], tf.string))) == []
    for bad, dtype in (("x", tf.float32), ("", tf.float32), ("1_0", tf.int32), ("3000000000", tf.int32), ("1.5", tf.int32), ("é", tf.float32)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="could not correctly convert string"):
            tf.string_to_number(bad, dtype).eval()


def test_as_string():
    assert text(tf.as_string([1.5, 2.0])) == [b"1.500000", b"2.000000"]
    assert text(tf.as_string([True, False])) == [b"true", b"false"] and text(tf.as_string([3, -4])) == [b"3", b"-4"]
    assert text(tf.as_string([1.23456], precision=2)) == [b"1.23"] and text(tf.as_string([3], width=6, fill="0")) == [b"000003"]
    assert text(tf.as_string([1e10, 1e-5, np.nan, np.inf])) == [b"10000000000.000000", b"0.000010", b"nan", b"inf"]
    assert text(tf.as_string([12345.678], scientific=True)) == [b"1.234568e+04"] and text(tf.as_string([0.1], shortest=True)) == [b"0.1"]
    assert text(tf.as_string(np.uint8([200]))) == [b"200"]
    with pytest.raises(ValueError):
        tf.as_string([1.0], scientific=True, shortest=True)


def test_join_split_and_cut():
    assert text(tf.string_join([["a", "b"], "-", ["c", "d"]])) == [b"a-c", b"b-d"]
    assert text(tf.string_join(["a", "b"], separator=", ")) == b"a, b"
    op = tf.reduce_join([["a", "b"], ["c", "d"]], 0, separator=".")
    assert text(op) == [b"a.c", b"b.d"] and op.get_shape() == [2]
    assert text(tf.reduce_join([["a", "b"], ["c", "d"]], [0, 1])) == b"acbd" and text(tf.reduce_join([["a", "b"], ["c", "d"]])) == b"abcd"
    assert text(tf.reduce_join([["a", "b"], ["c", "d"]], -1, keep_dims=True)) == [[b"ab"], [b"cd"]]
    pieces = tf.string_split(["one two", "", " three,four"], " ,").eval()
    assert pieces.indices.tolist() == [[0, 0], [0, 1], [2, 0], [2, 1]] and pieces.values.tolist() == [b"one", b"two", b"three", b"four"]
    assert pieces.dense_shape.tolist() == [3, 2]
    assert tf.string_split(["ab"], "").eval().values.tolist() == [b"a", b"b"]
    assert tf.string_split(["a,,b"], ",", skip_empty=False).eval().values.tolist() == [b"a", b"", b"b"]
    assert text(tf.substr(["hello", "world"], [1, -3], 2)) == [b"el", b"rl"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="pos 9 out of range"):
        tf.substr("hello", 9, 1).eval()


def test_hashes_stay_what_they_are():
    values = text(tf.string_to_hash_bucket(["a", "hello", ""], 1000))
    assert values == text(tf.string_to_hash_bucket_fast(["a", "hello", ""], 1000)) and len(set(values)) == 3
    assert values == [928, 191, 756]
    many = np.bincount(tf.string_to_hash_bucket([str(i) for i in range(5000)], 10).eval(), minlength=10)
    assert many.min() > 400 and many.max() < 600
    with pytest.raises(ValueError, match="at least 1"):
        tf.string_to_hash_bucket(["a"], 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64, np.float32, np.float64])
def test_decode_raw(dtype, session):
    x = np.arange(6).reshape(2, 3).astype(dtype)
    for little in (True, False):
        data = [row.astype(np.dtype(dtype).newbyteorder("<" if little else ">")).tobytes() for row in x]
        op = tf.decode_raw(tf.constant(data), dtype, little_endian=little)
        np.testing.assert_array_equal(op.eval(), x)
        assert op.eval().dtype == dtype and op.get_shape().as_list() == [2, None]
    np.testing.assert_array_equal(tf.decode_raw(data[0], tf.uint8).eval(), np.frombuffer(data[0], np.uint8))


def test_decode_raw_refuses():
    for data, message in ((["ab", "abc"], "same size"), (["abc"], "not a multiple of 2")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            tf.decode_raw(data, tf.int16).eval()


def test_decode_csv(session):
    lines = ["1,2.5,abc", "-7,1e3,\"x, \"\"y\"\"\"", ",,"]
    a, b, c = tf.decode_csv(lines, [[5], [0.5], ["none"]])
    assert [t.dtype.name for t in (a, b, c)] == ["int32", "float32", "string"] and a.get_shape() == [3]
    assert text(a) == [1, -7, 5] and text(b) == [2.5, 1000, 0.5] and text(c) == [b"abc", b'x, "y"', b"none"]
    assert [text(t) for t in tf.decode_csv("3;4", [[0], np.int64([0])], field_delim=";")] == [3, 4]
    assert text(tf.decode_csv(["NA"], [[9]], na_value="NA")[0]) == [9]
    assert text(tf.decode_csv(['"a'], [[""]], use_quote_delim=False)[0]) == [b'"a']
    assert text(tf.decode_csv(["\u00e9"], [[""]])[0]) == ["\u00e9".encode()]
    required = tf.constant([], tf.int32)
    for record, message in (("1,2", "Expect 1 fields but have 2 in record 0"), ("", "Field 0 is required but missing in record 0!"),
                            ("x", "Field 0 in record 0 is not a valid int32: x"), ("99999999999", "not a valid int32")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            session.run(tf.decode_csv([record], [required]))
    with pytest.raises(TypeError, match="A column can hold"):
        tf.decode_csv(["1"], [[True]])
    with pytest.raises(ValueError, match="one character"):
        tf.decode_csv(["1"], [[1]], field_delim="::")
