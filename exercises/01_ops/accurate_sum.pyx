"""A long sum that loses next to nothing (5 points)

Add 0.1 a million times, one after the other, and a float64 says 100000.00000133288.  Every addition rounds, and the larger the sum has
grown, the more it rounds.  But if the first half and the second half are summed for themselves, and their halves again, then only numbers
of about the same size are ever added, and each number goes through 20 additions instead of a million (Higham, "The accuracy of floating
point summation", 1993).

Write sum_rows.  reduce_sum, which is given, makes rows of whatever is to be summed.

    rows    float64 [m, n], n elements beside one another in each row
    sums    float64 [m], to be written: the sum of each row

    rows [[1, 2, 3], [4, 5, 6]]      sums becomes [6, 15]

 * |error| is at most (20 + log2 n) 2^-53 times the sum of the absolute values.  One running total breaks that for n = 10,000 already, and
   so do a few of them side by side.  To halve down to single elements would be slow: sum pieces of about 100 elements in a plain loop (or
   better in 8 running totals, so that the compiler can use vector instructions), and halve above that.
 * n may be 0, 1, odd, or a million; m may be 0.
 * An infinity or a NaN in a row does what it does in a running total, and does nothing to other rows.  (An infinite sum stays infinite.)
 * Python's numbers and lists are slow here: declare all variables with cdef.

Functions of your own may stand beside these two.
Nothing may be imported.  To be cimported there are libc.math, libc.float, libc.limits, libc.stdint, memcpy, memset and memmove of
libc.string, and malloc, calloc, realloc, free and abs of libc.stdlib.

Replaces the kernel of Sum for float64.     make grade CH=01
"""


def sum_rows(const double[:, ::1] rows, double[::1] sums):
    """sums[r] = the sum of row r, by pairs of pieces.  Other orders that keep the bound are right as well."""
    raise NotImplementedError("write this")


def reduce_sum(attrs, x, indices):
    """The kernel of Sum: x float64 of any shape, indices the axes to sum over (an axis may stand there twice, or be counted from the end).

    attrs: "keep_dims", whether the summed axes stay, with size 1.
    """
    summed = sorted({range(x.ndim)[axis] for axis in indices.ravel()})
    kept = [axis for axis in range(x.ndim) if axis not in summed]
    sizes = [x.shape[axis] for axis in kept]
    m = n = 1
    for size in sizes:
        m *= size
    for axis in summed:
        n *= x.shape[axis]
    sums = type(x)(m)                           # a new array of m float64: numpy.ndarray(m)
    sum_rows(x.transpose(kept + summed).copy().reshape(m, n), sums)
    return sums.reshape([1 if axis in summed else size for axis, size in enumerate(x.shape)] if attrs.get("keep_dims") else sizes)
