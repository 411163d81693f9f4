"""The element-wise functions themselves: one loop each, one specialisation for each dtype.

Each is to become one vectorised loop.  So the loops have no branches and no calls: exp, log and tanh are inline polynomials
(vector_math.h).  Pow and the remainders of floats are libm's.  This file is compiled with
-ffp-contract=off, so a product and a sum are two roundings in the vectorised body of a loop and in its tail alike, and an
element's bits do not depend on where it stands.

NaN: comparisons are IEEE's; Maximum, Minimum, Relu and Sign give NaN for NaN (as NumPy's do); ReluGrad gives 0 where the feature
is NaN.  Integers wrap.  FloorDiv and FloorMod are Python's // and % for every dtype, so 1.0 // 0.1 is 9; TruncateDiv and TruncateMod are C's.
"""
from libc.math cimport INFINITY, ceil, ceilf, fabs, fabsf, floor, floorf, fmod, fmodf, pow, powf, sqrt, sqrtf, trunc, truncf
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t
from minitf.core.buffers cimport BOOL, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8
from minitf.kernels.cpu.element_types cimport integer, number, real

cdef extern from "vector_math.h":
    float exp32(float) nogil
    float log32(float) nogil
    float log1p32(float) nogil
    float tanh32(float) nogil
    float sigmoid32(float) nogil
    float softplus32(float) nogil
    double exp64(double) nogil
    double log64(double) nogil
    double log1p64(double) nogil
    double tanh64(double) nogil
    double sigmoid64(double) nogil
    double softplus64(double) nogil

ctypedef fused element:               # uint8_t is bool's type too
    float
    double
    int32_t
    int64_t
    int16_t
    int8_t
    uint8_t

ctypedef fused origin:                # a second type with the same values: what Cast converts from
    float
    double
    int32_t
    int64_t
    int16_t
    int8_t
    uint8_t

# Arithmetic

cdef void add(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] + b[i]

cdef void sub(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] - b[i]

cdef void mul(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] * b[i]

