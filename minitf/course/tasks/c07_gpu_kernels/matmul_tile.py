import numpy as np

from minitf.course.task import Task, close, expect

task = Task(
    "A product whose threads have sixteen elements each",
    function="matmul_tile",
    replaces="cuda ladder.cu matmul_blocks_f32",
    suffix=".cu",
    hints=["Begin with the chapter's product, and change one thing at a time: first who loads what. 64 rows of 16 terms are 1024 numbers, "
           "and 256 threads: a loop "
           "i = threadIdx.x, threadIdx.x + 256, ... below 1024, in which i / 16 is a row of the tile and i % 16 a term.",
           "The same loop loads B: i / 64 is a term, i % 64 a column of the tile, so that neighbours read neighbours in a row of b. Each "
           "of the two needs its own "
           "condition: A row < m and term < k, B term < k and column < n. Else 0.",
           "Between the two barriers: for each of the 16 terms, four numbers of B into a small array, then for each of four rows one "
           "number of A, "
           "which is multiplied by all four. Sixteen guards at the end, one for each element that is written."],
    why="""Each number that comes from global memory serves 64 elements, and each that comes from shared memory four. That is the way of
        every fast product (V. Volkov, J. Demmel, Benchmarking GPUs to Tune Dense Linear Algebra, 2008): fewer threads with more to do, and
        the sums in registers, of which a GPU has more than it has shared memory. What is still missing to the package's own matmul.cu: 8 x
        8 elements a thread, four numbers with one read, and two tiles in turn, so that the next one is on its way while this one is
        multiplied. Elements that lie 16 apart, not side by side, let a warp read 16 neighbouring numbers of B: 16 banks, no conflict.""",
    seconds=20)


def product(mine, a, b, m, n, k, left, right, order):
    """c, in memory that holds something else before."""
    import ctypes

    class Steps(ctypes.Structure):
        _fields_ = [("row", ctypes.c_int), ("term", ctypes.c_int)]
    c = np.full((m, n), 777, np.float32)
    mine.matmul_tile(a, b, c, np.int32(m), np.int32(n), np.int32(k), Steps(*left), Steps(*right), block=(256, 1, 1),
                     grid=(-(-n // 64), -(-m // 64)), order=order)
    return c


def traffic(mine, a, b):
    """{kind: [accesses, transactions]}."""
    import ctypes

    class Steps(ctypes.Structure):
        _fields_ = [("row", ctypes.c_int), ("term", ctypes.c_int)]
    (m, k), n = a.shape, b.shape[1]
    c = np.full((m, n), 777, np.float32)
    arguments = a, b, c, np.int32(m), np.int32(n), np.int32(k), Steps(k, 1), Steps(1, n)
    launch = dict(block=(256, 1, 1), grid=(-(-n // 64), -(-m // 64)))
    try:
        counts = mine.matmul_tile.count(*arguments, **launch)
    except Exception:
        mine.matmul_tile(*arguments, **launch)         # says more
        raise
    found = {}
    for count in counts:
        found[count.kind] = [x + y for x, y in zip(found.get(count.kind, (0, 0)), (count.accesses, count.transactions))]
    return found


def sides(random, m, n, k):
    return [random.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n))]


def compare(run, random, m, n, k, turned_a=False, turned_b=False, order=0):
    a, b = sides(random, m, n, k)
    wanted = np.einsum("ip,pj->ij", a.astype(np.float64), b.astype(np.float64))
    got = run(product, a.T.copy() if turned_a else a, b.T.copy() if turned_b else b, m, n, k,
              [1, m] if turned_a else [k, 1], [k, 1] if turned_b else [1, n], order)
    lying = f"{', A lies transposed' * turned_a}{', B lies transposed' * turned_b}"
    close(got, wanted, f"{m} by {k} times {k} by {n}{lying}", rtol=1e-4, atol=1e-4)


@task.check(1, "tiles of 64 by 64, and whole turns of 16 terms",
            hint="One tile first: 64 by 16 times 16 by 64. Which numbers of A and B does a thread load, and which elements of c has it?")
def whole(run, random):
    for m, n, k in [(64, 64, 16), (64, 64, 64), (128, 64, 32), (64, 128, 32)]:
        compare(run, random, m, n, k, order=int(random.integers(5)))


@task.check(1.5, "sizes that are no multiples of anything",
            hint="Three edges stick out: rows beyond m, columns beyond n, terms beyond k. What is loaded there is 0, and what is there is "
                 "not written.")
def ragged(run, random):
    for m, n, k in [(1, 1, 1), (65, 3, 17), (5, 70, 40), (100, 70, 33), (64, 64, 15), tuple(random.integers(1, 90, 3).tolist())]:
        compare(run, random, m, n, k)


@task.check(1, "sides that lie transposed",
            hint="Only the steps know how a and b lie: no k and no n may stand in a place of a or b.")
def turned(run, random):
    for turned_a, turned_b in (True, False), (False, True), (True, True):
        compare(run, random, 30, 75, 20, turned_a, turned_b)


@task.check(2, "k / 32 reads of global memory for an element",
            hint="64 rows of A and 64 columns of B, 16 terms each, are 2048 numbers a turn: each is loaded by one thread of the block, "
                 "into shared memory. "
                 "Sectors: which numbers of b do the threads of a warp load?")
def global_reads(run, random):
    m, n, k = 64 * int(random.integers(1, 3)), 64 * int(random.integers(1, 3)), 16 * int(random.integers(1, 4))
    compare(run, random, m, n, k + 16)                 # two turns at least
    found = run(traffic, *sides(random, m, n, k))
    expect("global atomic" not in found, "what is read by an atomic function is read as well")
    accesses, sectors = found.get("global read", (0, 0))
    expect(0 < accesses <= m * n * k // 32,
           f"{m} by {k} times {k} by {n}: {accesses / (m * n):.4g} global reads an element; {k / 32:.4g} are enough")
    expect(sectors <= m * n * k // 32 * 3 // 16,
           f"{m} by {k} times {k} by {n}: {sectors} sectors for the global reads; {m * n * k // 32 // 8} are about enough")


@task.check(1.5, "k / 2 reads of shared memory for an element",
            hint="In a term a thread needs 4 numbers of A and 4 of B for its 16 products. Does it read each once, into a variable?")
def shared_reads(run, random):
    m, n, k = 64, 64 * int(random.integers(1, 3)), 16 * int(random.integers(1, 4))
    compare(run, random, m, n, k + 16)                 # two turns at least
    found = run(traffic, *sides(random, m, n, k))
    expect("shared atomic" not in found, "what is read by an atomic function is read as well")
    accesses, _ = found.get("shared read", (0, 0))
    expect(accesses > 0, "nothing goes through shared memory")
    expect(accesses <= m * n * k // 2,
           f"{m} by {k} times {k} by {n}: {accesses / (m * n):.4g} shared reads an element; {k / 2:.4g} are enough")
