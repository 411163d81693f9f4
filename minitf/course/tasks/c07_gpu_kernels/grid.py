import itertools

from minitf.course.task import Task, equal, expect

task = Task(
    "How many blocks, and which element",
    function="blocks_for",
    replaces="minitf.kernels.gpu.call.blocks_for",
    hints=["blocks_for: a division, rounded up. In Python // rounds down; what must be added before, so that a rest of one is a whole "
           "block and a "
           "rest of none is no block?",
           "grid_for: x counts columns, y counts rows. So it is one division of the columns by block[0], and one of the rows by block[1].",
           "element_of: column = block_index[0] * block[0] + thread_index[0], the row likewise with [1]. In memory there are row * "
           "columns elements before "
           "the row begins. Outside is whoever has row >= rows or column >= columns."],
    why="""(n + t - 1) // t stands before every launch, and the two comparisons in every kernel: they belong together, because rounding up
        makes the threads that stick out. x comes first in CUDA and counts along a row, so that the 32 threads of a warp, whose numbers go
        along x, are neighbours in memory. A grid may have 2147483647 blocks along x, and 65535 along y and z (CUDA C++ Programming Guide,
        "Compute Capabilities").""")


def blocks(mine, n, more):
    return mine.blocks_for(n, **more)


def grid(mine, rows, columns, block):
    return list(mine.grid_for(rows, columns, tuple(block)))


def elements(mine, threads, block, rows, columns):
    """What element_of says for each (block_index, thread_index)."""
    return [mine.element_of(tuple(b), tuple(t), tuple(block), rows, columns) for b, t in threads]


def counted(n, threads):
    """Block by block, until all have a thread."""
    found = 0
    while found * threads < n:
        found += 1
    return found


@task.check(0.5, "blocks for some elements",
            hint="What must 1024 and 1025 elements give, with 256 threads a block? And none?")
def line(run, random):
    equal([run(blocks, n, {}) for n in (1000, 1024, 1025, 1, 256, 0)], [4, 4, 5, 1, 1, 0],
          "256 threads, for 1000, 1024, 1025, 1, 256 and 0 elements")
    for _ in range(20):
        n, threads = int(random.integers(1, 5000)), int(random.integers(1, 1025))
        equal(run(blocks, n, {"threads": threads}), counted(n, threads), f"{n} elements, {threads} threads a block")


@task.check(0.5, "no more blocks than `most`",
            hint="most is about blocks, not about elements.")
def limit(run, random):
    for _ in range(10):
        n, threads, most = (int(random.integers(*bounds)) for bounds in ((2000, 9000), (32, 129), (1, 15)))
        equal(run(blocks, n, {"threads": threads, "most": most}), most, f"{n} elements, {threads} threads a block, most {most}")
    equal(run(blocks, 10 ** 9, {}), 65536, "10 ** 9 elements")
    equal(run(blocks, 100, {"threads": 50, "most": 2}), 2, "100 elements, 50 threads a block, most 2")


@task.check(0.5, "blocks for a matrix",
            hint="Which of the two numbers of `block` belongs to the columns? The result has x first as well.")
def matrix(run, random):
    for _ in range(20):
        rows, columns = random.integers(1, 300, 2).tolist()
        block = random.integers(1, 33, 2).tolist()
        equal(run(grid, rows, columns, block), [counted(columns, block[0]), counted(rows, block[1])],
              f"{rows} rows, {columns} columns, block {tuple(block)}")


@task.check(0.5, "the element of a thread, and none for those that stick out",
            hint="Take a small matrix, 2 by 3 with blocks of 2 by 2, and write down what each of the eight threads has.")
def place(run, random):
    for _ in range(4):
        rows, columns = random.integers(1, 20, 2).tolist()
        block = random.integers(1, 9, 2).tolist()
        indices = itertools.product(range(counted(rows, block[1])), range(counted(columns, block[0])), range(block[1]), range(block[0]))
        threads = [[(bx, by), (tx, ty)] for by, bx, ty, tx in indices]
        got = run(elements, threads, block, rows, columns)
        what = f"{rows} rows, {columns} columns, block {tuple(block)}"
        expect(sorted(g for g in got if g is not None) == list(range(rows * columns)), f"{what}: not every element has one thread")
        for (b, t), g in zip(threads, got):
            column, row = b[0] * block[0] + t[0], b[1] * block[1] + t[1]
            wanted = None if row >= rows or column >= columns else sum(columns for _ in range(row)) + column
            equal(g, wanted, f"{what}, thread {t} of block {b}")
