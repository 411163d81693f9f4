import numpy as np

from minitf.course.task import Task, close, expect

task = Task(
    "Softmax of each row, in two walks",
    function="softmax_rows",
    replaces="cuda softmax.cu softmax_lanes_f32,softmax_block_f32 takes=4",
    suffix=".cu",
    hints=["First one thread and one row, on paper: two variables, largest so far and sum so far. What do they become when x is larger "
           "than the largest so far, "
           "and what when it is not?",
           "With many threads each has its own two, from -INFINITY and 0. The row's largest is over_block<Larger> of theirs. A thread's "
           "sum was taken with its own "
           "largest: multiply it by exp(own - row's) before over_block<Add>.",
           "Every difference whose two sides may both be -INFINITY needs an if: the sum of a thread that has met nothing stays 0. Then "
           "the second walk: "
           "y = expf(x - highest) / sum, each thread the elements that it read."],
    why="""Bandwidth decides here: a number that is read costs as much as dozens of operations. Of three walks the first to go is one more
        exp for each element (M. Milakov, N. Gimelshein, Online Normalizer Calculation for Softmax, 2018). The same two variables made
        FlashAttention possible (Dao et al., 2022), where a row of scores is never whole in any memory. Masks are why -infinity matters: a
        word that must not be looked at has a score of -infinity, and a thread may well get nothing but such. The package gives short rows a
        few lanes of a warp each and keeps sums in double.""")


def softmax(mine, x, threads, blocks, order, in_place):
    x = x.copy()
    y = x if in_place else np.full_like(x, 777)
    mine.softmax_rows(x, y, np.int32(x.shape[0]), np.int32(x.shape[1]), block=(threads, 1, 1), grid=(blocks, 1), order=order)
    return y


def traffic(mine, x, threads):
    """{kind: [accesses, transactions]} for arrays that begin at a multiple of 32 bytes."""
    def aligned():
        room = np.ones(x.size + 8, np.float32)
        skip = -room.ctypes.data % 32 // 4
        return room[skip:skip + x.size].reshape(x.shape)
    given, y = aligned(), aligned()
    given[:], y[:] = x, 777
    arguments, launch = (given, y, np.int32(len(x)), np.int32(x.shape[1])), dict(block=(threads, 1, 1), grid=(len(x), 1))
    try:
        counts = mine.softmax_rows.count(*arguments, **launch)
    except Exception:
        mine.softmax_rows(*arguments, **launch)        # says more
        raise
    found = {}
    for c in counts:
        found[c.kind] = [a + b for a, b in zip(found.get(c.kind, (0, 0)), (c.accesses, c.transactions))]
    return found


def shared_out(run, x, threads):
    """More than one thread of a warp writes: else each number written takes a sector."""
    accesses, sectors = run(traffic, x.astype(np.float32), threads).get("global write", (0, 0))
    expect(sectors < accesses, f"{len(x)} rows of {x.shape[1]}, {len(x)} blocks of {threads} threads: {accesses} global writes in {sectors} "
                               "sectors; the threads of a block should share its row, and neighbours take neighbours")


def wanted(x):
    with np.errstate(all="ignore"):
        e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True)) if x.size else x
        return e / e.sum(1, keepdims=True)


def compare(run, x, threads, blocks, order=0, in_place=False):
    x = x.astype(np.float32)
    close(run(softmax, x, threads, blocks, order, in_place), wanted(x),
          f"{len(x)} rows of {x.shape[1]}, {blocks} blocks of {threads} threads", rtol=1e-4, atol=1e-7)


@task.check(1.5, "a block for each row",
            hint="Each thread has a sum of its own, taken with its own largest number. What must happen to it before the sums are added?")
def plain(run, random):
    for rows, n in [(3, 10), (2, 64), (4, 100), (2, 300), (1, 1)]:
        compare(run, 2 * random.standard_normal((rows, n)), 64, rows, order=int(random.integers(5)))
    shared_out(run, random.standard_normal((2, 128)), 64)


@task.check(1, "large numbers",
            hint="exp(89) is no float any more. What do you take away before exp, in each of the two walks?")
def large(run, random):
    for shift in (1000, -1000, 88):
        compare(run, shift + 3 * random.standard_normal((3, 50)), 32, 3)
    compare(run, 300 * random.standard_normal((4, 200)), 64, 4)
    compare(run, np.sort(200 * random.standard_normal((2, 90))), 32, 2)


@task.check(0.5, "-infinity and NaN",
            hint="Which differences can be -INFINITY - -INFINITY? Think of a thread that meets only -INFINITY, and of one that has no "
                 "element.")
def masked(run, random):
    x = random.standard_normal((7, 100))
    x[0, 10:] = x[1, :99] = x[2, random.permutation(100)[:60]] = x[3] = -np.inf
    x[4, 64:] = -np.inf
    x[5, random.integers(100)] = np.nan
    compare(run, x, 32, 7)
    compare(run, x, 128, 7)


@task.check(1, "any grid and block, and in place",
            hint="If y is x, nobody may write before all have read what they need: what lies between your two walks?")
def launches(run, random):
    for rows, blocks, threads in [(7, 2, 96), (5, 1, 32), (3, 8, 256), (4, 3, 1024)]:
        compare(run, random.standard_normal((rows, int(random.integers(40, 200)))), threads, blocks, order=int(random.integers(5)),
                in_place=threads in (96, 256))
    compare(run, random.standard_normal((4, 150)), 64, 2, in_place=True)
    shared_out(run, random.standard_normal((2, 100)), 32)


@task.check(1, "two reads for each element, and neighbours by neighbours",
            hint="Largest and sum must come from one walk: see the example in the file.")
def reads(run, random):
    rows, n = int(random.integers(2, 5)), 64 * int(random.integers(3, 7))
    compare(run, random.standard_normal((rows, n)), 64, rows)
    found = run(traffic, random.standard_normal((rows, n)).astype(np.float32), 64)
    expect("global atomic" not in found, "what is read by an atomic function is read as well")
    for kind, times in ("global read", 2), ("global write", 1):
        accesses, sectors = found.get(kind, (0, 0))
        expect(rows * n <= accesses <= times * rows * n,
               f"{rows} rows of {n}: {accesses} times a {kind}, that is {accesses / (rows * n):.3g} for each element")
        expect(sectors <= times * rows * n // 8,
               f"{rows} rows of {n}, 64 threads: {sectors} sectors for the {kind}s; {times * rows * n // 8} are enough")
