import math

import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "A long sum that loses next to nothing",
    function="reduce_sum",
    replaces="kernel Sum T=float64",
    suffix=".pyx",
    hints=["A cdef function that calls itself is fine: `cdef double pairwise(const double *x, Py_ssize_t n)`, outside of sum_rows. The "
           "address of a row is &rows[r, 0], if the row has an element. Up to 128 elements it sums in a loop, above that it calls "
           "itself for both halves.",
           "What does the loop do if n is 0? And what if n is odd: is the middle element in exactly one of the halves?",
           "The second half begins at x + n // 2 and has n - n // 2 elements, so that an odd one is in it. In the loop, take 8 totals in "
           "a `cdef double lane[8]`, add element i + k to lane k, then what is left over behind the last whole 8, then the lanes in "
           "pairs. Ask for &rows[r, 0] only if n > 0; the sum of nothing is 0."],
    why="""The error of a running total grows with n, that of pairs with log n, at the same price: the adds are the same, only in another
        order. NumPy sums like this along the axis that is contiguous, not along others: x.sum(0) and x.T.copy().sum(1) differ. Kahan's
        compensated sum is better still, with four operations for one, but careful: its correction turns an infinity into NaN, and a
        compiler with -ffast-math takes it out. The package's own kernel sums in blocks by lanes, which is enough for float32
        gradients.""")


def sums(mine, x, axes, keep):
    """A read-only array, as the package's inputs are."""
    x = np.array(x)
    x.flags.writeable = False
    return np.asarray(mine.reduce_sum({"keep_dims": keep}, x, np.array(axes, np.int32)))


def of_rows(mine, rows):
    """In bare memory, not in NumPy's arrays, which can sum by themselves.  (A memoryview has at least one element.)"""
    result = np.full(len(rows), 77.0)
    if rows.size:
        rows, result = memoryview(rows.tobytes()).cast("d", rows.shape), memoryview(bytearray(result)).cast("d")
    mine.sum_rows(rows, result)
    return np.array(result)


@task.check(0.5, "sums of a few numbers, over any axes",
            hint="Which elements are behind the last whole 8, or belong to neither half? Each must be added once.")
def few(run, random):
    for shape in [(3,), (2, 5), (4, 3, 2), (3, 17), (2, 127), (1, 9)]:
        x = random.integers(-1000, 1000, shape).astype(float)                    # whole numbers, so every order is exact
        equal(run(of_rows, x.reshape(-1, shape[-1])), x.reshape(-1, shape[-1]).sum(axis=1), f"rows of {shape[-1]} whole numbers")
        axes = random.choice(len(shape), random.integers(1, len(shape) + 1), replace=False).tolist()
        keep = bool(random.integers(2))
        wanted = np.asarray(x.sum(axis=tuple(axes), keepdims=keep))
        equal(run(sums, x, axes, keep), wanted, f"shape {list(shape)}, axes {axes}, keep_dims {keep}")


@task.check(3, "long sums, to the bound",
            hint="Through how many additions does the first element of a row of 250,000 go? It should be some twenty or thirty. In which "
                 "line do a large and a small number meet?")
def long(run, random):
    for n in (1 << 18, int(random.integers(200_000, 300_000)), int(random.integers(10_000, 20_000)), int(random.integers(300, 1500))):
        same = np.full((1, n), random.uniform(0.1, 0.9))
        mixed = random.standard_normal((1, n)) * 10.0 ** random.integers(-3, 4, (1, n))
        for what, x in (("one number n times", same), ("numbers of both signs", mixed)):
            got = float(run(of_rows, x)[0])
            bound = (20 + math.log2(n)) * 2.0 ** -53 * float(np.abs(x).sum())
            error = abs(got - math.fsum(x[0]))                                   # fsum rounds once
            expect(error <= bound, f"n = {n}, {what}: the error is {error / bound:.2g} times what it may be")


@task.check(0.5, "sums of nothing and of one, and no rows",
            hint="If n is 0, there is no element 0 whose address could be taken, and the sum is 0. It has to be written, too.")
def empty(run, random):
    for m, n in [(3, 0), (0, 5), (0, 0), (4, 1), (1, 1)]:
        x = random.standard_normal((m, n))
        equal(run(of_rows, x), x.sum(axis=1), f"{m} rows of {n}")
    close(run(sums, np.zeros((2, 0, 3)), [1], True), np.zeros((2, 1, 3)), "an axis of size 0")
    x = random.standard_normal((2, 3))
    equal(run(sums, x, [], False), x, "no axes at all")


@task.check(1, "infinities and NaN",
            hint="A sum that is infinite must stay so: is anything subtracted from it? And does each row begin anew?")
def special(run, random):
    for n in (5, 150, 2000):
        x = random.standard_normal((6, n))
        places = random.permutation(n)
        x[0, places[0]], x[1, places[1]] = np.inf, -np.inf
        x[2, places[2]] = np.nan
        x[3, places[:2]] = np.inf, -np.inf
        x[4, places[:4]] = np.finfo(np.float64).max
        wanted = np.array([np.inf, -np.inf, np.nan, np.nan, np.inf, math.fsum(x[5])])
        close(run(of_rows, x), wanted, f"rows of {n}, each with something that is not finite or a sum that is not", rtol=1e-9, atol=1e-12)
