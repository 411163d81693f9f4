"""How many blocks, and which element (2 points)

What every launch begins with.  Python's integers will do; nothing is launched here.

blocks_for(n, threads=256, most=65536)      how many blocks of `threads` threads cover n elements, one a thread.  The last block may have threads
    without an element, but no block has only such.  Never more than `most`: the threads then go on to further elements (saxpy.cu).

    blocks_for(1000) is 4, blocks_for(1024) is 4, blocks_for(1025) is 5, blocks_for(0) is 0, blocks_for(1025, most=3) is 3

grid_for(rows, columns, block)      the same in two dimensions: a thread for each element of a matrix, threadIdx.x along a row.  block is
    (threads along x, threads along y); the result (blocks along x, blocks along y), in CUDA's order too.

    grid_for(100, 40, (16, 8)) is (3, 13): 40 columns take three blocks of 16, 100 rows thirteen of 8

element_of(block_index, thread_index, block, rows, columns)      the place in memory of a thread's element, where the matrix lies row after row; None
    for a thread that sticks out.  block_index, thread_index and block are pairs, x first.

    element_of((2, 1), (3, 0), (16, 8), 100, 40) is 355: column 2 * 16 + 3 = 35 of row 1 * 8 + 0 = 8, and 8 * 40 + 35 = 355
    element_of((2, 1), (8, 0), (16, 8), 100, 40) is None: there is no column 40

Replaces minitf.kernels.gpu.call.blocks_for.     make grade CH=07
"""


def blocks_for(n, threads=256, most=65536):
    """How many blocks cover n elements."""
    ### BEGIN SOLUTION
    return min((n + threads - 1) // threads, most)
    ### END SOLUTION


def grid_for(rows, columns, block):
    """(blocks along x, blocks along y) that cover a matrix."""
    ### BEGIN SOLUTION
    across, down = block
    return (columns + across - 1) // across, (rows + down - 1) // down
    ### END SOLUTION


def element_of(block_index, thread_index, block, rows, columns):
    """The place of a thread's element in memory, or None."""
    ### BEGIN SOLUTION
    column, row = (b * size + t for b, t, size in zip(block_index, thread_index, block))
    return row * columns + column if row < rows and column < columns else None
    ### END SOLUTION
