"""What each element-wise op computes: op type -> an expression of CUDA C, the one source for plain and for fused kernels.

In an expression a, b and c are the op's inputs (one element of each), and T is the type of the result.  What takes more than a line is
a function of element_functions.cuh.  The meanings are those of the CPU kernels: NaN, ties and wrapping integers as told in
kernels/cpu/vector_ops.pyx.  Two things differ.  A function of the mathematics library may differ in its last bits.  A cast of a float to
an integer that can not hold it is undefined, as in C: a GPU gives the nearest one, and 0 for NaN.

Every product is mul(a, b): a compiler for GPUs makes one rounding of a product and a sum where it may, and then an op fused with its
neighbour would not give the bits it gives alone.  mul forbids that, and costs an instruction where memory is what is waited for.
"""

_SCALE, _STEEP = "T(1.0507009873554804934)", "T(1.0507009873554804934 * 1.6732632423543772848)"    # of selu, and times its alpha

EXPRESSIONS = {
    # arithmetic
    "Add": "add(a, b)", "BiasAdd": "add(a, b)", "Sub": "sub(a, b)", "Mul": "mul(a, b)", "Neg": "neg(a)", "Square": "mul(a, a)",
    "SquaredDifference": "squared(sub(a, b))", "Abs": "absolute(a)", "Sign": "a != a ? a : T((a > 0) - (a < 0))",
    "Maximum": "(a > b) | (a != a) ? a : b", "Minimum": "(a < b) | (a != a) ? a : b", "ZerosLike": "T(0)", "OnesLike": "T(1)",
    # division and powers
    "RealDiv": "a / b", "Reciprocal": "1 / a", "FloorDiv": "floor_quotient(a, b)", "FloorMod": "floor_remainder(a, b)",
    "TruncateDiv": "truncated_quotient(a, b)", "TruncateMod": "truncated_remainder(a, b)", "Pow": "power(a, b)",
    "DivNoNan": "b == 0 ? T(0) : a / b", "Xdivy": "a == 0 ? T(0) : a / b", "Xlogy": "a == 0 ? T(0) : mul(a, log_(b))",
    # functions of one real argument
    "Sqrt": "sqrt_(a)", "Rsqrt": "1 / sqrt_(a)", "Exp": "exp_(a)", "Expm1": "expm1_(a)", "Log": "log_(a)", "Log1p": "log1p_(a)",
    "Floor": "floor_(a)", "Ceil": "ceil_(a)", "Rint": "rint_(a)", "Round": "rint_(a)",
    "Sin": "sin_(a)", "Cos": "cos_(a)", "Tan": "tan_(a)", "Asin": "asin_(a)", "Acos": "acos_(a)", "Atan": "atan_(a)",
    "Atan2": "atan2_(a, b)", "Sinh": "sinh_(a)", "Cosh": "cosh_(a)", "Tanh": "tanh_(a)", "Asinh": "asinh_(a)",
    "Acosh": "acosh_(a)", "Atanh": "atanh_(a)", "Erf": "erf_(a)", "Erfc": "erfc_(a)", "Lgamma": "lgamma_(a)",
    # activations; in their gradients g comes first where x or y is an input, y first where it alone decides
    "Sigmoid": "sigmoid(a)", "Softplus": "softplus(a)", "Relu": "a < 0 ? T(0) : a", "Relu6": "a < 0 ? T(0) : a > 6 ? T(6) : a",
    "Elu": "a > 0 ? a : expm1_(a)", "Selu": f"a > 0 ? mul({_SCALE}, a) : mul({_STEEP}, expm1_(a))", "Softsign": "a / (1 + absolute(a))",
    "TanhGrad": "mul(b, 1 - mul(a, a))", "SigmoidGrad": "mul(mul(b, a), 1 - a)", "SqrtGrad": "mul(T(0.5), b) / a",
    "SoftplusGrad": "mul(a, sigmoid(b))", "ReluGrad": "b > 0 ? a : T(0)", "Relu6Grad": "(b > 0) & (b < 6) ? a : T(0)",
    "EluGrad": "b < 0 ? mul(a, b + 1) : a", "SeluGrad": f"b < 0 ? mul(a, b + {_STEEP}) : mul(a, {_SCALE})",
    "SoftsignGrad": "a / (1 + absolute(b)) / (1 + absolute(b))",
    # truth values, choice, conversion
    "Equal": "a == b", "NotEqual": "a != b", "Less": "a < b", "LessEqual": "a <= b", "Greater": "a > b", "GreaterEqual": "a >= b",
    "IsNan": "a != a", "IsInf": "(a - a != 0) & (a == a)", "IsFinite": "a - a == 0",
    "LogicalAnd": "a & b", "LogicalOr": "a | b", "LogicalNot": "!a", "Select": "a ? b : c", "Cast": "converted<T>(a)",
}

# What an op of integers does not take: op type -> (the condition, what the error says).  The result is then 0.
_BY_ZERO = ("b == 0", "Integer division by zero")
REFUSED = {"FloorDiv": _BY_ZERO, "FloorMod": _BY_ZERO, "TruncateDiv": _BY_ZERO, "TruncateMod": _BY_ZERO,
           "Pow": ("b < 0", "Integers to negative integer powers are not allowed")}
