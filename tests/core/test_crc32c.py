"""CRC-32C: the instruction and the tables agree with each other and with published values."""
import numpy as np
import pytest

from minitf.core.crc32c import crc32c, masked


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("data, expected", [          # RFC 3720, B.4
    (b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E),
    (bytes(range(31, -1, -1)), 0x113FDB5C)])
def test_published_values(data, expected, table):
    assert crc32c(data, table=table) == expected


def test_any_split_gives_the_same():
    data = np.random.default_rng(0).bytes(100)
    for n in range(len(data) + 1):
        for table in (False, True):
            assert crc32c(data[:n], table=table) == crc32c(data[:n])
            assert crc32c(data[n:], crc32c(data[:n], table=table), table=table) == crc32c(data)


def test_any_contiguous_bytes():
    array = np.arange(10, dtype=np.float32)
    assert crc32c(array) == crc32c(memoryview(array)) == crc32c(bytearray(array.tobytes())) == crc32c(array.tobytes())
    with pytest.raises(BufferError):
        crc32c(memoryview(b"abcdef")[::2])
    with pytest.raises(TypeError):
        crc32c("text")


def test_masked():
    assert masked(b"") == 0xA282EAD8
    assert masked(b"123456789") == (((0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFFFFFF) + 0xA282EAD8) % (1 << 32)
