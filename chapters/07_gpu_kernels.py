# %% [markdown]
# # Chapter 07: GPU kernels
#
# Kernels in CUDA C: what thousands of threads do at the same time, what they read, and how they become ops of the framework.
#
# **The question.** The product of two matrices of 512 rows and columns takes 134 million multiplications. A CPU core makes a few billion of
# them a second, a GPU some trillions: it has thousands of units that multiply. But all of them read from one memory, and that one can not
# keep up. How does one write down what ten thousand threads are to do, so that they do not wait for their numbers?
#
# | | |
# |---|---|
# | before this | chapters 01 and 02: kernels, the graph and its session. Of chapter 06, what an LSTM cell is. Of C only what is said here |
# | time | 75 minutes of reading, 4 hours of exercises |
# | short route | leave out 6, 7 and 10, but run their cells: 55 minutes; exercises `grid`, `saxpy`, `row_max` |
# | stuck | `make hint TASK=07/saxpy` gives one hint after the other; after a pass, `make diff TASK=07/saxpy` shows our solution |
#
# **No GPU is needed.** The kernels are CUDA C, which NVIDIA's compiler `nvcc` takes as it is. Here the computer's C++ compiler takes it,
# with a header that plays the GPU: minitf's *emulator*. Every count in this chapter comes from the emulator. It can not tell how fast a
# kernel is on a GPU, and so neither do we. It tells something else, and exactly: how often memory is accessed, and what a GPU would not
# report at all. Where a speed of a real GPU is named, its source is too.

# %% [markdown]
# ## 1. Ten thousand threads
#
# A *thread* is one run of a function, with numbers that tell it which one it is. For the product of two matrices of 100 rows and columns
# let each thread make one element of the result. These are ten thousand threads, and nobody starts them one by one: they come in *blocks*,
# here of 16 by 16, and the blocks in a *grid*.

# %%
import os
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt

os.environ["MINITF_GPU"] = "emulate"            # before a session asks for a GPU; without this line a real one is taken where there is one

import minitf as tf
from built.graph import Graph, Session, needed
from built.training import SGD
from minitf.course.pictures import lanes, show_source
from minitf.kernels.gpu.emulator.source_module import LaunchError, count_table

# %% tags=["built"]
import functools

import numpy as np

from built import graph as graphs
from minitf.kernels.gpu.emulator.source_module import SourceModule

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
grid, block, thread = axes
for row, column in np.ndindex(7, 7):
    colour = "tab:orange" if (row, column) == (2, 3) else "#dfe8f3"
    grid.add_patch(plt.Rectangle((16 * column, 16 * row), 16, 16, facecolor=colour, edgecolor="white", linewidth=2))
