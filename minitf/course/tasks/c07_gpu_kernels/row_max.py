import numpy as np

from minitf.course.task import Task, equal, expect

task = Task(
    "The largest number of each row, by a block of any size",
    function="row_max",
    replaces="cuda reduce_max.cu max_rows_f32 takes=4",
    suffix=".cu",
    hints=["Each thread first finds the largest of its own elements, in a variable, from -INFINITY on. A thread without elements keeps "
           "that. Then each writes its "
           "number to shared memory, in a place of its own.",
           "The tree with any number of threads: of `left` numbers, (left + 1) / 2 are kept. Thread t takes in the one at t + kept, if "
           "there is one: "
           "t + kept < left. Then left = kept, and again, until one is left.",
           "A barrier behind the writes, and one in every turn of the tree, outside of all ifs. Then follow thread 0 and another thread "
           "into the next row: does "
           "anybody write a place that somebody else may still be reading?"],
    why="""A maximum has no order that matters, so any tree will do, and this one halves what is left, whatever it is. NaN needs care: a > b
        is false if one of them is NaN, and CUDA's fmaxf gives the other number, as C's does. TensorFlow's maximum has passed NaN on since a
        bug report showed networks that hid theirs behind a max pooling. The package's kernel gives short rows fewer lanes than a warp, and
        long ones several blocks whose results a second launch brings together: the same in every run, which atomicMax would be too, and
        atomicAdd of floats would not.""")


def largest(mine, x, threads, blocks, order):
    """out, in memory that holds something else before."""
    out = np.full(len(x), 777, np.float32)
    mine.row_max(x, out, np.int32(len(x)), np.int32(x.shape[1]), block=(threads, 1, 1), grid=(blocks, 1), order=order)
    return out


def traffic(mine, x, threads):
    """{kind: [accesses, transactions]}, for an array that begins at a multiple of 32 bytes."""
    rows, n = x.shape
    room = np.empty(x.size + 8, np.float32)
    skip = -room.ctypes.data % 32 // 4
    room[skip:skip + x.size] = x.ravel()
    arguments = room[skip:skip + x.size].reshape(x.shape), np.full(rows, 777, np.float32), np.int32(rows), np.int32(n)
    launch = dict(block=(threads, 1, 1), grid=(rows, 1))
    try:
        counts = mine.row_max.count(*arguments, **launch)
    except Exception:
        mine.row_max(*arguments, **launch)             # says more
        raise
    found = {}
    for c in counts:
        found[c.kind] = [a + b for a, b in zip(found.get(c.kind, (0, 0)), (c.accesses, c.transactions))]
    return found


def shared_out(run, x, threads):
    """More than one thread of a warp reads: else each read takes a sector for one number."""
    accesses, sectors = run(traffic, x, threads).get("global read", (0, 0))
    expect(sectors < accesses, f"{len(x)} rows of {x.shape[1]}, {len(x)} blocks of {threads} threads: {accesses} global reads in {sectors} sectors; "
                               "the threads of a block should share its row, and neighbours read neighbours")


def compare(run, x, threads, blocks, order=0):
    wanted = np.array([max(row) if len(row) else -np.inf for row in x.tolist()], np.float32)
    equal(run(largest, x, threads, blocks, order), wanted, f"{len(x)} rows of {x.shape[1]}, {blocks} blocks of {threads} threads")


def numbers(random, rows, n):
    return (random.standard_normal((rows, n)) - 5).astype(np.float32)


@task.check(1, "a block of 256 threads for each row",
            hint="Where does a thread's own largest begin? All numbers may be negative, and the row may have fewer than 256.")
def whole(run, random):
    for rows, n in [(3, 256), (2, 1024), (4, 700), (2, 5), (1, 1)]:
        compare(run, numbers(random, rows, n), 256, rows, order=int(random.integers(5)))
    shared_out(run, numbers(random, 2, 256), 256)


@task.check(1, "blocks of any number of threads",
            hint="With three threads: three numbers, then two, then one. Which thread takes in which?")
def threads(run, random):
    for size in (1, 3, 31, 100, 1000, int(random.integers(2, 300))):
        compare(run, numbers(random, 2, int(random.integers(200, 400))), size, 2, order=int(random.integers(5)))
    shared_out(run, numbers(random, 2, 300), 100)


@task.check(0.5, "more rows than blocks, and fewer",
            hint="The next row of a block is gridDim.x further. Its threads write into the same shared memory again.")
def grids(run, random):
    for rows, blocks in [(7, 2), (5, 1), (2, 6)]:
        for size in (64, 50):
            compare(run, numbers(random, rows, 80), size, blocks, order=int(random.integers(5)))


@task.check(0.5, "NaN, infinities, and rows of nothing",
            hint="Every comparison with a NaN is false. Is your larger(NaN, 1) NaN, and larger(1, NaN) too?")
def special(run, random):
    x = numbers(random, 12, 70)
    for row in range(6):
        x[row, random.integers(70)] = np.nan
    x[6, random.integers(70)] = np.inf
    x[7], x[8, 3:] = -np.inf, -np.inf
    got = np.asarray(run(largest, x, 32, 12, 0))
    expect(got.shape == (12,), f"the shape is {list(got.shape)}")
    expect(np.isnan(got[:6]).all(), f"{int((~np.isnan(got[:6])).sum())} of 6 rows with a NaN did not give NaN")
    equal(got[6:], np.array([max(row) for row in x[6:].tolist()], np.float32), "rows with infinities")
    compare(run, np.zeros((3, 0), np.float32), 32, 3)


@task.check(1, "every element is read once, and neighbours by neighbours",
            hint="Global memory is read in the first loop only, and its i grows by blockDim.x.")
def reads(run, random):
    rows, n = int(random.integers(2, 5)), 128 * int(random.integers(2, 6))
    compare(run, numbers(random, rows, n), 128, rows)
    accesses, sectors = run(traffic, numbers(random, rows, n), 128).get("global read", (0, 0))
    expect(accesses == rows * n, f"{rows} rows of {n}: {accesses} global reads, and there are {rows * n} elements")
    expect(sectors <= rows * n // 8, f"{rows} rows of {n}, 128 threads: the reads took {sectors} sectors; {rows * n // 8} are enough")
