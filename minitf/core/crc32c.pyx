"""CRC-32C (Castagnoli, 1993), the checksum of record files and of checkpoints: with the processor's own instruction where it has one."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t
from libc.stddef cimport size_t

cdef extern from *:
    """
    #include <string.h>
    #if defined(__SSE4_2__) && defined(__x86_64__)
    #include <nmmintrin.h>
    #define CRC_WORD(crc, word) ((uint32_t) _mm_crc32_u64((crc), (word)))
    #define CRC_BYTE(crc, byte) (_mm_crc32_u8((crc), (byte)))
    #elif defined(__ARM_FEATURE_CRC32)
    #include <arm_acle.h>
    #define CRC_WORD(crc, word) (__crc32cd((crc), (word)))
    #define CRC_BYTE(crc, byte) (__crc32cb((crc), (byte)))
    #endif

    static uint32_t crc_table[8][256];

    static void fill_crc_table(void) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t crc = i;
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
            crc_table[0][i] = crc;
        }
        for (int k = 1; k < 8; k++)
            for (int i = 0; i < 256; i++)
                crc_table[k][i] = crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 255];
    }

    /* Eight bytes a turn, each through the table of what it becomes when it has moved so far to the end. */
    static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t n) {
        for (; n >= 8; p += 8, n -= 8) {
            crc ^= (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
            crc = crc_table[7][crc & 255] ^ crc_table[6][crc >> 8 & 255] ^ crc_table[5][crc >> 16 & 255] ^ crc_table[4][crc >> 24]
                ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
        }
        for (; n; p++, n--) crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
        return crc;
    }

    static uint32_t crc_fast(uint32_t crc, const uint8_t *p, size_t n) {
    #ifdef CRC_WORD
        for (; n >= 8; p += 8, n -= 8) {
            uint64_t word;
            memcpy(&word, p, 8);
            crc = CRC_WORD(crc, word);
        }
        for (; n; p++, n--) crc = CRC_BYTE(crc, *p);
        return crc;
    #else
        return crc_by_table(crc, p, n);
    #endif
    }
    """
    void fill_crc_table() nogil
    uint32_t crc_by_table(uint32_t, const uint8_t *, size_t) nogil
    uint32_t crc_fast(uint32_t, const uint8_t *, size_t) nogil

fill_crc_table()


def crc32c(data, uint32_t value=0, bint table=False):
    """The CRC-32C of contiguous bytes (bytes, an ndarray, ...).

    value  the checksum of the bytes before these, to go on from
    table  compute it with look-up tables, as a processor without the instruction does
    """
    cdef Py_buffer view
    cdef uint32_t crc = ~value
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    try:
        with nogil:
            if table:
                crc = crc_by_table(crc, <const uint8_t *> view.buf, view.len)
            else:
                crc = crc_fast(crc, <const uint8_t *> view.buf, view.len)
    finally:
        PyBuffer_Release(&view)
    return <uint32_t> ~crc


def masked(data):
    """The checksum as record files store it: rotated by 15 bits and moved on, since bytes that hold checksums are often checksummed again."""
    cdef uint32_t crc = crc32c(data)
    return <uint32_t> ((crc >> 15 | crc << 17) + <uint32_t> 0xA282EAD8)