grid.add_patch(plt.Rectangle((0, 0), 100, 100, fill=False, edgecolor="black"))
grid.text(103, 50, "no element here", rotation=90, va="center", fontsize=9)
for k in range(256):
    block.add_patch(plt.Rectangle((k % 16, k // 16), 0.9, 0.9, facecolor=plt.cm.tab10(k // 32)))
for warp in range(8):
    block.text(16.3, 2 * warp + 1.2, f"warp {warp}", fontsize=9)
for x, y, w, h, colour in ((0, 12, 10, 10, "#dfe8f3"), (12, 0, 10, 10, "#dfe8f3"), (12, 12, 10, 10, "#dfe8f3"),
                           (0, 15, 10, 1, "tab:blue"), (17, 0, 1, 10, "tab:blue"), (17, 15, 1, 1, "tab:orange")):
    thread.add_patch(plt.Rectangle((x, y), w, h, facecolor=colour))
for x, y, name in (0.5, 13.5, "A"), (12.5, 1.5, "B"), (12.5, 13.5, "C"):
    thread.text(x, y, name, fontsize=12)
for ax, size, title in ((grid, 112, "the grid: 7 x 7 blocks, 100 x 100 elements"), (block, 18.5, "a block: 256 threads, 8 warps"),
                        (thread, 22, "a thread: a row times a column")):
    _ = ax.set(xlim=(-0.02 * size, 1.04 * size), ylim=(1.04 * size, -0.02 * size), aspect="equal")
    ax.set_title(title, fontsize=11)
    ax.axis("off")
plt.show()

# %% [markdown]
# From left to right, each a part of the one before.
#
# * **The grid.** 100 is not a multiple of 16, so seven blocks stand in a row, and those at the edge stick out. There are 7 · 7 · 256 =
#   12,544 threads, of which 2,544 have no element and must notice.
# * **A block** runs on one of the GPU's processors (there are about a hundred of them), and stays there to its end. Its threads can wait
#   for each other, and share a small fast memory. Between blocks there is neither.
# * **A warp** is 32 threads of a block, one after the other in number, here two lines of it. All of them do the same instruction at the
#   same time.
# * **A thread** knows its place in the block and the block's place in the grid. The rest is an ordinary function.

# %% [markdown]
# ## 2. Add two vectors
#
# In Python, what a grid does would be two loops. The body of the inner one is the function that a thread runs. For ten elements, with
# blocks of four:

# %%
def add_thread(block, thread, x, y, z):
    i = block * 4 + thread
    if i < len(z):
        z[i] = x[i] + y[i]

tens, ones, sums = np.arange(0, 100, 10), np.ones(10, int), np.zeros(10, int)
for block in range(3):
    for thread in range(4):
        add_thread(block, thread, tens, ones, sums)
print(sums)

# %% [markdown]
# Three blocks, twelve threads. Threads 2 and 3 of block 2 would have the elements 10 and 11, which are not there: hence the `if`, which is
# called the *guard*. The loops in Python have an order. On a GPU there is none: all orders must give the same result.
#
# Now in CUDA C. `__global__` marks a function that is started as a grid, a *kernel*. `float *x` is the place of the vector's first number
# in memory, and `x[i]` the number i places on; nobody checks i. (`const`: it is only read.) Three names need no declaration: `threadIdx.x`,
# `blockIdx.x` and `blockDim.x`, the thread's number in its block, the block's in the grid, and the block's size. (There are `.y` and `.z`
# too.)

# %%
ADD = """
__global__ void add(const float *x, const float *y, float *z, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) z[i] = x[i] + y[i];
}

__global__ void add_unguarded(const float *x, const float *y, float *z, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    z[i] = x[i] + y[i];
}
"""
module = SourceModule(ADD, check=True)
add = module.get_function("add")

# %% [markdown]
# (The second kernel, which has no guard, is for later.) `SourceModule` has the shape of the class of that name in PyCUDA, which is how
# Python programs reach a real GPU. It compiles the text, here for the emulator, and `get_function` gives a kernel. A call is a *launch*:
# the arguments, the block and the grid. Numbers have to be given with their C type, `np.int32` for `int`. For 1000 elements in blocks of
# 256 one needs $1000 / 256 = 3.9$, rounded up: 4 blocks.

# %%
x, y, z = np.arange(1000, dtype=np.float32), np.full(1000, 0.5, np.float32), np.zeros(1000, np.float32)
n = np.int32(1000)
add(x, y, z, n, block=(256, 1, 1), grid=(4, 1))
assert np.array_equal(z, x + y)
print("z begins with", z[:3], "and ends with", z[-1], "; thread 3 of block 2 made element", 2 * 256 + 3)

# %% [markdown]
# What is in the memory behind a pointer, nobody knows but the kernel. A GPU would take an array of float64 for floats, and find nonsense.
# So `SourceModule` compares:

# %%
try:
    add(x.astype(np.float64), y, z, n, block=(256, 1, 1), grid=(4, 1))
    raise AssertionError("it took float64 for float")
except TypeError as error:
    print(error)

# %% [markdown]
# The emulator runs one thread after the other. `order` says in which order: 0 forwards, 1 backwards, from 2 on shuffled, each number
# differently. A kernel that needs an order is wrong, and this is a cheap way to notice.

# %%
for order in range(5):
    z[:] = 0
    add(x, y, z, n, block=(256, 1, 1), grid=(4, 1), order=order)
    assert np.array_equal(z, x + y)
print("the same sums in five orders")

# %% [markdown]
# And without the guard? 1024 threads for 1000 elements. `check=True` has each access looked at before it happens.

# %%
def report(function, *arguments, lines=9, **launch):
    """What the checker says of a launch: the first lines; it must have something to say."""
    try:
        function(*arguments, **launch)
    except LaunchError as error:
        print(*[textwrap.fill(line, 130, subsequent_indent="    ") for line in str(error).splitlines()[:lines]], sep="\n")
        return
    raise AssertionError("the checker found nothing")

add_unguarded = module.get_function("add_unguarded")
report(add_unguarded, x, y, z, n, block=(256, 1, 1), grid=(4, 1))

# %% [markdown]
# Line 9 of the text, thread 232 of block 3: $3 \cdot 256 + 232 = 1000$, the first one too many. The checker stops a kernel there. Who runs
# it without the checker gets no message. Let the three vectors be parts of longer arrays, with sevens behind them:

# %%
unchecked = SourceModule(ADD).get_function("add_unguarded")
longer = [np.full(1024, 7, np.float32) for _ in range(3)]
unchecked(*[a[:1000] for a in longer], n, block=(256, 1, 1), grid=(4, 1))
print("behind z:", longer[2][1000:1004], "and so on, 24 numbers")

# %% [markdown]
# Somebody else's sevens are fourteens now, and there is no error. So it is on a GPU: memory lies beside memory, and an access a little too
# far hits the neighbour. (NVIDIA's `compute-sanitizer` finds such accesses on a real GPU, as the checker does here.) From here on the
# checker looks at everything we launch.

# %% [markdown]
# ## 3. What a warp reads at once
#
# The 32 threads of a warp execute a read together, so there are 32 addresses at once. The memory does not serve single numbers: it moves
# *sectors* of 32 bytes, that is, eight floats that lie side by side. What a read costs is the number of different sectors that the warp's
# addresses lie in. If neighbours read neighbours, 32 floats are $32 \cdot 4 / 32 = 4$ sectors, and the read is called *coalesced*.
#
# To see it, a kernel that reads wherever it is told:

# %%
FETCH = """
__global__ void fetch(const float *x, const int *places, float *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int place = places[i];
    y[i] = x[place];
}
"""
fetch = SourceModule(FETCH, check=True).get_function("fetch")
each = np.arange(32, dtype=np.int32)
places = {"neighbours": each, "every second": 2 * each, "every eighth": 8 * each, "every 33rd": 33 * each,
          "one further": each + 1, "turned round": each[::-1].copy(), "shuffled": np.random.default_rng(0).permutation(each),
          "all the same": np.full(32, 5, np.int32)}

def sectors(places):
    """How many sectors one warp touches that reads x at these places."""
    counts = fetch.count(np.zeros(1056, np.float32), places, np.zeros(32, np.float32), block=(32, 1, 1))
    return next(c.transactions for c in counts if "x[place]" in c.source)

for name, where in places.items():
    print(f"{name:13} {sectors(where):2}")

# %% [markdown]
# `count` makes the launch on copies and gives, for each line that touches memory, the numbers of its accesses. A *transaction* of global
# memory is a sector. (A GPU has caches too, which spare some of the transactions. They are not in the count.)
#
# Every second number takes 8 sectors, of which one half is thrown away. With every eighth, each thread has a sector of its own: 32, and
# seven eighths are thrown away. Further apart it gets no worse. One place further is one sector more, since the warp then begins inside of
# one. The order within the warp does not matter, and when all want the same number, it is one sector. The memory's first 64 numbers in a
# picture, in sectors of eight:

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(9, 2.4), layout="constrained")
for line, name in enumerate(names := ["neighbours", "one further", "every second", "every eighth"]):
    wanted = set(places[name].tolist())
    for k in range(64):
        moved = any(k // 8 == w // 8 for w in wanted)
        colour = "tab:orange" if k in wanted else "#f6d9b8" if moved else "0.93"
        ax.add_patch(plt.Rectangle((k + k // 8 * 0.5, line), 0.9, 0.8, facecolor=colour))
_ = ax.set(xlim=(0, 68), ylim=(4, -0.1), yticks=[0.4, 1.4, 2.4, 3.4], yticklabels=names, xticks=[],
           title="orange: wanted; pale: moved, and thrown away")
for side in ax.spines.values():
    side.set_visible(False)
plt.show()

# %% [markdown]
# ## 4. A quarter turn
#
# A picture of 64 by 64 pixels is to be turned by a quarter. The pixel in row r and column c goes to row c and column $63 - r$. Each thread
# moves one pixel: blocks of 32 by 32 threads, four of them. The thread's number in its block is `threadIdx.y * 32 + threadIdx.x`, so a warp
# is one row of the block, and reads 32 neighbours. (Sides are multiples of 32 here, so no guard.)

# %%
TURN = """
__global__ void turn(const float *from, float *to, int side) {
    int r = blockIdx.y * 32 + threadIdx.y, c = blockIdx.x * 32 + threadIdx.x;
    float pixel = from[r * side + c];
    to[c * side + side - 1 - r] = pixel;
}
"""
from minitf.datasets import mnist

digits = mnist(one_hot=True)
four = np.pad(digits.test.images[:4].reshape(4, 28, 28), ((0, 0), (2, 2), (2, 2)))
picture = np.ascontiguousarray(np.block([[four[0], four[1]], [four[2], four[3]]]))
turned, side, tiles = np.zeros_like(picture), np.int32(64), {"block": (32, 32, 1), "grid": (2, 2)}
turn = SourceModule(TURN, check=True).get_function("turn")
turn(picture, turned, side, **tiles)
assert np.array_equal(turned, np.rot90(picture, -1))
print(count_table(turn.count(picture, turned, side, **tiles)))

# %% [markdown]
# A line for each kind of access: how many a thread makes, the transactions of all, and how few would do at best. There are 4096 pixels, or
# 128 warps. The read took $128 \cdot 4 = 512$ sectors, which is ideal. The write took 4096: neighbours in a warp have the same r and c's
# that follow one another, so what they write is 64 numbers apart. Each thread has a sector for itself, eight times what is needed. If the
# threads were numbered the other way round, the write would be good and the read bad. One of the two goes across, whatever we do.
#
# Unless something lies in between. Each processor of a GPU has a *shared memory*, some ten thousand floats, that all threads of a block can
# read and write, and that does not care for neighbours. So a block carries its tile there, row by row. Then it reads the tile by columns,
# and writes rows of the result.

# %%
TILED = """
__global__ void turn(const float *from, float *to, int side) {
    __shared__ float tile[32][WIDTH];
    int x = threadIdx.x, y = threadIdx.y;
    tile[y][x] = from[(blockIdx.y * 32 + y) * side + blockIdx.x * 32 + x];
    __syncthreads();
    int c = blockIdx.x * 32 + y, last = side - 1 - blockIdx.y * 32;
    to[c * side + last - x] = tile[x][y];
}
"""
def turned_by(width):
    """The kernel with rows of that many numbers in its tile, after a look whether it is right."""
    function = SourceModule(TILED, check=True, options=[f"-DWIDTH={width}"]).get_function("turn")
    result = np.zeros_like(picture)
    function(picture, result, side, **tiles)
    assert np.array_equal(result, np.rot90(picture, -1))
    return function

print(count_table(turned_by(32).count(picture, turned, side, **tiles)))

# %% [markdown]
# `__shared__` makes an array of the block's. (WIDTH is put in by the compiler's flag: 32.) `__syncthreads()` is a *barrier*: no thread goes
# on before all threads of the block have come there. Without it a thread would read a place of the tile that its neighbour has not written
# yet.
#
# Both global lines are ideal now, 512 sectors each. (The warp writes its 32 neighbours from right to left, which is all the same.) But look
# at the shared read: 4096 again, where 128 are ideal. What is counted here are turns. Shared memory is made of 32 *banks*: the number at
# place p is in bank $p \bmod 32$, and each bank serves one number at a time. If a warp wants 32 numbers from 32 banks, that is one turn.
# Here it wants a column, whose places are 32 apart: all in one bank, 32 turns. This is called a *bank conflict*.
#
# The cure is one column that nobody uses.

# %%
for width in 32, 33:
    print(f"rows of {width}: the banks of column 5 are", [(width * row + 5) % 32 for row in range(8)], "...")
print(count_table([c for c in turned_by(33).count(picture, turned, side, **tiles) if "shared" in c.kind]))

# %% [markdown]
# Rows of 33 numbers: from one row to the next the column moves on by one bank, and 32 rows are in 32 banks. One turn for each of the 128
# warps, both when writing and reading. The price is 128 bytes.

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 4, figsize=(10, 2.7), layout="constrained")
axes[0].imshow(picture, cmap="gray_r"), axes[1].imshow(turned, cmap="gray_r")
for ax, width in zip(axes[2:], (32, 33)):
    ax.imshow((np.arange(32)[:, np.newaxis] * width + np.arange(32)) % 32, cmap="twilight")
    ax.add_patch(plt.Rectangle((4.5, -0.5), 1, 32, fill=False, edgecolor="tab:red", linewidth=2))
for ax, title in zip(axes, ("the picture", "turned", "banks, rows of 32", "banks, rows of 33")):
    _ = ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# On the right the tile, a colour for each bank, and the column that a warp reads: one colour, or all of them.
#
# ## 5. A sum
#
# The sum of 1000 numbers. What is wrong with the plainest attempt, in which each thread adds its number to the total?

# %%
SUM = """
__global__ void sum_hasty(const float *x, float *total, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) *total += x[i];
}

__global__ void sum_atomic(const float *x, float *total, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(total, x[i]);
}
"""
sums = SourceModule(SUM, check=True)
thousand, total = np.ones(1000, np.float32), np.zeros(1, np.float32)
report(sums.get_function("sum_hasty"), thousand, total, n, block=(256, 1, 1), grid=(4, 1), lines=3)
print("total:", total[0])

# %% [markdown]
# The total is right, and the kernel is wrong. `*total += x[i]` is three things: read the total, add, write it. The emulator runs thread
# after thread, and so it happens to go well. On a GPU the 32 threads of a warp read the same old total, add 1 to it, and write 1 more than
# it: of 32 additions one is left. Two accesses to one place, of different threads, at least one a write, with nothing that says which comes
# first: that is a *race*. The checker does not go by the result. It goes by this rule, so it finds a race whose result was right.
#
# The first cure: `atomicAdd` reads, adds and writes in one piece.

# %%
total[0] = 0
sums.get_function("sum_atomic")(thousand, total, n, block=(256, 1, 1), grid=(4, 1))
print("total:", total[0])

# %% [markdown]
# Right, in any order, and no race. But a thousand threads queue for one number, and it is the queue that takes the time. Also, sums of
# floats depend on their order in the last digit, and here the order is chance. So rather a *tree*. Each block puts its 256 numbers into
# shared memory. Half of the threads add what the other half has; then half of these; after eight rounds one number is left. With eight
# numbers, three rounds:

# %%
part = np.array([3, 1, 7, 0, 4, 1, 6, 3])
half = 4
while half:
    part[:half] += part[half:2 * half]
    print(f"half = {half}:", part[:half])
    half //= 2

# %% [markdown]
# In CUDA C, for blocks of 256. (`a ? b : c` is b if a holds, else c: threads behind the end put in zeros.) First without the two barriers:

# %% tags=["nbval-ignore-output"]
TREE = """
__global__ void sum_tree(const float *x, float *sums, int n) {
    __shared__ float part[256];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    part[t] = i < n ? x[i] : 0;
    __syncthreads();
    for (int half = 128; half > 0; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    if (t == 0) sums[blockIdx.x] = part[0];
}
"""
HASTY = TREE.replace("__syncthreads();", "")
hasty, found = SourceModule(HASTY).get_function("sum_tree"), np.zeros((2, 4), np.float32)
for order in range(2):
    hasty(thousand, found[order], n, block=(256, 1, 1), grid=(4, 1), order=order)
    print(f"order {order}:", found[order])
assert (found != [256, 256, 256, 232]).any()

# %% [markdown]
# The sums should be 256, 256, 256 and 232. Forwards they are far off: thread 0 does all of its rounds before the others have put anything
# there. Backwards they are right. (With another compiler it may be otherwise: nothing is promised.) Whoever tries one order, on one GPU,
# may never see it. The checker's word for it, in the backward order:

# %%
of_blocks = np.zeros(4, np.float32)
report(SourceModule(HASTY, check=True).get_function("sum_tree"), thousand, of_blocks, n, block=(256, 1, 1), grid=(4, 1), order=1, lines=4)

# %% [markdown]
# It names the two lines, and what is usually missing. With the barriers there is no order in which it goes wrong:

# %%
tree = SourceModule(TREE, check=True).get_function("sum_tree")
for order in range(5):
    tree(thousand, of_blocks, n, block=(256, 1, 1), grid=(4, 1), order=order)
    assert of_blocks.tolist() == [256, 256, 256, 232]
print("block by block:", of_blocks)

# %% [markdown]
# Four sums, one for each block. How are they added? Blocks can not wait for one another. What orders them is the end of a launch: the next
# one sees all that it has done. So launch the kernel again, with one block, on the four sums. With up to $256 \cdot 256 = 65{,}536$ numbers
# two launches are enough, with three it is 16 million.

# %%
def sum_of(kernel, x):
    """The sum of a vector, launch by launch."""
    while x.size > 1:
        sums = np.zeros(-(-x.size // 256), np.float32)
        kernel(x, sums, np.int32(x.size), block=(256, 1, 1), grid=(sums.size, 1))
        x = sums
    return float(x[0])

numbers = np.random.default_rng(0).random(5000, dtype=np.float32)
print(round(sum_of(tree, numbers), 2), round(float(numbers.sum(dtype=np.float64)), 2))

# %% [markdown]
# ### Shuffles
#
# Within a warp there is no need of shared memory. All 32 threads execute the same instruction at the same time, and there is an instruction
# with which each hands over a number from its register: `__shfl_down_sync(mask, value, d)` gives a thread the `value` of the one that is d
# places further on in the warp. (The mask says who takes part: all 32 bits set, `0xffffffff`, is everybody. Since 2017 the threads of a
# warp may be at different places for a while; `_sync` brings them together first.) With distances 16, 8, 4, 2, 1 the first thread has the
# sum of all.
#
# So: first each warp for itself. Eight warps leave eight numbers in shared memory, then one barrier, and thread 0 adds them.

# %%
WARPS = """
__global__ void sum_warps(const float *x, float *sums, int n) {
    __shared__ float of_warp[8];
    int t = threadIdx.x, i = blockIdx.x * 256 + t;
    float mine = i < n ? x[i] : 0;
    for (int d = 16; d > 0; d /= 2) mine += __shfl_down_sync(0xffffffff, mine, d);
    if (t % 32 == 0) of_warp[t / 32] = mine;
    __syncthreads();
    if (t == 0) {
        for (int w = 1; w < 8; w++) mine += of_warp[w];
        sums[blockIdx.x] = mine;
    }
}
"""
warps = SourceModule(WARPS, check=True).get_function("sum_warps")
assert abs(sum_of(warps, numbers) - numbers.sum(dtype=np.float64)) < 0.01
for kernel in tree, warps:
    counts = kernel.count(thousand, of_blocks, n, block=(256, 1, 1), grid=(4, 1))
    print(f"{kernel.name:10} {sum(c.per_thread for c in counts if 'shared' in c.kind):.2f} accesses of shared memory a thread")

# %% [markdown]
# From four accesses to six hundredths, and from nine barriers to one. The package's kernels do it so; section 12 shows them.
#
# ## 6. A barrier inside an if
#
# In the tree fewer and fewer threads have something to add. Should the barrier not be inside the `if`, so that only those wait that work?

# %%
STUCK = """
__global__ void stuck(float *part) {
    int t = threadIdx.x;
    for (int half = 128; half > 0; half /= 2)
        if (t < half) {
            part[t] += part[t + half];
            __syncthreads();
        }
}

__global__ void meet(float *part) {
    if (threadIdx.x < 128) {
        part[threadIdx.x] += 1;
        __syncthreads();
    } else __syncthreads();
}
"""
stuck = SourceModule(STUCK, check=True)
report(stuck.get_function("stuck"), np.ones(256, np.float32), block=(256, 1, 1))

# %% [markdown]
# A barrier is for all threads of the block. Those that have left the loop never come. What a GPU does then is not defined: CUDA's manual
# says that the code may hang or have side effects nobody meant (CUDA C++ Programming Guide, "Synchronization Functions"). And two barriers
# at two lines are not one:

# %%
report(stuck.get_function("meet"), np.ones(256, np.float32), block=(256, 1, 1))

# %% [markdown]
# The rule is short: everybody comes to every barrier; the `if` is around the work, not around the barrier. `sum_tree` keeps it.
#
# What happens at an `if` inside a warp, where some threads go one way and some the other? A warp does one instruction at a time. So it goes
# both ways, one after the other, and the threads that do not belong to the way look on. This is *divergence*. It is not wrong, but it costs
# both ways:

# %%
def ways(condition, threads=256):
    """How many ways the warps of a block go at an if, added up."""
    taken = np.array([condition(t) for t in range(threads)]).reshape(-1, 32)
    return sum(int(warp.any()) + int(not warp.all()) for warp in taken)

print("if (t % 2):    ", ways(lambda t: bool(t % 2)), "ways of 8 warps")
print("if (t < 128):  ", ways(lambda t: t < 128), "ways of 8 warps")
print("if (t < 16):   ", ways(lambda t: t < 16), "ways of 8 warps")

# %% [markdown]
# With odd and even threads every warp goes both ways. When the border lies between warps, none does. That is the second reason to halve the
# tree as we did: the threads that are done with are whole warps, down to the last five rounds. (The first: its reads are neighbours.)
#
# ## 7. Rows
#
# Many ops work on each row of a matrix: softmax, norms, means. Let each row become its shares: every number divided by the sum of its row.
# The rows of a classifier have 10 to 1000 numbers. A block for a row of 10 leaves most threads idle, and a thread for a row reads down a
# column: its neighbours are a row's length apart, see section 3. So a **warp for a row**: its lanes take neighbours, and go on 32 places
# further until the row is done. The sum is made by shuffles, this time with `__shfl_xor_sync`: at each distance two lanes swap, and both
# add. So all lanes end with the sum, and each needs it. (For rows of 10 a warp idles as well. The package takes fewer lanes then.)

# %%
SHARES = """
extern "C" __global__ void shares(const float *x, float *y, int rows, int n) {
    int lane = threadIdx.x % 32, row = blockIdx.x * 8 + threadIdx.x / 32;
    if (row >= rows) return;
    float sum = 0;
    for (int i = lane; i < n; i += 32) sum += x[row * n + i];
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffff, sum, d);
    for (int i = lane; i < n; i += 32) y[row * n + i] = x[row * n + i] / sum;
}
"""
shares = SourceModule(SHARES, check=True).get_function("shares")

def shares_of(x):
    y = np.zeros_like(x)
    shares(x, y, np.int32(len(x)), np.int32(x.shape[1]), block=(256, 1, 1), grid=(-(-len(x) // 8), 1))
    return y

print(shares_of(np.array([[1, 2, 1], [5, 0, 5]], np.float32)))
for rows, columns in (1, 1), (8, 32), (9, 33), (20, 100):
    given = np.random.default_rng(rows).random((rows, columns), dtype=np.float32) + 0.1
    assert np.allclose(shares_of(given), given / given.sum(1, keepdims=True), rtol=1e-5)

# %% [markdown]
# The `return` is allowed, since a whole warp leaves, and no barrier comes behind it; shuffles concern one warp only. (`extern "C"` keeps
# the kernel's name as it is: section 9 needs it.) Softmax is this with $e^x$ for x. But $e^{100}$ does not fit into a float, so the largest
# number of the row must be found and taken off first. That is left for an exercise.

# %% [markdown]
# ## 8. A product, step by step
#
# Now the ten thousand threads. The first step is the one that the picture shows: a thread takes a row of A and a column of B. For the
# counts, matrices of 64 rows and columns.

# %%
NAIVE = """
__global__ void product(const float *a, const float *b, float *c, int n, int k) {
    int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
    float sum = 0;
    for (int p = 0; p < k; p++) sum += a[row * k + p] * b[p * n + column];
    c[row * n + column] = sum;
}
"""
random = np.random.default_rng(1)
a, b, c = random.random((64, 64), dtype=np.float32), random.random((64, 64), dtype=np.float32), np.zeros((64, 64), np.float32)
sizes, squares = (np.int32(64), np.int32(64)), {"block": (16, 16, 1), "grid": (4, 4)}

def reads_of(source, **options):
    """Global reads a thread, once the product is found to be right."""
    kernel = SourceModule(source, check=True, **options).get_function("product")
    kernel(a, b, c, *sizes, **squares)
    assert np.allclose(c, a @ b, rtol=1e-5)
    return sum(r.per_thread for r in kernel.count(a, b, c, *sizes, **squares) if r.kind == "global read")

print("global reads a thread:", reads_of(NAIVE))

# %% [markdown]
# Two reads for each of the 64 terms. Coalesced or not, that is a lot: all threads together read 524,288 numbers, and the two matrices have
# 8192. Each number of A is read 64 times, by 64 threads, and so is each of B.
#
# The 256 threads of a block need only 16 rows of A and 16 columns of B, and each number of these serves 16 of them. So they fetch them
# once, together: a square of 16 by 16 of each, every thread one number of both. Then a barrier, and everybody takes 16 terms from shared
# memory. Then the next two squares. With matrices of four squares:

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 4, figsize=(10, 2.7), layout="constrained")
for turn, ax in enumerate(axes):
    for left, top, name in (0, 5, "A"), (5, 0, "B"), (5, 5, "C"):
        for down, across in np.ndindex(4, 4):
            chosen = {"A": down == 1 and across == turn, "B": across == 2 and down == turn, "C": (down, across) == (1, 2)}[name]
            colour = "#dfe8f3" if not chosen else "tab:orange" if name == "C" else "tab:blue"
            ax.add_patch(plt.Rectangle((left + across, top + down), 1, 1, facecolor=colour, edgecolor="white"))
        ax.text(left + 0.1, top + 0.8, name)
    _ = ax.set(xlim=(-1, 10), ylim=(9, 0), aspect="equal", title=f"turn {turn + 1}")
    ax.axis("off")
plt.show()

# %% [markdown]
# The orange block makes its 256 elements in four turns. In each it fetches the two blue squares, and adds what they give. The kernel:

# %% tags=["built"]
PRODUCT = """
__global__ void product(const float *a, const float *b, float *c, int n, int k) {
    __shared__ float of_a[16][16], of_b[16][16];
    int across = threadIdx.x, down = threadIdx.y;
    int row = blockIdx.y * 16 + down, column = blockIdx.x * 16 + across;
    float sum = 0;
    for (int p = 0; p < k; p += 16) {
        of_a[down][across] = a[row * k + p + across];
        of_b[down][across] = b[(p + down) * n + column];
        __syncthreads();
        for (int q = 0; q < 16; q++) sum += of_a[down][q] * of_b[q][across];
        __syncthreads();
    }
    c[row * n + column] = sum;
}
"""

# %%
print("global reads a thread:", reads_of(PRODUCT))

# %% [markdown]
# Eight in place of 128: a sixteenth, as each number that is fetched is used 16 times. In shared memory there are no conflicts: a warp is
# two lines of the block, so it reads two numbers of `of_a`, each for 16 threads, and 16 neighbours of `of_b`. (Sizes are multiples of 16
# here, so that no square sticks out. The exercise takes any.)
#
# Two barriers a turn. The first is plain: nobody reads before all have written. What is the second for? Leave it out:

# %%
begin, _, end = PRODUCT.rpartition("__syncthreads();")
impatient = SourceModule(begin + end, check=True).get_function("product")
report(impatient, a, b, c, *sizes, **squares, lines=4)

# %% [markdown]
# A fast thread goes round and writes the next square, while a slow one still reads the old one. In a loop the end of one turn borders on
# the begin of the next.
#
# ### The ladder
#
# The package has these two steps as well, and two more: tiles of 32, and one in which each thread makes 4 by 4 elements. A thread then
# takes four numbers of A and four of B from shared memory into registers, and has 16 products of them. `minitf/kernels/gpu/ladder.cu` has
# them all, for products of any size. (Its `Steps` say how far apart a matrix's rows lie and its columns, so that it may be transposed.)
# Count them, for 128 rows and columns:

# %%
import minitf.kernels.gpu.matmul as of_matmul

ladder = SourceModule(Path(of_matmul.__file__).with_name("ladder.cu"), check=True)
big = [np.random.default_rng(k).random((128, 128), dtype=np.float32) for k in (2, 3)]
m, by_rows, by_columns = np.int32(128), of_matmul.Steps(128, 1), of_matmul.Steps(1, 128)

def rung(name, side, threads):
    """(global reads, shared reads) for each element of the result."""
    result, kernel = np.zeros((128, 128), np.float32), ladder.get_function(f"matmul_{name}_f32")
    launch = {"block": threads, "grid": (128 // side, 128 // side)}
    kernel(*big, result, m, m, m, by_rows, by_columns, **launch)
    assert np.allclose(result, big[0] @ big[1], rtol=1e-4)
    counts = kernel.count(*big, result, m, m, m, by_rows, by_columns, **launch)
    return [sum(r.accesses for r in counts if r.kind == kind) / 128 ** 2 for kind in ("global read", "shared read")]

rungs = {name: rung(name, side, threads) for name, side, threads in (("naive", 16, (16, 16, 1)), ("tile16", 16, (16, 16, 1)),
                                                                    ("tile32", 32, (32, 32, 1)), ("blocks", 64, (256, 1, 1)))}
for name, (of_global, of_shared) in rungs.items():
    print(f"{name:7} {of_global:6.1f} global reads, {of_shared:6.1f} shared reads an element")

# %% [markdown]
# 256, 16, 8, 4: each number fetched is used once, 16, 32, 64 times, the side of the tile. The last step also goes easy on shared memory.
# Eight numbers for 16 products are half a number for each, where it was two: 64 an element. And it takes four at a time, as a `float4`: 16
# reads.
#
# What is it worth? A thread adds and multiplies 256 times for an element. On NVIDIA's A100 (its data sheet: 19.5 trillion operations of
# float32 a second, 1555 billion bytes from memory a second, in the version with 40 GB) the memory gives one byte for $19.5 / 1.555 = 12.5$
# operations. A kernel with fewer operations per byte waits for memory.

# %%
for name, (of_global, _) in rungs.items():
    operations = 2 * 128 / (4 * of_global)
    print(f"{name:7} {operations:5.2f} operations a byte: at most {min(1, operations / 12.5):4.0%} of what the A100 can compute")

# %% [markdown]
# (The caches of a GPU make the first line better than that: many of the reads never reach the memory.) So this is how ten thousand threads
# are kept from waiting for their numbers: by fetching each one once for many of them.
#
# ## 9. An op of your own on the GPU
#
# Chapter 01 registered an op with a name, a rule for shapes, and a kernel for the CPU. For a GPU it is a function in Python, which
# describes the launches. It runs once for a plan, when all shapes are known. Afterwards the session queues these launches in each step, and
# no Python is involved. The kernel lies in a file of its own; ours is `shares`, from section 7.

# %%
from minitf.core.registry import register_op
from minitf.kernels.gpu.call import register_gpu_kernel
from minitf.ops.apply import apply_op

file = Path(tempfile.mkdtemp()) / "shares.cu"
_ = file.write_text(SHARES)


@register_op("Shares", inputs=["x: T"], outputs=["y: T"], attrs=["T: {float32}"])
def shares_shape(c):
    return [c.inputs[0]]


@register_gpu_kernel("Shares", source=str(file), T=["float32"])
def describe_shares(call):
    (x,), (y,) = call.inputs, call.outputs
    rows, n = x.shape
    call.launch("shares", -(-rows // 8), 256, x, y, rows, n)


# %% [markdown]
# `tf.device` says where the ops inside of it are to run (chapter 08 is about nothing else). `/gpu:0` is the first GPU, here an emulated
# one.

# %%
with tf.Graph().as_default() as graph:
    votes = tf.placeholder(tf.float32, [2, 3], "votes")
    with tf.device("/gpu:0"):
        y = apply_op("Shares", votes)
counted = {votes: [[1, 2, 1], [5, 0, 5]]}
sess = tf.Session(graph=graph)
print(sess.run(y, counted))

# %%
plan = sess.explain(y, counted)
print(plan)

# %% [markdown]
# Four instructions. `CopyIn` brings what was fed into the GPU's memory, `Compute` queues the launches, `CopyOut` brings the result back,
# and `Synchronize` waits for the GPU. Which launches? The description can be asked, as the session did:

# %%
from minitf.kernels.gpu.call import Call, Described, Operand

def operands(kind, numbers, buffers):
    shapes = [buffers[b].node.shapes[0] if buffers[b].kind == "ref" else buffers[b].shape for b in numbers]     # ref: a variable
    return [Operand(kind, k, shape, buffers[b].dtype, buffers[b].value) for k, (b, shape) in enumerate(zip(numbers, shapes))]

def launches(explanation):
    """The launches of all ops in a plan for a GPU, in order."""
    found, buffers = [], explanation.buffers("/gpu:0")
    for i in explanation.instructions("/gpu:0"):
        if i.kind == "Compute" and isinstance(i.kernel_def.kernel, Described):
            described, ins, outs = i.kernel_def.kernel, operands("input", i.inputs, buffers), operands("output", i.outputs, buffers)
            call = Call(described.source, i.node.name, i.node.attrs, ins, outs)
            described.describe(call)
            found += call.launches
    return found

print(*launches(plan), sep="\n")

# %% [markdown]
# `<<<grid, block, shared>>>` is CUDA's own way to write a launch. One block of 256 threads, eight warps, of which two have a row.
#
# An op runs where it has a kernel. Ours has none for the CPU:

# %%
with tf.Graph().as_default(), tf.device("/cpu:0"), tf.Session() as cpu_sess:
    try:
        cpu_sess.run(apply_op("Shares", tf.constant([[1.0, 3.0]])))
        raise AssertionError("it ran on the CPU")
    except tf.errors.InvalidArgumentError as error:
        print(error.message.partition("\n\n")[0])

# %% [markdown]
# Who has a GPU and PyCUDA leaves out the line with `MINITF_GPU` at the top. Then the sessions of this chapter compile the same files with
# `nvcc`, and run them there. (`SourceModule` stays the emulator's.)
#
# ## 10. Memory of a device, and its queue
#
# A GPU in a computer is a card with a memory of its own. What it computes with must lie there. Variables do, from step to step; only what
# is fed and fetched crosses in each step. And what is computed on the CPU, of course:

# %%
with tf.Graph().as_default() as graph:
    rows = tf.placeholder(tf.float32, [100, 784], "rows")
    with tf.device("/gpu:0"):
        weights = tf.Variable(np.zeros((784, 10), np.float32), name="weights")
    with tf.device("/cpu:0"):
        brighter = tf.multiply(rows, 2.0, name="brighter")
    with tf.device("/gpu:0"):
        scores = tf.matmul(brighter, weights, name="scores")
with tf.Session(graph=graph) as sess:
    sess.run(weights.initializer)
    crossing = sess.explain(scores, {rows: np.zeros((100, 784))})
for device in crossing.devices:
    done = [i for i in crossing.instructions(device) if i.kind in ("Read", "Compute", "Send", "Recv", "CopyIn", "CopyOut")]
    print(device[-5:], [f"{i.kind} {i.node.name}" for i in done])

# %% [markdown]
# The CPU's program ends with a `Send`, the GPU's takes what was sent by a `Recv`. (The rows go to the CPU, so the GPU copies none in; the
# weights are read where they are.) In the emulator device and host have one memory, and a copy is quick. What would it cost?
#
# The card is plugged into PCI Express. Version 3 sends $8 \cdot 10^9$ bits a second over each of 16 lines, of which 128 in 130 are not
# padding; version 4 twice as much (PCI-SIG, base specifications 3.0 and 4.0). And packets have heads: of 63 gigabits that 8 lines carry,
# about 50 arrive as data (Neugebauer and others, "Understanding PCIe performance for end host networking", SIGCOMM 2018).

# %%
for version, rate in (3, 8e9), (4, 16e9):
    carried = rate * 16 * 128 / 130 / 8                 # bytes a second
    usable = carried * 50 / 63
    print(f"PCI Express {version}: {carried / 1e9:.1f} GB/s, of which {usable / 1e9:.1f} are data; three matrices of 512 x 512 floats "
          f"take {3 * 512 * 512 * 4 / usable * 1e6:.0f} microseconds")
print(f"their product, at 19.5 trillion operations a second: {2 * 512 ** 3 / 19.5e12 * 1e6:.0f} microseconds")

# %% [markdown]
# The product of the first page takes 14 microseconds at best, and the way there and back nine to eighteen times as long. So a GPU pays when
# many ops follow each other on what is already there. That is why variables stay on it, and why a whole step should run on it.
#
# **The queue.** On a real GPU a launch is an entry in a queue, which is called a *stream*. The CPU puts it there and goes on, and the GPU
# takes the entries in their order. So the CPU runs ahead, and waits only where it needs a result: that is `Synchronize`. In the emulator a
# launch is over when it returns. Its queue is empty at once, and nothing of this can be seen. NVIDIA measured it, with a kernel of 2.9
# microseconds on a V100: one every 9.6 microseconds when the CPU waits for each, one every 3.8 when it runs ahead (A. Gray, "Getting
# Started with CUDA Graphs", 2019). Drawn by these three numbers:

# %% tags=["nbval-ignore-output"]
lanes([(lane, period * k, period * k + 2.9, "kernel", k + 1) for lane, period in (("waits", 9.6), ("runs ahead", 3.8)) for k in range(6)],
      "six kernels on a V100, when the CPU waits for each, and when it does not", order=["waits", "runs ahead"])

# %% [markdown]
# Even then, small kernels leave gaps: a launch has its price. So there should be few.

# %% [markdown]
# ## 11. The LSTM cell, fused
#
# A step of an LSTM cell lays x beside h, makes a product, adds a bias, cuts the result in four, and then has ten element-wise ops (chapter
# 06): 17 ops. On a GPU each is a launch, and its result makes a trip through memory to the next one. We count, for a cell of 128 units: op
# by op, then as the session does it without being asked, then with the cell whose author wrote one kernel for all.

# %%
def cell_step(kind, level):
    """(explanation, new h) of one step on the GPU."""
    options = tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=level))
    with tf.Graph().as_default(), tf.device("/gpu:0"), tf.Session(config=tf.ConfigProto(graph_options=options)) as sess:
        x, c, h = [tf.placeholder(tf.float32, [50, size], name=name) for size, name in ((65, "x"), (128, "c"), (128, "h"))]
        cell = kind(128)
        _, (new_c, new_h) = cell(x, (c, h))
        random = np.random.default_rng(0)
        fed = {t: random.normal(size=t.shape.as_list()) for t in (x, c, h)}
        fed.update({v: random.normal(0, 0.1, v.shape.as_list()) for v in cell.variables})
        return sess.explain([new_c, new_h], fed), sess.run(new_h, fed)

L0, L1 = tf.OptimizerOptions.L0, tf.OptimizerOptions.L1
steps = {"op by op": cell_step(tf.nn.rnn_cell.BasicLSTMCell, L0), "element-wise ops joined": cell_step(tf.nn.rnn_cell.BasicLSTMCell, L1),
         "LSTMBlockCell": cell_step(tf.nn.rnn_cell.LSTMBlockCell, L1)}
for name, (explanation, h) in steps.items():
    print(f"launches, {name}: {len(launches(explanation))}")
    assert np.allclose(h, steps["op by op"][1], atol=1e-5)

# %% [markdown]
# The three give the same. In the second, ten of the ops have become one. (The bias stays alone, since the cuts lie between.) No file of the
# package has a kernel for these ten. The session wrote one, in CUDA C, while the plan was made:

# %%
written = [l.source.text for l in launches(steps["element-wise ops joined"][0]) if not isinstance(l.source, str)]
print(max(written, key=len))

# %% [markdown]
# A `Pack` is four floats that are read at once. The ten steps are in the middle, with names such as `v8` for what stays in registers, where
# ten launches would write it to memory and read it again: five arrays are read and two written here, in place of fourteen and ten. (The
# digits in the kernel's name are made from its text, so that the next program that needs it finds it compiled.)

# %% [markdown]
# ## 12. The package's own
#
# What we built for a sum, as the package has it, for any type and any of sum, largest and smallest:

# %%
show_source("minitf/kernels/gpu/common.cuh", "over_lanes", "over_block")

# %% [markdown]
# Shuffles first, then one number a warp in shared memory: `sum_warps`. In the end all threads have the result, not only the first.
#
# Do ours and the package's agree? Fifty random sizes, sums and products, the package's on `/gpu:0`. Ours takes multiples of 16, so the
# matrices get zeros around them, and the result is cut out:

# %% tags=["built"]
@functools.cache
def product_kernel():
    return SourceModule(PRODUCT).get_function("product")


def product(a, b):
    """a [m, k] times b [k, n], in float32, on the GPU."""
    (m, k), n = np.shape(a), np.shape(b)[1]
    a, b = [np.ascontiguousarray(np.pad(x, [(0, -size % 16) for size in x.shape]), np.float32) for x in (a, b)]
    c = np.zeros((len(a), b.shape[1]), np.float32)
    product_kernel()(a, b, c, np.int32(b.shape[1]), np.int32(len(b)), block=(16, 16, 1), grid=(b.shape[1] // 16, len(a) // 16))
    return c[:m, :n]


# %%
with tf.Graph().as_default(), tf.device("/gpu:0"), tf.Session() as sess:
    left, right, vector = [tf.placeholder(tf.float32, [None] * rank) for rank in (2, 2, 1)]
    theirs = tf.matmul(left, right), tf.reduce_sum(vector)
    for seed in range(50):
        random = np.random.default_rng(seed)
        m, n, k, size = random.integers(1, 70, 4)
        a, b, v = random.normal(size=(m, k)), random.normal(size=(k, n)), random.normal(size=40 * size).astype(np.float32)
        their_product, their_sum = sess.run(theirs, {left: a, right: b, vector: v})
        assert np.allclose(product(a, b), their_product, atol=1e-4) and np.isclose(sum_of(warps, v), their_sum, atol=1e-3)
print("50 products and 50 sums agree")

# %% [markdown]
# ## 13. A model of letters on the GPU
#
# A small model of chapter 06: it reads twelve characters of Shakespeare's plays, and says at each which one comes next. Everything is
# inside `tf.device`: forward, gradients, clipping, Adam and its slots.

# %%
from minitf.datasets import shakespeare

plays = shakespeare.characters()

def letters(device, steps=12, units=32, batch=16, updates=6):
    """Bits per character before each update, and the plan."""
    characters = len(plays.vocabulary)
    with tf.Graph().as_default(), tf.device(device), tf.Session() as sess:
        tf.set_random_seed(1)
        ids, following = tf.placeholder(tf.int32, [batch, steps]), tf.placeholder(tf.int32, [batch, steps])
        inputs = tf.unstack(tf.one_hot(ids, characters), axis=1)
        outputs, _ = tf.nn.static_rnn(tf.nn.rnn_cell.LSTMBlockCell(units), inputs, dtype=tf.float32)
        v, bias = tf.get_variable("V", [units, characters]), tf.get_variable("bias", [characters], initializer=tf.zeros_initializer())
        losses = [tf.nn.sparse_softmax_cross_entropy_with_logits(labels=following[:, t], logits=tf.matmul(h, v) + bias)
                  for t, h in enumerate(outputs)]
        bits = tf.reduce_mean(tf.stack(losses)) / np.log(2)
        variables = tf.trainable_variables()
        grads, _ = tf.clip_by_global_norm(tf.gradients(bits, variables), 1.0)
        train = tf.train.AdamOptimizer(0.02).apply_gradients(zip(grads, variables))
        sess.run(tf.global_variables_initializer())
        texts = plays.train[:batch * (steps * updates + 1)].reshape(batch, -1)
        feeds = [{ids: texts[:, k:k + steps], following: texts[:, k + 1:k + steps + 1]} for k in range(0, steps * updates, steps)]
        found = [float(sess.run([bits, train], f)[0]) for f in feeds]
        return found, sess.explain([bits, train], feeds[0])

# %%
on_gpu, plan = letters("/gpu:0")
on_cpu, _ = letters("/cpu:0")
for device, bits in ("/gpu:0", on_gpu), ("/cpu:0", on_cpu):
    print(device, " ".join(f"{b:.3f}" for b in bits))
assert np.allclose(on_gpu, on_cpu, rtol=1e-4)
print([d[-5:] for d in plan.devices])

# %% [markdown]
# The same losses. (In the last digits they may differ: sums are made in other orders.) There is one plan, for the GPU: nothing is computed
# on the CPU.

# %%
kinds = [i.kind for i in plan.instructions()]
print({kind: kinds.count(kind) for kind in ("CopyIn", "CopyOut", "Synchronize")})
print("more than a hundred launches:", len(launches(plan)) > 100)

# %% [markdown]
# In a step two arrays go in, the characters and those that follow them, and one number comes out. All else stays on the device, weights and
# Adam's averages too.
#
# ## 14. The digits once more
#
# Our own framework gets a GPU. All it takes is a table of kernels for the GPU, and a session that looks into it before it looks into the
# op's own:

# %% tags=["built"]
GPU_KERNELS = {}


class GpuSession(graphs.Session):
    """The session as before, which computes an operation on the GPU where there is a kernel for it."""
    def compute(self, op, inputs):
        kernel = GPU_KERNELS.get(op.type)
        return kernel(*inputs, **op.attrs) if kernel else super().compute(op, inputs)


def gpu_matmul(a, b, transpose_a=False, transpose_b=False):
    return product(a.T if transpose_a else a, b.T if transpose_b else b)


GPU_KERNELS["MatMul"] = gpu_matmul

# %%
random, graph = np.random.default_rng(0), Graph()
images, labels = graph.placeholder((None, 784)), graph.placeholder((None, 10))
w1, b1 = graph.variable(random.normal(size=(784, 32)) * np.sqrt(2 / 784)), graph.variable(np.zeros(32))
w2, b2 = graph.variable(random.normal(size=(32, 10)) * np.sqrt(2 / 32)), graph.variable(np.zeros(10))
logits = graph.create("Relu", images @ w1 + b1) @ w2 + b2
loss = graph.create("Xent", logits, labels)
train = SGD(0.5).minimize(loss, [w1, b1, w2, b2])
print(sum(op.type == "MatMul" for op in needed([train], {images, labels})), "products in a step")

# %%
def trained(session, updates=150):
    session.initialize()
    digits = mnist(one_hot=True, seed=0)
    for _ in range(updates):
        x, t = digits.train.next_batch(64)
        session.run(train, {images: x, labels: t})
    return (session.run(logits, {images: digits.test.images[:2000]}).argmax(1) == digits.test.labels[:2000].argmax(1)).mean()

gpu_share, cpu_share = trained(GpuSession(graph)), trained(Session(graph))
assert gpu_share > 0.85 and abs(gpu_share - cpu_share) < 0.02
print("more than 85 % of the digits are right, with products by our own CUDA kernel as with NumPy's")

# %% [markdown]
# Each product copies its operands to the device and its result back: `SourceModule` takes NumPy arrays. That is what the package avoids by
# giving each device a program of its own, and the next chapter is about that.

# %% [markdown]
# ## Where this lives today
#
# **CUDA C** is as it was in 2007 in all that this chapter used, but for the shuffles, whose form with `_sync` came in 2017. GPUs have got
# *tensor cores* since then: instructions with which a warp multiplies two small matrices at once. They are what products run on today, fed
# through shared memory as ours are. **cuBLAS** and **cuDNN** are NVIDIA's libraries of such kernels; minitf takes cuBLAS for products where
# it finds it on a GPU. **PyTorch** compiles a kernel of one's own by `torch.utils.cpp_extension.load_inline`, and `torch.compile` joins
# element-wise ops as section 11 does, through **Triton**. That is a language in which one writes what a *block* does, on whole tiles of
# numbers, and the compiler sees to the threads, to shared memory and the barriers. **JAX** has Pallas, of the same kind; its compiler XLA
# fuses too. **Numba** and **CuPy** take kernels from Python: `@cuda.jit`, `cupy.RawKernel`. On AMD's GPUs the language is called HIP, and
# reads like CUDA; a warp has 64 threads on many of them.

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/07_gpu_kernels/`. Each says at its head what to write, with an example. Those in CUDA C are run by the
# emulator, under the checker: a race or an access outside of an array is a mistake, even if the result is right, and so is too much
# traffic, by count. "Replaces" names the function of the package, or the CUDA function, that yours stands in for: with
# `MINITF_SWAP=exercises/07_gpu_kernels` in the environment, minitf's ops on `/gpu:0` run on your kernels.
#
# | file | what to write | points | replaces |
# |---|---|---|---|
# | `grid.py` | how many blocks cover an array or a matrix, and which element a thread has | 2 | `minitf.kernels.gpu.call.blocks_for` |
# | `saxpy.cu` | a step along a vector, by a grid of any size | 3 | `gradient_descent_f32` |
# | `transpose.cu` | a matrix of any size, coalesced both ways, without bank conflicts, four elements a thread | 4 | |
# | `row_max.cu` | the largest number of each row, by a block of any size | 4 | `max_rows_f32` |
# | `softmax_rows.cu` | softmax of each row, in two walks instead of three | 5 | `softmax_lanes_f32`, `softmax_block_f32` |
# | `matmul_tile.cu` | a product of any sizes, with sixteen elements a thread | 7 | `matmul_blocks_f32` |
#
#     make grade CH=07
#     make hint TASK=07/saxpy
