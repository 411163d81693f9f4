import numpy as np

from minitf.course.task import Task, equal, expect

task = Task(
    "A matrix transposed, without a detour of the memory",
    function="transpose",
    suffix=".cu",
    hints=["Two steps with a barrier in between: from x into the tile, rows as they are; from the tile to y, where threadIdx.x counts "
           "along a row "
           "of y, so along a column of the tile.",
           "Each step is a loop over k = threadIdx.y, threadIdx.y + 8, ... below 32. In the first k is a row of the tile, in the second a "
           "column of it. "
           "Each step has a guard of its own; the barrier has none.",
           "Second step: row blockIdx.x * 32 + k of y, and in it place blockIdx.y * 32 + threadIdx.x. The number comes from "
           "tile[threadIdx.x][k], so "
           "a warp reads a column: how far apart are its numbers, if a row of the tile has 32 places? And if it has 33?"],
    why="""One of two directions goes across, so the tile takes the way across into shared memory, which has no sectors. With rows of 33
        numbers, row r of a column lies in bank (33 r + k) mod 32, another for each r. With 32 x 8 threads, each moves four elements, and
        their four loads are under way together before the barrier. Ruetsch and Micikevicius (Optimizing Matrix Transpose in CUDA, 2009)
        went the same steps; the package's moves.cu does it for any axes of an array.""")


def transposed(mine, x, order):
    """y, in memory that holds something else before."""
    rows, columns = x.shape
    y = np.full((columns, rows), -777, np.float32)
    mine.transpose(x, y, np.int32(rows), np.int32(columns), block=(32, 8, 1), grid=(-(-columns // 32), -(-rows // 32)), order=order)
    return y


def traffic(mine, x):
    """{kind: [accesses, transactions, the fewest]}, for arrays that begin at a multiple of 32 bytes."""
    def aligned(given):
        room = np.empty(given.size + 8, np.float32)
        skip = -room.ctypes.data % 32 // 4
        room[skip:skip + given.size] = given.ravel()
        return room[skip:skip + given.size].reshape(given.shape)
    rows, columns = x.shape
    found = {}
    arguments = aligned(x), aligned(np.full((columns, rows), -777)), np.int32(rows), np.int32(columns)
    launch = dict(block=(32, 8, 1), grid=(-(-columns // 32), -(-rows // 32)))
    try:
        counts = mine.transpose.count(*arguments, **launch)
    except Exception:
        mine.transpose(*arguments, **launch)                 # says more
        raise
    for c in counts:
        found[c.kind] = [a + b for a, b in zip(found.get(c.kind, (0, 0, 0)), (c.accesses, c.transactions, c.ideal))]
    return found


def compare(run, random, rows, columns, order=0):
    x = random.standard_normal((rows, columns)).astype(np.float32)
    equal(run(transposed, x, order), x.T.copy(), f"{rows} by {columns}")


@task.check(1, "sides that are multiples of 32",
            hint="Follow one element by hand: row 3, column 40. Which block and thread read it, to which place of the tile, and who "
                 "writes it where?")
def whole(run, random):
    for rows, columns in [(32, 32), (64, 32), (32, 96), (64, 64)]:
        compare(run, random, rows, columns, order=int(random.integers(5)))
    accesses, sectors, _ = run(traffic, random.standard_normal((64, 64)).astype(np.float32)).get("global read", (0, 0, 0))
    expect(sectors < accesses, f"64 by 64: {accesses} global reads in {sectors} sectors; the threads of a block should share its tile")


@task.check(1, "sides of any length",
            hint="Reading and writing have a guard each, and they are not the same: the first is about x, the second about y. All threads "
                 "come to the barrier.")
def ragged(run, random):
    for rows, columns in [(1, 1), (33, 31), (5, 100), (70, 3), (1, 40), tuple(random.integers(2, 90, 2).tolist())]:
        compare(run, random, rows, columns)


@task.check(1, "a warp reads and writes neighbours in global memory",
            hint="threadIdx.x must count along a row of x where you read, and along a row of y where you write.")
def coalesced(run, random):
    rows, columns = 32 * int(random.integers(1, 3)), 32 * int(random.integers(3, 5))
    compare(run, random, rows, columns)
    found = run(traffic, random.standard_normal((rows, columns)).astype(np.float32))
    for kind in "global read", "global write":
        accesses, sectors, _ = found.get(kind, (0, 0, 0))
        expect(accesses == rows * columns, f"{rows} by {columns}: {accesses} times a {kind}, and there are {rows * columns} elements")
        expect(sectors <= rows * columns // 8, f"{rows} by {columns}: {sectors} sectors for the {kind}s; {rows * columns // 8} are enough")


@task.check(1, "no bank of the shared memory is wanted twice",
            hint="A row of the tile may be longer than what stands in it.")
def banks(run, random):
    rows, columns = 32 * int(random.integers(1, 3)), 32 * int(random.integers(3, 5))
    compare(run, random, rows, columns)
    found = run(traffic, random.standard_normal((rows, columns)).astype(np.float32))
    expect("shared write" in found and "shared read" in found, "nothing goes through shared memory")
    for kind in "shared read", "shared write":
        _, turns, least = found[kind]
        expect(turns <= least, f"{rows} by {columns}: {turns} turns for the {kind}s; {least} are enough")