cdef void squared_difference(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = (a[i] - b[i]) * (a[i] - b[i])

cdef void maximum(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] if (a[i] > b[i]) | (a[i] != a[i]) else b[i]

cdef void minimum(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] if (a[i] < b[i]) | (a[i] != a[i]) else b[i]

cdef void neg(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = -a[i]

cdef void square(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] * a[i]

cdef void absolute(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if number is float: o[i] = fabsf(a[i])
        elif number is double: o[i] = fabs(a[i])
        else: o[i] = -a[i] if a[i] < 0 else a[i]

cdef void sign(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] if a[i] != a[i] else <number> ((a[i] > 0) - (a[i] < 0))

cdef void zeros_like(element *o, const element *a, const element *b, const element *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = 0

cdef void ones_like(element *o, const element *a, const element *b, const element *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = 1

# Division

cdef void real_div(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] / b[i]

cdef void reciprocal(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = 1 / a[i]

cdef inline real remainder_of(real a, real b) noexcept nogil:
    cdef real r = fmodf(a, b) if real is float else fmod(a, b)
    return r + b if r != 0 and (r < 0) != (b < 0) else r

cdef inline real quotient_of(real a, real b) noexcept nogil:
    """floor of the exact a / b: a less its remainder is a multiple of b, but for rounding."""
    cdef real q = a / b, whole
    if b == 0 or q == 0:
        return q
    q = (a - remainder_of(a, b)) / b
    whole = floorf(q) if real is float else floor(q)
    return whole + 1 if q - whole > 0.5 else whole

cdef inline number floor_quotient(number a, number b) noexcept nogil:
    """The largest integer not above a / b.  An integer b is not 0 (the guard); all but int64 go by way of double, which is exact."""
    cdef double wide
    cdef int64_t q
    if number is float or number is double:
        return quotient_of(a, b)
    elif number is int64_t:
        if b == -1:                   # the smallest integer / -1 traps
            return -a
        q = a / b
        return q - 1 if q * b != a and (a < 0) != (b < 0) else q
    else:
        wide = floor(<double> a / <double> b)
        return <number> <int32_t> (wide if wide < 2147483648.0 else -2147483648.0)

cdef void floor_div(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = floor_quotient(a[i], b[i])

cdef void floor_mod(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if number is float or number is double: o[i] = remainder_of(a[i], b[i])
        else: o[i] = a[i] - floor_quotient(a[i], b[i]) * b[i]

cdef inline number truncated_quotient(number a, number b) noexcept nogil:
    """a / b rounded towards zero."""
    if number is float: return truncf(a / b)
    elif number is double: return trunc(a / b)
    else: return -a if b == <number> -1 and <number> -1 < 0 else a / b

cdef void truncate_div(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = truncated_quotient(a[i], b[i])

cdef void truncate_mod(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if number is float: o[i] = fmodf(a[i], b[i])
        elif number is double: o[i] = fmod(a[i], b[i])
        else: o[i] = a[i] - truncated_quotient(a[i], b[i]) * b[i]

# Functions of one real argument, and powers

cdef void sqrt_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = sqrtf(a[i]) if real is float else sqrt(a[i])

cdef void rsqrt(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = 1 / (sqrtf(a[i]) if real is float else sqrt(a[i]))

cdef void floor_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = floorf(a[i]) if real is float else floor(a[i])

cdef void ceil_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = ceilf(a[i]) if real is float else ceil(a[i])

cdef void exp_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = exp32(a[i]) if real is float else exp64(a[i])

cdef void log_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = log32(a[i]) if real is float else log64(a[i])

cdef void log1p_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = log1p32(a[i]) if real is float else log1p64(a[i])

cdef void tanh_(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = tanh32(a[i]) if real is float else tanh64(a[i])

cdef void sigmoid(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = sigmoid32(a[i]) if real is float else sigmoid64(a[i])

cdef void softplus(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = softplus32(a[i]) if real is float else softplus64(a[i])

cdef inline real root_of(real a) noexcept nogil:
    """a to the power of 0.5, where -0 gives 0 and -inf gives inf."""
    return <real> INFINITY if a == -<real> INFINITY else (sqrtf(a) if real is float else sqrt(a)) + 0

cdef inline number power_of(number a, number b) noexcept nogil:
    cdef number result = 1
    if number is float or number is double:
        if b == 2: return a * a
        if b == <number> 0.5: return root_of(a)
        if number is float: return powf(a, b)
        return pow(a, b)
    else:
        while b > 0:
            if b & 1:
                result = result * a
            a = a * a
            b = b >> 1
        return result

cdef inline bint all_are(number value, const number *b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t others = 0
    for i in range(n): others |= b[i] != value
    return not others

cdef void power(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if (number is float or number is double) and all_are[number](2, b, n):
        for i in range(n): o[i] = a[i] * a[i]
    elif (number is float or number is double) and all_are[number](<number> 0.5, b, n):
        for i in range(n):
            if number is float or number is double: o[i] = root_of(a[i])
    else:
        for i in range(n): o[i] = power_of(a[i], b[i])

# Activations and gradients; y is the forward result, g the gradient with respect to it

cdef void relu(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = 0 if a[i] < 0 else a[i]

cdef void relu_grad(number *o, const number *g, const number *x, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] if x[i] > 0 else 0

cdef void tanh_grad(real *o, const real *y, const real *g, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] * (1 - y[i] * y[i])

cdef void sigmoid_grad(real *o, const real *y, const real *g, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] * y[i] * (1 - y[i])

cdef void sqrt_grad(real *o, const real *y, const real *g, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = <real> 0.5 * g[i] / y[i]

cdef void softplus_grad(real *o, const real *g, const real *x, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] * (sigmoid32(x[i]) if real is float else sigmoid64(x[i]))

# Truth values

cdef void equal(uint8_t *o, const element *a, const element *b, const element *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] == b[i]

cdef void not_equal(uint8_t *o, const element *a, const element *b, const element *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] != b[i]

cdef void less(uint8_t *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] < b[i]

cdef void less_equal(uint8_t *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] <= b[i]

cdef void greater(uint8_t *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] > b[i]

cdef void greater_equal(uint8_t *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] >= b[i]

cdef void is_nan(uint8_t *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] != a[i]

cdef void is_finite(uint8_t *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] - a[i] == 0

cdef void logical_and(uint8_t *o, const uint8_t *a, const uint8_t *b, const uint8_t *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] & b[i]

cdef void logical_or(uint8_t *o, const uint8_t *a, const uint8_t *b, const uint8_t *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] | b[i]

cdef void logical_not(uint8_t *o, const uint8_t *a, const uint8_t *b, const uint8_t *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] == 0

# Conversion and choice

cdef void cast(element *o, const origin *a, const origin *b, const origin *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if element is uint8_t: o[i] = a[i] != 0
        else: o[i] = <element> a[i]

cdef void to_uint8(uint8_t *o, const origin *a, const origin *b, const origin *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = <uint8_t> <int32_t> a[i]

cdef void select(element *o, const uint8_t *a, const element *b, const element *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = b[i] if a[i] else c[i]

# What is an error: integer division by 0, an integer to a negative power

cdef bint any_zero(const integer *b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef integer found = 0
    for i in range(n): found |= b[i] == 0
    return found != 0

cdef bint any_negative(const integer *b, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef integer found = 0
    for i in range(n): found |= b[i]
    return found < 0

# The table: (op type, dtype of the deciding input, dtype of the output) -> function

cdef dict _functions = {}
cdef dict _guards = {}

cdef keep(str name, int source, int target, VectorOp function):
    _functions[name, source, target] = <size_t> function

cdef declare_element(element x, int t):
    keep("ZerosLike", t, t, <VectorOp> zeros_like[element])
    keep("OnesLike", t, t, <VectorOp> ones_like[element])
    keep("Equal", t, BOOL, <VectorOp> equal[element])
    keep("NotEqual", t, BOOL, <VectorOp> not_equal[element])
    keep("Select", t, t, <VectorOp> select[element])
    keep("Cast", FLOAT32, t, <VectorOp> cast[element, float])
    keep("Cast", FLOAT64, t, <VectorOp> cast[element, double])
    keep("Cast", INT32, t, <VectorOp> cast[element, int32_t])
    keep("Cast", INT64, t, <VectorOp> cast[element, int64_t])
    keep("Cast", INT16, t, <VectorOp> cast[element, int16_t])
    keep("Cast", INT8, t, <VectorOp> cast[element, int8_t])
    keep("Cast", UINT8, t, <VectorOp> cast[element, uint8_t])
    keep("Cast", BOOL, t, <VectorOp> cast[element, uint8_t])

cdef declare_number(number x, int t):
    keep("Add", t, t, <VectorOp> add[number])
    keep("BiasAdd", t, t, <VectorOp> add[number])
    keep("Sub", t, t, <VectorOp> sub[number])
    keep("Mul", t, t, <VectorOp> mul[number])
    keep("SquaredDifference", t, t, <VectorOp> squared_difference[number])
    keep("Maximum", t, t, <VectorOp> maximum[number])
    keep("Minimum", t, t, <VectorOp> minimum[number])
    keep("Neg", t, t, <VectorOp> neg[number])
    keep("Square", t, t, <VectorOp> square[number])
    keep("Abs", t, t, <VectorOp> absolute[number])
    keep("Sign", t, t, <VectorOp> sign[number])
    keep("FloorDiv", t, t, <VectorOp> floor_div[number])
    keep("FloorMod", t, t, <VectorOp> floor_mod[number])
    keep("TruncateDiv", t, t, <VectorOp> truncate_div[number])
    keep("TruncateMod", t, t, <VectorOp> truncate_mod[number])
    keep("Pow", t, t, <VectorOp> power[number])
    keep("Relu", t, t, <VectorOp> relu[number])
    keep("ReluGrad", t, t, <VectorOp> relu_grad[number])
    keep("Less", t, BOOL, <VectorOp> less[number])
    keep("LessEqual", t, BOOL, <VectorOp> less_equal[number])
    keep("Greater", t, BOOL, <VectorOp> greater[number])
    keep("GreaterEqual", t, BOOL, <VectorOp> greater_equal[number])

cdef declare_real(real x, int t):
    keep("RealDiv", t, t, <VectorOp> real_div[real])
    keep("Reciprocal", t, t, <VectorOp> reciprocal[real])
    keep("Sqrt", t, t, <VectorOp> sqrt_[real])
    keep("Rsqrt", t, t, <VectorOp> rsqrt[real])
    keep("Floor", t, t, <VectorOp> floor_[real])
    keep("Ceil", t, t, <VectorOp> ceil_[real])
    keep("Exp", t, t, <VectorOp> exp_[real])
    keep("Log", t, t, <VectorOp> log_[real])
    keep("Log1p", t, t, <VectorOp> log1p_[real])
    keep("Tanh", t, t, <VectorOp> tanh_[real])
    keep("Sigmoid", t, t, <VectorOp> sigmoid[real])
    keep("Softplus", t, t, <VectorOp> softplus[real])
    keep("TanhGrad", t, t, <VectorOp> tanh_grad[real])
    keep("SigmoidGrad", t, t, <VectorOp> sigmoid_grad[real])
    keep("SqrtGrad", t, t, <VectorOp> sqrt_grad[real])
    keep("SoftplusGrad", t, t, <VectorOp> softplus_grad[real])
    keep("IsNan", t, BOOL, <VectorOp> is_nan[real])
    keep("IsFinite", t, BOOL, <VectorOp> is_finite[real])

cdef declare_to_uint8(origin x, int source):
    keep("Cast", source, UINT8, <VectorOp> to_uint8[origin])

cdef declare_integer(integer x, int t):
    for name in ("FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod"):
        _guards[name, t] = <size_t> <Guard> any_zero[integer]
    _guards["Pow", t] = <size_t> <Guard> any_negative[integer]

declare_element[float](0, FLOAT32)
declare_element[double](0, FLOAT64)
declare_element[int32_t](0, INT32)
declare_element[int64_t](0, INT64)
declare_element[int16_t](0, INT16)
declare_element[int8_t](0, INT8)
declare_element[uint8_t](0, UINT8)
declare_element[uint8_t](0, BOOL)
declare_to_uint8[float](0, FLOAT32)
declare_to_uint8[double](0, FLOAT64)
declare_to_uint8[int32_t](0, INT32)
declare_to_uint8[int64_t](0, INT64)
declare_to_uint8[int16_t](0, INT16)
declare_to_uint8[int8_t](0, INT8)
declare_to_uint8[uint8_t](0, UINT8)
declare_to_uint8[uint8_t](0, BOOL)
declare_number[float](0, FLOAT32)
declare_number[double](0, FLOAT64)
declare_number[int32_t](0, INT32)
declare_number[int64_t](0, INT64)
declare_number[int16_t](0, INT16)
declare_number[int8_t](0, INT8)
declare_number[uint8_t](0, UINT8)
declare_real[float](0, FLOAT32)
declare_real[double](0, FLOAT64)
declare_integer[int32_t](0, INT32)
declare_integer[int64_t](0, INT64)
declare_integer[int16_t](0, INT16)
declare_integer[int8_t](0, INT8)
declare_integer[uint8_t](0, UINT8)
keep("LogicalAnd", BOOL, BOOL, <VectorOp> logical_and)
keep("LogicalOr", BOOL, BOOL, <VectorOp> logical_or)
keep("LogicalNot", BOOL, BOOL, <VectorOp> logical_not)


cdef VectorOp vector_op(str name, int source, int target) except? NULL:
    """The function of an op type for these dtypes; NULL without an error if there is none."""
    return <VectorOp> <size_t> _functions.get((name, source, target), 0)


cdef Guard guard_of(str name, int source) except? NULL:
    """What tells whether the second argument is one that the op cannot take; NULL if it takes any."""
    return <Guard> <size_t> _guards.get((name, source), 0)


def signatures(name):
    """The (source, target) dtype codes for which an op type has a function; Select's source is the dtype of its values."""
    return [(source, target) for op, source, target in _functions if op == name]
