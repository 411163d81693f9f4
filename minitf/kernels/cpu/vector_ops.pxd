"""Element-wise functions over contiguous blocks, and how to find one."""

# out[i] = f(a[i], b[i], c[i]) for i < n; out may be one of a, b, c, but may not overlap them otherwise.
# A function with fewer arguments ignores the rest (they may be any pointer).
ctypedef void (*VectorOp)(char *out, const char *a, const char *b, const char *c, Py_ssize_t n) noexcept nogil

# True if the second argument holds a value for which the operation is an error
ctypedef bint (*Guard)(const char *b, Py_ssize_t n) noexcept nogil

cdef VectorOp vector_op(str name, int source, int target) except? NULL
cdef Guard guard_of(str name, int source) except? NULL
cdef keep(str name, int source, int target, VectorOp function)          # adds a function to the table
