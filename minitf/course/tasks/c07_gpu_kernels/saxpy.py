import numpy as np

from minitf.course.task import Task, close, expect

task = Task(
    "A step along a vector, by a grid of any size",
    function="saxpy",
    replaces="cuda gradient_descent.cu gradient_descent_f32",
    suffix=".cu",
    hints=["How many threads does the whole grid have? gridDim.x blocks of blockDim.x each. The thread whose number is t begins with "
           "element t.",
           "A loop: i begins at the thread's number in the grid, ends when i reaches n, and grows by the number of all threads in each "
           "turn. "
           "The guard is the loop's condition.",
           "for (int i = the first; i < n; i += all threads) y[i] = ...; and a is an address, as y and x are: its one number is a[0]."],
    why="""A loop by the size of the grid (M. Harris, CUDA Pro Tip: Write Flexible Kernels with Grid-Stride Loops, 2013) makes a kernel
        right for every launch, also for a single thread, which is a good way to look for a mistake. In each turn a warp meets 32
        neighbours: 4 sectors of 32 bytes for each array. If every thread had a stretch of its own, as a core of a CPU would want it, each
        lane would be in a sector of its own, eight times as many. The package launches its update with a thread for four elements; its own
        loop moves four at a time (float4).""")


def stepped(mine, y, a, x, threads, blocks, order):
    """y after the launch."""
    y = y.copy()
    mine.saxpy(y, np.array([a], np.float32), x, np.int32(len(y)), block=(threads, 1, 1), grid=(blocks, 1), order=order)
    return y


def traffic(mine, y, a, x, threads, blocks):
    """{kind: [accesses, sectors]} of global memory, for arrays that begin at a multiple of 32 bytes."""
    def aligned(given):
        room = np.empty(len(given) + 8, np.float32)
        skip = -room.ctypes.data % 32 // 4
        room[skip:skip + len(given)] = given
        return room[skip:skip + len(given)]
    found = {}
    arguments = aligned(y), np.array([a], np.float32), aligned(x), np.int32(len(y))
    launch = dict(block=(threads, 1, 1), grid=(blocks, 1))
    try:
        counts = mine.saxpy.count(*arguments, **launch)
    except Exception:
        mine.saxpy(*arguments, **launch)                 # says more
        raise
    for c in counts:
        total = found.setdefault(c.kind, [0, 0])
        total[0] += c.accesses
        total[1] += c.transactions
    return found


def shared_out(run, random, n, threads, blocks):
    """More than one thread of a warp has something to do: else each of them takes a sector for one number."""
    accesses, sectors = run(traffic, *step(random, n), threads, blocks).get("global write", (0, 0))
    expect(sectors < accesses, f"{n} elements, {blocks} blocks of {threads} threads: {accesses} global writes in {sectors} sectors; "
                               "all threads should work, and neighbours on neighbours")


def numbers(random, n):
    return random.standard_normal(n).astype(np.float32)


def step(random, n):
    return numbers(random, n), float(np.float32(random.uniform(0.1, 2))), numbers(random, n)


def compare(run, random, n, threads, blocks, order=0):
    y, x, a = numbers(random, n), numbers(random, n), np.float32(random.uniform(0.1, 2))
    wanted = y.astype(np.float64) - np.float64(a) * x
    close(run(stepped, y, float(a), x, threads, blocks, order), wanted, f"{n} elements, {blocks} blocks of {threads} threads",
          rtol=1e-5, atol=1e-6)


@task.check(1, "a thread for each element",
            hint="The thread's number in the grid is that of its element: blockIdx.x * blockDim.x + threadIdx.x.")
def each(run, random):
    for threads, blocks in [(32, 1), (256, 3), (48, 5), (1, 1)]:
        compare(run, random, threads * blocks, threads, blocks, order=int(random.integers(5)))
    shared_out(run, random, 512, 256, 2)


@task.check(0.5, "more threads than elements",
            hint="A thread whose first number is n or more has nothing to do.")
def few(run, random):
    for n, threads, blocks in [(1, 64, 2), (100, 64, 2), (250, 128, 4), (0, 32, 1)]:
        compare(run, random, n, threads, blocks)


@task.check(1, "fewer threads than elements",
            hint="By how much does i grow from turn to turn? The elements between two of a thread's belong to the other threads of the "
                 "whole grid, each once.")
def many(run, random):
    for threads, blocks in [(64, 2), (32, 1), (40, 3), (1, 1), (256, 2)]:
        n = int(random.integers(3, 6)) * threads * blocks + int(random.integers(threads * blocks))
        compare(run, random, n, threads, blocks, order=int(random.integers(5)))
    shared_out(run, random, 384, 64, 2)


@task.check(0.5, "neighbouring threads have neighbouring elements",
            hint="Which elements does a warp meet in its first turn? If a thread had a stretch of its own, they would lie a stretch apart.")
def coalesced(run, random):
    turns, blocks = int(random.integers(3, 6)), 2
    n = turns * blocks * 128
    compare(run, random, n, 128, blocks)
    found = run(traffic, *step(random, n), 128, blocks)
    warps = n // 32
    for kind, sectors in ("global read", 4 * 2 + 1), ("global write", 4):
        accesses, got = found.get(kind, (0, 0))
        expect(accesses >= n, f"{n} elements, by {blocks} blocks of 128 threads: {accesses} times a {kind}")
        expect(got <= sectors * warps,
               f"{n} elements, by {blocks} blocks of 128 threads: {got} sectors for the {kind}s; {sectors * warps} are enough")
