import numpy as np

from minitf.course.task import Task, equal, expect

task = Task(
    "A matrix product in panels",
    function="matmul",
    replaces="kernel MatMul T=int32",
    suffix=".pyx",
    hints=["pack: which column of b belongs to place j of panel p? If b has it, copy it, if not, write 0. Three loops "
           "write to every place of panels once.",
           "multiply: four loops, from the outside panels, rows of a, k, columns of the panel. The sums live in a `cdef int "
           "total[WIDEST]`: set to 0 before the loop over k, written to c behind it.",
           "The last panel may reach beyond c: of its sums only c.shape[1] - p * width are columns. That must not hang on k: if k is 0, "
           "the loop over it does nothing and zeros are written."],
    why="""The row of sums stays in registers, or at worst in the nearest cache, for the whole way down a panel; in the loops ikj each
        multiply-add loads and stores one of c. The panel is read front to back, so nothing is fetched that is not used, whatever n is.
        BLAS goes on from here: several rows of a at once, so that each number of the panel is used several times, and a block of rows
        that fits the second cache. BLAS knows no integers; for 512 by 512 int32 numbers these panels took half the time of minitf's own
        loops, and a tenth of NumPy's a @ b.""")


def packed(mine, b, width):
    """The panels, in memory that is not empty before.  It is bare memory, not NumPy's arrays.  (A memoryview has at least one element.)"""
    panels = np.full((-(-b.shape[1] // width), len(b), width), -12345, np.int32)
    if b.size:
        b, panels = memoryview(b.tobytes()).cast("i", b.shape), memoryview(bytearray(panels)).cast("i", panels.shape)
    mine.pack(b, panels)
    return np.array(panels)


def multiplied(mine, a, panels, n):
    """The product, in memory that is not empty before, as above."""
    c = np.full((len(a), n), -12345, np.int32)
    if a.size and panels.size:
        a, panels = (memoryview(x.tobytes()).cast("i", x.shape) for x in (a, panels))
        c = memoryview(bytearray(c)).cast("i", c.shape)
    mine.multiply(a, panels, c)
    return np.array(c)


def product(mine, a, b, ta, tb):
    return np.asarray(mine.matmul({"transpose_a": ta, "transpose_b": tb, "T": tf.int32}, a, b))


def numbers(random, *shape):
    return random.integers(-99, 100, shape).astype(np.int32)


def panels_of(b, width):
    """By slices."""
    k, n = b.shape
    whole = np.concatenate([b, np.zeros((k, -n % width), np.int32)], axis=1)
    return np.stack([whole[:, first:first + width] for first in range(0, n, width)]) if n else np.zeros((0, k, width), np.int32)


@task.check(1, "panels of columns that divide evenly",
            hint="Do the example by hand, with a fourth column: which number comes after which in memory?")
def even(run, random):
    for k, n, width in [(2, 4, 2), (3, 12, 4), (1, 16, 16), (5, 6, 1), (4, 3, 3)]:
        b = numbers(random, k, n)
        equal(run(packed, b, width), panels_of(b, width), f"b {k} by {n} in panels of {width}")


@task.check(1, "a last panel that is not full, and empty ones",
            hint="The memory of panels holds anything at first. Who writes the places of which b has no column?")
def ragged(run, random):
    for k, n, width in [(2, 3, 2), (3, 13, 4), (4, 5, 16), (1, 1, 8), (6, 33, 16), (3, 0, 4), (0, 5, 4), (0, 0, 2)]:
        b = numbers(random, k, n)
        equal(run(packed, b, width), panels_of(b, width), f"b {k} by {n} in panels of {width}")


@task.check(1, "products of full panels",
            hint="The sums belong to one row of a and one panel. Where do they begin at 0, and what was in c before?")
def full(run, random):
    for m, k, n, width in [(1, 1, 4, 4), (3, 5, 16, 8), (7, 20, 32, 16), (2, 9, 64, 64)]:
        a, b = numbers(random, m, k), numbers(random, k, n)
        equal(run(multiplied, a, panels_of(b, width), n), a @ b, f"{m} by {k} times {k} by {n} in panels of {width}")


@task.check(1, "products of a last panel that is not full",
            hint="Which columns of c does the last panel stand for, and how many of them are there?")
def partial(run, random):
    for m, k, n, width in [(1, 3, 1, 4), (3, 5, 17, 8), (7, 20, 31, 16), (2, 9, 5, 64), (4, 4, 7, 3)]:
        a, b = numbers(random, m, k), numbers(random, k, n)
        equal(run(multiplied, a, panels_of(b, width), n), a @ b, f"{m} by {k} times {k} by {n} in panels of {width}")


@task.check(1, "whole products, transposed or not",
            hint="This is pack and multiply together: if the checks before it hold, matmul, which was given, has been changed.")
def whole(run, random):
    for _ in range(10):
        m, k, n = random.integers(1, 50, 3).tolist()
        ta, tb = (bool(f) for f in random.integers(2, size=2))
        a, b = numbers(random, m, k), numbers(random, k, n)
        panels = run(packed, b, 8)
        equal(run(multiplied, a, panels, n), a @ b, f"{m} by {k} times {k} by {n}, by your panels of 8")
        got = run(product, a.T.copy() if ta else a, b.T.copy() if tb else b, ta, tb)
        equal(got, a @ b, f"{m} by {k} times {k} by {n}, transpose_a {ta}, transpose_b {tb}")


@task.check(1, "sizes of 0",
            hint="With k = 0 there is nothing to add up, and c is still to be written.")
def empty(run, random):
    for m, k, n in [(3, 0, 5), (0, 4, 5), (3, 4, 0), (2, 0, 17), (0, 0, 0)]:
        a, b = numbers(random, m, k), numbers(random, k, n)
        equal(run(multiplied, a, run(packed, b, 4), n), a @ b, f"{m} by {k} times {k} by {n}, by your panels of 4")
        got = run(product, a, b, False, False)
        equal(got, np.zeros((m, n), np.int32), f"{m} by {k} times {k} by {n}")
        expect(got.dtype == np.int32, f"the product is {got.dtype}")
