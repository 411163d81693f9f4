"""The element types that kernels are written for once and compiled for each."""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t

ctypedef fused real:
    float
    double

ctypedef fused integer:
    int32_t
    int64_t
    int16_t
    int8_t
    uint8_t

ctypedef fused number:
    float
    double
    int32_t
    int64_t
    int16_t
    int8_t
    uint8_t
