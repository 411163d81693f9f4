# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Chapter 01: Ops
#
# An op is a name, a rule for shapes, and a kernel.
#
# **The question.** A program that reads handwritten digits is two matrix products with one curved function between them. What does a
# framework have to know about such a function, so that a model can train with it? And why does the same matrix product take seven seconds
# in one program and two milliseconds in another?
#
# The framework is minitf: TensorFlow, as it was in 2015, built again in Python and Cython to be read.
#
# **Before you start.** You need Python, and what a function of several variables is. NumPy helps; what is used of it is explained.
#
# **How long.** Three hours with the exercises, one without. The short route is sections 1, 4, 8 and what follows; it leaves out speed.
#
# **When you are stuck** in an exercise: `make hint TASK=01/softplus` gives a nudge, asked again a larger one. After a pass,
# `make diff TASK=01/softplus` shows our solution beside yours.

# %% tags=["built"]
import numpy as np

# %%
import time

import matplotlib.pyplot as plt

from minitf.datasets import mnist

np.set_printoptions(precision=4, suppress=True)
digits = mnist()

# %% [markdown]
# This is what the program is to read: MNIST, 70,000 digits that people wrote on forms, scanned to 28 by 28 grey pixels (LeCun, Cortes and
# Burges). 10,000 of them are kept apart for the test. (In cells with pictures, `_ =` keeps what a call returns from being shown.)

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 12, figsize=(9, 1))
for ax, image, label in zip(axes, digits.test.images, digits.test.labels):
    _ = ax.imshow(image.reshape(28, 28), cmap="gray_r")
    _ = ax.set_title(label, fontsize=9)
    ax.axis("off")
plt.show()

# %% [markdown]
# ## 1. The first win
#
# Here is a network that is complete but for one piece:
#
# 784 pixels → matrix product → 128 numbers → **your op** → matrix product → 10 scores, one for each digit.
#
# The highest score is the guess. `minitf.course.first_win` has the products, the data and the training. You write the op in the middle: a
# kernel, which computes an array from an array, and a rule, which says what shape the result will have. This op keeps what is positive
# and makes the rest zero. The shape stays what it was.

# %%
from minitf.course.first_win import activation, train


@activation("MyRelu", shape=lambda x: x)
def my_relu(x):
    return np.maximum(x, 0)


my_relu(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]))

# %% [markdown]
# Now train with it: 2,500 times, look at 100 digits and move all weights a little, so that the right scores would have been higher.

# %%
curved = train("MyRelu")

# %% [markdown]
# 97 of 100 digits that it has never seen, after a second or two of training, through an op that you have just written.
#
# The next picture shows the *loss* sinking. For the loss, the ten scores are made into ten probabilities (section 4 does that); it is the
# negative logarithm of the one that the right digit got. Somebody who guesses blindly gives each digit 0.1, and −log 0.1 = 2.3: the
# dotted line, where the loss begins. Grey is the loss of each step, blue the mean of 50.

# %% tags=["nbval-ignore-output"]
plt.figure(figsize=(7, 2.5))
_ = plt.plot(curved.losses, color="lightgray")
_ = plt.plot(np.arange(25, 2500, 50), curved.losses.reshape(50, 50).mean(axis=1))
_ = plt.axhline(-np.log(0.1), linestyle=":", color="gray")
_ = plt.xlabel("step"), plt.ylabel("loss")
plt.show()

# %% [markdown]
# ### Break it: forget the curve
#
# What is the op good for? Take it away and see. An op that gives back what it gets is the straight version.

# %%
@activation("Straight", shape=lambda x: x)
def straight(x):
    return x


line = train("Straight")
assert line.accuracy < 0.93 < curved.accuracy

# %% [markdown]
# 92 of 100: the number of mistakes went from 3 to 8. Nothing failed, nothing warned. The reason is arithmetic. Without a curve, the
# network is $(x A) B$, and that is $x (A B)$: the two products are one product, with a matrix of 784 by 10. The 128 numbers in the middle
# add nothing. The first two lines below are the same; with the curve in between, the third is another.

# %%
random = np.random.default_rng(0)
x, A, B = random.standard_normal((1, 4)), random.standard_normal((4, 3)), random.standard_normal((3, 2))
print((x @ A) @ B)
print(x @ (A @ B))
print(my_relu(x @ A) @ B)

# %% [markdown]
# ### Break it: the wrong shape
#
# A kernel that keeps 3 of the 128 numbers, while its rule still says that the shape stays the same. (`failure` makes sure that it does
# fail, and gives the first line of what is said.)

# %%
import minitf as tf


def failure(kind, f, *args):
    """The first line of the error of that kind that f(*args) raises."""
    try:
        f(*args)
    except kind as error:
        return str(error).splitlines()[0]
    raise AssertionError("nothing failed")


@activation("Short", shape=lambda x: x)
def short(x):
    return np.maximum(x, 0)[:, :3]


print(failure(tf.errors.InvalidArgumentError, train, "Short"))

# %% [markdown]
# The op is named, and so is the promise that it broke. Now let the rule tell the truth. It is given the shape `(None, 128)`: `None` is a
# size that is not known yet, here how many digits will come at once. (An op may be defined again; the newest one counts.)

# %%
@activation("Short", shape=lambda x: (x[0], 3))
def short(x):
    return np.maximum(x, 0)[:, :3]


print(failure(ValueError, train, "Short"))

# %% [markdown]
# This error came *before* the first digit was looked at. Three numbers for each digit meet a matrix with 128 rows, and the framework sees
# that from the rules alone. This is what the rule is for: a mistake in a model shows while the model is written, not an hour into a run.
#
# Other curves work too. Here is a fold, which does better than the first one. Change the line and run the cell again: `np.sin(x)`,
# `np.tanh(x)`, `x * x / 4`, or a curve of your own. It has to treat each number alone, so sorting them is none. And `np.sign(x)` is a
# fine way to break it: its slope is 0 nearly everywhere, so no weight before it learns anything.

# %%
@activation("Fold", shape=lambda x: x)
def fold(x):
    return np.abs(x)


folded = train("Fold")

# %% [markdown]
# So an op is three things: **a name**, **a rule** that gives the shape of the output from the shapes of the inputs, and **a kernel** that
# computes the output. The rest of this chapter builds each of them from nothing. It starts with the op that does nearly all the work of a
# network, the matrix product.
#
# (To train, the framework also needs the slope of the op. `first_win` measured it, number by number: it called your kernel a little to
# the right and a little to the left. Chapter 03 does that properly.)
#
# ## 2. A tensor and a product, by hand
#
# A *tensor* is numbers in rows, in rows of rows, and so on. A Python list of lists will do. Its *shape* is how many there are along each
# direction.

# %%
def shape_of(x):
    return (len(x), *shape_of(x[0])) if isinstance(x, list) else ()


print(shape_of(7.5))                                # a scalar: no direction at all
print(shape_of([1.0, 2.0, 3.0]))                    # a vector
print(shape_of([[1, 2, 3], [4, 5, 6]]))             # a matrix: two rows of three

# %% [markdown]
# The number of directions is the *rank*: 0, 1 and 2 here. A batch of 100 digits is a matrix of shape (100, 784).
#
# The *dot product* of two vectors multiplies them in pairs and adds up. Each turn of the loop is one **multiply-add**. Most of the work
# of every network is made of these.

# %%
def dot(x, y):
    total = 0.0
    for k in range(len(x)):
        total += x[k] * y[k]
    return total


dot([1, 2, 3], [4, 5, 6])                           # 4 + 10 + 18

# %% [markdown]
# A *matrix product* holds all the dot products of a row of the first matrix with a column of the second. Row $i$ and column $j$ give
# $c_{ij} = \sum_k a_{ik} b_{kj}$. Three letters, three loops.

# %%
def product(a, b):
    rows, inner, columns = len(a), len(b), len(b[0])
    c = [[0.0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            for k in range(inner):
                c[i][j] += a[i][k] * b[k][j]
    return c


product([[1, 2, 3],
         [4, 5, 6]], [[1, 0],
                      [0, 1],
                      [2, 2]])

# %% [markdown]
# The first row: 1·1 + 2·0 + 3·2 = 7 and 1·0 + 2·1 + 3·2 = 8. A (2, 3) times a (3, 2) is a (2, 2): the inner sizes must agree and are used
# up.
#
# ### What it costs
#
# Two n by n matrices need n·n·n multiply-adds. For our network, one digit needs 784·128 + 128·10 of them. Training takes about twice as
# many: what computes the scores, and about the same again for how each weight changes them.

# %%
per_digit = 784 * 128 + 128 * 10
print(f"{per_digit:,} for one digit, {2 * per_digit * 100 * 2500 / 1e9:.0f} billion for the training of section 1")

# %% [markdown]
# How long does one take? A clock on a computer that does other things too only ever shows too much, so we take the shortest of several
# runs.

# %%
def seconds(f, least=0.2):
    """The shortest time that f() takes, among the runs that fit into `least` seconds."""
    best, began = float("inf"), time.perf_counter()
    while time.perf_counter() - began < least:
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best


def matrices(n, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((n, n)).astype(np.float32), random.standard_normal((n, n)).astype(np.float32)


# %% [markdown]
# What we compare is the price of one multiply-add. We keep the prices on a list, the *ladder*.

# %%
ladder = {}


def rung(name, f, a, b):
    """Time f(a, b), a product of two n by n matrices, and note the nanoseconds of one multiply-add."""
    ladder[name] = 1e9 * seconds(lambda: f(a, b)) / len(a) ** 3
    print(f"{name}: {ladder[name]:.3g} ns")


# %% tags=["nbval-ignore-output"]
for n in (16, 32, 64):
    a, b = (m.tolist() for m in matrices(n))
    print(f"n = {n}: {1e3 * seconds(lambda: product(a, b)):6.2f} ms for {n ** 3:7,} multiply-adds")
rung("Python, three loops", product, a, b)

# %% [markdown]
# Twice the size, eight times the time; the price of one multiply-add stays the same, 50 to 100 nanoseconds or a little less. At this price two
# matrices of 512 by 512, 134 million multiply-adds, take some seven seconds or more, and the training of section 1 takes 40 minutes or
# more. From here on we bring it down.
#
# Why so slow? The processor could do the multiply-add itself in a fraction of a nanosecond. But `c[i][j] += a[i][k] * b[k][j]` is some
# twenty instructions for the Python interpreter. It looks up the lists, checks what kinds of things they hold, and makes a new number
# object for the product and another for the sum. Such an object takes 24 bytes, for a number of 8.
#
# Fewer instructions for Python to interpret is therefore the first cure. `zip(*b)` gives the columns of `b`, once. `map` and `sum` are
# loops too, but loops inside the interpreter, which is a C program.

# %%
import operator


def product_of_columns(a, b):
    columns = list(zip(*b))
    return [[sum(map(operator.mul, row, column)) for column in columns] for row in a]


a, b = (m.tolist() for m in matrices(64))
assert np.allclose(product_of_columns(a, b), product(a, b))

# %% tags=["nbval-ignore-output"]
rung("Python, sum and map", product_of_columns, *(m.tolist() for m in matrices(64)))

# %% [markdown]
# Better, by a factor of two or so, and the end of what Python alone can do: every number is still an object.
#
# ## 3. NumPy
#
# A NumPy array keeps the numbers themselves, side by side in one piece of memory. All have one type, the *dtype*, and the shape says how
# to walk.

# %%
m = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
print(m.dtype, m.nbytes, "bytes")
print("m   ", m.shape, "strides", m.strides)
print("m.T ", m.T.shape, "strides", m.T.strides, "the same memory:", np.shares_memory(m, m.T))

# %% [markdown]
# The *strides* are how many bytes to go for the next row, and for the next column: 12 and 4, for three numbers of 4 bytes lie in a row.
# The transposed matrix moves nothing. It is the same memory, walked the other way.
#
# NumPy runs a loop over many numbers for one instruction of Python. So the question for each of our three loops is who runs it. First
# NumPy takes the innermost one, over $k$. Then two of them: a row of the product is a vector times a whole matrix. And `a @ b` gives it
# all three.

# %%
def product_of_dots(a, b):
    c = np.empty((len(a), b.shape[1]), np.float32)
    for i in range(len(a)):
        for j in range(b.shape[1]):
            c[i, j] = a[i] @ b[:, j]
    return c


def product_of_rows(a, b):
    return np.stack([row @ b for row in a])


a, b = matrices(256)
assert np.allclose(product_of_dots(a, b), a @ b, atol=1e-4)
assert np.allclose(product_of_rows(a, b), a @ b, atol=1e-4)

# %% tags=["nbval-ignore-output"]
a, b = matrices(256)
rung("NumPy, a dot at a time", product_of_dots, a, b)
rung("NumPy, a row at a time", product_of_rows, a, b)
rung("NumPy, a @ b", np.matmul, a, b)

# %% [markdown]
# From the first rung of the ladder to this one it is a factor of several thousand, for the same multiply-adds. The last step is the odd
# one. Python does next to nothing in `product_of_rows`, so why does it help to hand over the third loop? We come back to that in section
# 5.
#
# ### The same, but not to the last bit
#
# We compared with `allclose`, not `==`. A float32 keeps 24 binary digits of a number, about seven decimal ones, and each addition
# rounds to that. So the order of additions matters:

# %%
big, one = np.float32(1e8), np.float32(1)
print((big + one) - big, "and", (big - big) + one)

# %% [markdown]
# 100,000,001 needs nine digits; the 1 was lost in the first sum. Long sums lose something in every step, and how much depends on the
# order. One of the exercises is a sum that keeps this loss small.
#
# ## 4. An op
#
# Now the three things that make an op. We keep them in a table, the *registry*, so that anything that knows an op's name can find the
# rest.

# %% tags=["built"]
OPS = {}


class Op:
    """What a name stands for: shape(*shapes, **attrs) is the rule, kernel(*arrays, **attrs) computes."""
    def __init__(self, name, shape, kernel):
        self.name, self.shape, self.kernel = name, shape, kernel


def op(name, shape):
    """Decorate a kernel: registers the op."""
    def register(kernel):
        OPS[name] = Op(name, shape, kernel)
        return kernel
    return register


# %% [markdown]
# *Attributes* are what an op needs to know besides its inputs; they are fixed when the model is written: whether to transpose, along which
# axis to join. For example, an op that repeats a vector `times` times:

# %%
@op("Repeat", shape=lambda x, times: (times * x[0],))
def repeat(x, times):
    return np.concatenate([x] * times)


print(OPS["Repeat"].shape((3,), times=2), OPS["Repeat"].kernel(np.array([1, 2, 3]), times=2))

# %% [markdown]
# The rule answered from (3,) and 2 alone; it never saw a number of the vector.
#
# ### Element by element: broadcasting
#
# Addition, subtraction and multiplication work element by element, so both inputs should have the same shape. But a bias is a vector of
# 128 numbers that is to be added to each row of a [batch, 128] matrix. NumPy *broadcasts*: it lines up the shapes at the right, fills up
# with 1 at the left, and repeats whatever has size 1.

# %%
def broadcast(a, b):
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    for m, n in zip(a, b):
        if m != n and 1 not in (m, n):
            raise ValueError(f"shapes {a} and {b} do not broadcast")
    return tuple(max(m, n) for m, n in zip(a, b))


print(broadcast((64, 128), (128,)), broadcast((5, 1, 3), (4, 1)))

# %% [markdown]
# (5, 1, 3) and (4, 1): the second becomes (1, 4, 1). 5 beside 1 is 5, 1 beside 4 is 4, 3 beside 1 is 3.
#
# Is it right for all shapes? A batch can be empty, so sizes begin at 0. We try every pair of sizes that could matter against NumPy:

# %%
sizes = (0, 1, 2, 3)
for m in sizes:
    for n in sizes:
        try:
            wanted = np.broadcast_shapes((m,), (n,))
        except ValueError:
            continue
        if broadcast((m,), (n,)) != wanted:
            print((m,), (n,), "gives", broadcast((m,), (n,)), "but NumPy says", wanted)

# %% [markdown]
# A bug. Size 1 is repeated *zero* times to match size 0; `max` made one row out of nothing. The larger size is not the rule; the size
# that is not 1 is.
#
# There is a second thing missing: sizes that are not known. The batch size is `None` until somebody hands over digits. What is known of
# the result?
#
# | one size | the other | the result |
# |---|---|---|
# | `None` | 1 | `None`: whatever it turns out to be |
# | `None` | 3 | 3: if the unknown size is 1 or 3, the result is 3; if it is anything else, the program is wrong |
# | `None` | `None` | `None` |
#
# So an unknown size beside a known one other than 1 gives way. Both repairs in one:

# %% tags=["built"]
def broadcast(a, b):
    """The shape of an element-wise result.  None is a size not known yet."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)
    for m, n in zip(a, b):
        if m not in (1, n, None) and n not in (1, None):
            raise ValueError(f"shapes {a} and {b} do not broadcast")
    return tuple(n if m == 1 else m if n in (1, None) else n for m, n in zip(a, b))


# %% [markdown]
# To check a rule with unknown sizes, put every number in the place of each unknown one, and ask NumPy. Where all possible programs agree
# on a size, the rule should know it; where they differ, it should say `None`; where no program is possible, it should refuse.

# %%
def possible(m, n):
    """The sizes of the result, over all sizes that m and n may turn out to have."""
    found = set()
    for p in sizes if m is None else [m]:
        for q in sizes if n is None else [n]:
            try:
                found.add(np.broadcast_shapes((p,), (q,))[0])
            except ValueError:
                pass
    return found


for m in (None, *sizes):
    for n in (None, *sizes):
        results = possible(m, n)
        try:
            assert broadcast((m,), (n,)) == (results.pop() if len(results) == 1 else None,)
        except ValueError:
            assert not results

# %% [markdown]
# All 25 pairs hold. With the rule, the three ops are a line each:

# %% tags=["built"]
@op("Add", broadcast)
def add(x, y):
    return x + y


@op("Sub", broadcast)
def sub(x, y):
    return x - y


@op("Mul", broadcast)
def mul(x, y):
    return x * y


# %% [markdown]
# ### The matrix product
#
# Its kernel is NumPy's `@`. Its rule is the one of section 2: the inner sizes must agree and are used up. Training will need products
# with one side transposed, so there are two attributes for that. An unknown inner size agrees with everything.

# %% tags=["built"]
def matmul_shape(a, b, transpose_a=False, transpose_b=False):
    """[m, k] and [k, n] give [m, n]; a is [k, m] and b is [n, k] where they are to be transposed."""
    rows, inner = a[::-1] if transpose_a else a
    inner_b, columns = b[::-1] if transpose_b else b
    if None not in (inner, inner_b) and inner != inner_b:
        raise ValueError(f"MatMul: {a} times {b}: {inner} columns meet {inner_b} rows")
    return rows, columns


@op("MatMul", matmul_shape)
def matmul(a, b, transpose_a=False, transpose_b=False):
    return (a.T if transpose_a else a) @ (b.T if transpose_b else b)


# %%
print(matmul_shape((None, 784), (784, 10)))
print(failure(ValueError, matmul_shape, (None, 784), (10, 784)))
print(matmul_shape((None, 784), (10, 784), transpose_b=True))
print(matmul_shape(matmul_shape((None, 784), (784, 128)), (128, 10)))

# %% [markdown]
# In the second line a matrix lies on its side, perhaps the most common mistake of all. `transpose_b=True` takes it as it is. The last
# line is the network of section 1, by rules alone: (None, 784), then (None, 128), then (None, 10), and no number has been multiplied.
#
# ### Softmax, broken and repaired
#
# The ten scores of a digit can be any numbers. Probabilities must be positive and add up to 1. `exp` makes any number positive, and a
# division by the sum does the rest:

# %%
def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


print(softmax(np.array([[2.0, 1.0, 0.0]])))

# %% [markdown]
# By hand: exp gives 7.39, 2.72 and 1, together 11.11, and 7.39 / 11.11 = 0.665.
#
# Now with scores that a careless step of training can produce:

# %%
with np.errstate(all="ignore"):
    broken = softmax(np.array([[1000.0, 999.0, 998.0]]))
print(broken)
assert np.isnan(broken).all()

# %% [markdown]
# exp(1000) has 435 digits, a float64 ends at 309; infinity divided by infinity is not a number. And one NaN is enough to turn all weights
# into NaN in the next step.
#
# The repair costs nothing: softmax does not change when the same number is taken from all scores, because $e^{x-c} = e^x / e^c$ and the
# $e^c$ cancels. So take away the largest score. Then the largest exponent is 0, and nothing can overflow.

# %% tags=["built"]
@op("Relu", lambda x: x)
def relu(x):
    return np.maximum(x, 0)


@op("Softmax", lambda x: x)
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


# %%
print(softmax(np.array([[1000.0, 999.0, 998.0]])))

# %% [markdown]
# The same probabilities as for 2, 1, 0, as it should be.
#
# The loss of section 1 is the *cross entropy*: the sum over the classes of label · −log probability. With labels that are 1 for the right
# digit and 0 for the others, that is −log of the right one's probability. For a right probability of 0.665 it is 0.408. As log softmax(x)
# is x − log Σ exp(x), the logarithm can be taken before anything gets too small:

# %% tags=["built"]
@op("Xent", lambda logits, labels: ())
def xent(logits, labels):
    """The mean cross entropy between softmax(logits) and labels, both [batch, classes]."""
    z = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(z).sum(axis=1)) - (z * labels).sum(axis=1))


# %%
print(round(xent(np.array([[2.0, 1.0, 0.0]]), np.array([[1.0, 0.0, 0.0]])), 3), round(-np.log(0.665), 3))

# %% [markdown]
# These seven, `Add`, `Sub`, `Mul`, `MatMul`, `Relu`, `Softmax` and `Xent`, are what chapter 02 puts into a graph. It imports them from
# `chapters/built/ops.py`, which is made of the cells above.
#
# ## 5. Cython: the loops, compiled
#
# NumPy has a loop for most things, but not for all. Then you write your own. *Cython* is Python with types; a compiler makes machine code
# of it. `cdef` declares a variable that is not an object but a bare number in a register; `Py_ssize_t` is the type of whole numbers for
# sizes. `float[:, ::1]` is an array of float32 with two directions whose rows lie side by side, and `const` promises not to write to it.

# %%
from minitf.course.cython_build import compile_cython

SOURCE = """
def product(const float[:, ::1] a, const float[:, ::1] b, float[:, ::1] c):
    cdef Py_ssize_t i, j, k, n = a.shape[0]
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i, j] += a[i, k] * b[k, j]
"""
compiled = compile_cython(SOURCE)
a, b = matrices(64)
c = np.zeros((64, 64), np.float32)
compiled.product(a, b, c)
assert np.allclose(c, a @ b, atol=1e-4)

# %% [markdown]
# The three loops of section 2, nearly word for word. The compilation takes some seconds the first time; then the result is kept. If the
# source is wrong, the compiler says where.
#
# What it does not say is that an index lies outside its array: there, Python would have stopped, and this program reads what is in memory
# behind the array, or dies. So these loops are for square matrices only (and for a `c` of zeros, as they add to it).
# `compile_cython(source, checks=True)` looks at every index, and is slower.
#
# ### Six orders of three loops
#
# The three loops can stand in any order: each order does the same multiply-adds, and each adds up every sum over $k$ in the same
# sequence. Here are all six.

# %%
from itertools import permutations

ORDERS = ["".join(p) for p in permutations("ijk")]
TEMPLATE = """
def {0}{1}{2}(const float[:, ::1] a, const float[:, ::1] b, float[:, ::1] c):
    cdef Py_ssize_t i, j, k, n = a.shape[0]
    for {0} in range(n):
        for {1} in range(n):
            for {2} in range(n):
                c[i, j] += a[i, k] * b[k, j]
"""
loops = compile_cython("".join(TEMPLATE.format(*order) for order in ORDERS), name="loops")

# %% tags=["nbval-ignore-output"]
a, b = matrices(512)
price = {}
for order in ORDERS:
    price[order] = 1e9 * seconds(lambda: getattr(loops, order)(a, b, np.zeros((512, 512), np.float32))) / 512 ** 3
    print(f"{order}: {price[order]:.3f} ns")
ladder["Cython, jki"], ladder["Cython, ijk"], ladder["Cython, ikj"] = price["jki"], price["ijk"], price["ikj"]

# %% [markdown]
# The slowest and the fastest do the same arithmetic, and are a factor of thirty or more apart. The price is not in the multiply-add but
# in the way to the numbers.
#
# Memory hands out *cache lines*, 64 bytes at a time: 16 float32 that lie side by side. A loop that walks along a row gets the next 15
# numbers for free. A loop that walks down a column pays for a line and uses one number of it. Here is where the loops `ikj` and `jki` touch
# `b` and `c`, for n = 16, in the first 100 of their 4,096 multiply-adds. Between two grey lines lies one cache line; `c` lies behind `b`.

# %%
def touched(order, n, of):
    """The places in memory, counted in numbers, that the loops touch of matrix `of`, one by one."""
    rows, columns = {"a": "ik", "b": "kj", "c": "ij"}[of]
    for x in range(n):
        for y in range(n):
            for z in range(n):
                at = dict(zip(order, (x, y, z)))
                yield at[rows] * n + at[columns]


# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True)
for ax, order in zip(axes, ("ikj", "jki")):
    for of, begin in (("b", 0), ("c", 256)):
        _ = ax.plot(begin + np.array(list(touched(order, 16, of))[:100]), ".", markersize=4)
    _ = ax.set_title(order), ax.set_xlabel("multiply-add"), ax.set_yticks(range(0, 513, 16), minor=True), ax.set_yticks(range(0, 513, 64))
    ax.grid(axis="y", which="both", linewidth=0.5)
    ax.axhline(256, color="black", linewidth=0.8)
    _ = ax.text(102, 240, "b", va="top", color="C0"), ax.text(102, 496, "c", va="top", color="C1"), ax.set_xlim(-3, 109)
_ = axes[0].set_ylabel("place in memory, in numbers")
plt.show()

# %% [markdown]
# On the left, dots run along the lines; on the right, `c` jumps to another line with every step. We can count the jumps: how often does a
# loop leave the line that it is on?

# %%
def lines_left(order, of, n=32):
    places = np.fromiter(touched(order, n, of), int) // 16
    return int((places[1:] != places[:-1]).sum())


print("        a       b       c   all")
for order in ORDERS:
    counts = [lines_left(order, of) for of in "abc"]
    print(order, *(f"{count:7,}" for count in counts), f"{sum(counts):7,}")

# %% [markdown]
# For 32·32·32 = 32,768 multiply-adds. The last letter decides nearly everything, as the innermost loop runs most often: with `j`
# innermost, `b` and `c` are walked along their rows and `a` stands still; with `k` one of the three jumps, with `i` two. The measured
# prices fall into the same three groups.
#
# The gap between the first two groups is wider than the count says, for a second reason. A processor has *vector instructions*, which do
# 8 or 16 multiply-adds at once. With `j` innermost they are 16 different sums, and the compiler uses such an instruction. With `k`
# innermost it is one sum, and 16 at once would change the order of additions, which the compiler must not do by itself.

# %% [markdown]
# This also answers the question of section 3. `product_of_rows` reads all of `b` for each row of `a`, and uses every number that it
# fetches for one multiply-add. So do our loops. NumPy's `@` calls *BLAS* (Basic Linear Algebra Subprograms), where people have taken care
# that a number that has been fetched is used many times before it is dropped. They cut the matrices into blocks that fit into the cache,
# and those into tiles that fit into the registers (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008). The
# last exercise does the first step of that.
#
# ## 6. An op of your own in minitf
#
# Our registry is a dict. minitf's has the same three parts, in the form that TensorFlow gave them. First the name with its rule:

# %%
from minitf.core.registry import kernels_of, register_kernel, register_op


@register_op("MyProduct", inputs=["a: T", "b: T"], outputs=["product: T"], attrs=["T: {float32}"])
def my_product_shape(c):
    a, b = c.inputs
    return [matmul_shape(a.tuple, b.tuple)]


# %% [markdown]
# `T` is an attribute that stands for the dtype: a, b and the product have the same one, and float32 is all that we allow. The rule gets a
# context `c` and returns a list with one shape for each output. Inside is *your* `matmul_shape`. (A name can be registered once: to
# change this cell, restart the kernel.)
#
# `apply_op` adds an op to a model. What goes in is not numbers but promises: a *placeholder* has a dtype and a shape, and will get its
# numbers later.

# %%
from minitf.ops.apply import apply_op

images = tf.placeholder(tf.float32, [None, 784])
weights = tf.placeholder(tf.float32, [784, 10])
scores = apply_op("MyProduct", images, weights)
print(scores.get_shape())
print(failure(ValueError, apply_op, "MyProduct", images, tf.placeholder(tf.float32, [10, 784])))

# %% [markdown]
# `?` is `None`. Your rule has run twice, and refused what it should.
#
# A `Session` runs things. Chapter 02 builds one; here it is enough that `run(what, {placeholder: array})` gives the value. Does it work
# already?

# %%
some_images, some_weights = digits.test.images[:100], np.float32(np.random.default_rng(2).standard_normal((784, 10)))
with tf.Session() as sess:
    said = failure(tf.errors.InvalidArgumentError, sess.run, scores, {images: some_images, weights: some_weights})
print(said.partition(" Registered")[0])

# %% [markdown]
# There is a name and a rule but no kernel. A kernel of minitf is a class with a method `run`. When that is called, all sizes are known,
# so the rule has been asked again: with (100, 784) it says (100, 10), and a memory of that size is there. `run` reads the inputs and fills
# the outputs. It works on bare memory, as C does. What of C the next cells use:
#
# | in Cython | what it is |
# |---|---|
# | `cimport` | an import of names that only compiled code can use |
# | `cdef class` | a class whose methods can be called without Python; `nogil`: other threads may run Python meanwhile |
# | `except -1`, `noexcept` | the function tells of an error by returning -1; it never has one |
# | `float *a` | a *pointer*, the place of a float32 in memory; `a[i]` is the i-th number from there on, and nobody checks i |
# | `struct` | several variables under one name; `&m` is a pointer to the struct m |
# | `void *data` | a pointer to anything; `(<Matrices *> data)[0]` takes what is there for a struct Matrices |
#
# `float32s` gives the pointer to the first number. Row i of a matrix with n columns begins at i · n.

# %%
KERNEL = """
from minitf.kernels.cpu.kernel cimport Kernel, float32s

cdef class Product(Kernel):
    cdef int run(self) except -1 nogil:
        cdef float *a = float32s(self.inputs[0])
        cdef float *b = float32s(self.inputs[1])
        cdef float *c = float32s(self.outputs[0])
        cdef Py_ssize_t i, j, k, rows = self.inputs[0].shape[0], inner = self.inputs[0].shape[1], n = self.inputs[1].shape[1]
        for i in range(rows):
            for k in range(inner):
                for j in range(n):
                    c[i * n + j] += a[i * inner + k] * b[k * n + j]
        return 0
"""
_ = register_kernel("MyProduct", T=["float32"])(compile_cython(KERNEL, name="kernel").Product)     # name: what errors call the source

# %% tags=["nbval-ignore-output"]
wanted = some_images @ some_weights
with tf.Session() as sess:
    for attempt in ("first", "second"):
        value = sess.run(scores, {images: some_images, weights: some_weights})
        print(f"{attempt} run: {np.isclose(value, wanted, atol=1e-3).sum():,} of {value.size:,} are right")
assert not np.allclose(value, wanted, atol=1e-3)

# %% [markdown]
# The second run is wrong throughout, whatever luck the first one had. The memory of an output is there, but it is not empty. It holds
# whatever was there before: at first anything, and where that is 0 the sum comes out right; the second time, the result of the first. Our
# loops add to it. So the kernel must begin each row with zeros.

# %%
KERNEL = """
from minitf.kernels.cpu.kernel cimport Kernel, float32s

cdef class Product(Kernel):
    cdef int run(self) except -1 nogil:
        cdef float *a = float32s(self.inputs[0])
        cdef float *b = float32s(self.inputs[1])
        cdef float *c = float32s(self.outputs[0])
        cdef Py_ssize_t i, j, k, rows = self.inputs[0].shape[0], inner = self.inputs[0].shape[1], n = self.inputs[1].shape[1]
        for i in range(rows):
            for j in range(n):
                c[i * n + j] = 0
            for k in range(inner):
                for j in range(n):
                    c[i * n + j] += a[i * inner + k] * b[k * n + j]
        return 0
"""
_ = register_kernel("MyProduct", T=["float32"])(compile_cython(KERNEL, name="kernel").Product)
with tf.Session() as sess:
    for attempt in range(2):
        assert np.allclose(sess.run(scores, {images: some_images, weights: some_weights}), wanted, atol=1e-3)

# %% [markdown]
# Right, and right again. The newest kernel counts.
#
# A compiled kernel can serve an op that a model already uses. Here is the op of section 1 under a new name, first with a NumPy kernel
# for all dtypes, then with a compiled one for float32. Of those that serve the dtype, the newest runs.

# %%
@activation("CompiledRelu", shape=lambda x: x)
def for_other_dtypes(x):
    return np.maximum(x, 0)


RELU = """
from minitf.kernels.cpu.kernel cimport Kernel, float32s

cdef class Relu(Kernel):
    cdef int run(self) except -1 nogil:
        cdef float *x = float32s(self.inputs[0])
        cdef float *y = float32s(self.outputs[0])
        cdef Py_ssize_t i
        for i in range(self.outputs[0].size):
            y[i] = 0 if x[i] < 0 else x[i]          # this way round a NaN stays a NaN
        return 0
"""
_ = register_kernel("CompiledRelu", T=["float32"])(compile_cython(RELU, name="kernel").Relu)
for kernel in kernels_of("CompiledRelu"):
    print(kernel)
compiled_run = train("CompiledRelu")
assert np.array_equal(compiled_run.guesses, curved.guesses)

# %% [markdown]
# All 10,000 guesses are those of section 1: two kernels for one op, and nothing in the model had to know.
#
# ### Two threads
#
# Row 0 of a product has nothing to do with row 1. So two processors can share the rows. minitf's `parallel_for` cuts a loop into ranges:
# it is given a function for a range of rows, and what that function needs as a struct.

# %%
ROWS = """
from minitf.kernels.cpu.kernel cimport Kernel, float32s
from minitf.kernels.cpu.parallel cimport parallel_for

cdef struct Matrices:
    float *a
    float *b
    float *c
    Py_ssize_t inner, n

cdef void some_rows(void *data, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Matrices m = (<Matrices *> data)[0]
    cdef Py_ssize_t i, j, k
    for i in range(begin * m.n, end * m.n):
        m.c[i] = 0
    for i in range(begin, end):
        for k in range(m.inner):
            for j in range(m.n):
                m.c[i * m.n + j] += m.a[i * m.inner + k] * m.b[k * m.n + j]
"""

# %% [markdown]
# The kernel fills in the struct and hands both to `parallel_for`. 16 is the smallest number of rows that is worth a thread's while.

# %%
KERNEL = """
cdef class Product(Kernel):
    cdef int run(self) except -1 nogil:
        cdef Matrices m
        m.a, m.b, m.c = float32s(self.inputs[0]), float32s(self.inputs[1]), float32s(self.outputs[0])
        m.inner, m.n = self.inputs[0].shape[1], self.inputs[1].shape[1]
        parallel_for(some_rows, &m, self.outputs[0].shape[0], 16)
        return 0
"""
_ = register_kernel("MyProduct", T=["float32"])(compile_cython(ROWS + KERNEL, name="kernel").Product)

# %% [markdown]
# How many threads there may be is the session's matter:

# %% tags=["nbval-ignore-output"]
a, b = matrices(512)
left, right = tf.placeholder(tf.float32, [512, 512]), tf.placeholder(tf.float32, [512, 512])
mine = apply_op("MyProduct", left, right)
for threads in (1, 2):
    with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as sess:
        assert np.allclose(sess.run(mine, {left: a, right: b}), a @ b, atol=1e-3)
        rung(f"your kernel in minitf, {threads} thread{'s' * (threads > 1)}", lambda a, b: sess.run(mine, {left: a, right: b}), a, b)

# %% [markdown]
# With two idle processors the second line is about half of the first; on a busy machine it is not.
#
# ## 7. The ladder
#
# The rungs that people use are missing: minitf's own `MatMul`, and TensorFlow. They are measured in a process each, with a fixed number of
# threads, and with them `a @ b` once more, which had n = 256 and as many threads as NumPy was allowed. TensorFlow is looked for in `.venv-bench`;
# `make bench-peers` installs it there.

# %% tags=["nbval-ignore-output"]
from minitf.course.peers import multiply_add

for name, peer, threads in (("NumPy, a @ b", "numpy", 1), ("minitf's MatMul, 1 thread", "minitf", 1),
                            ("minitf's MatMul, 2 threads", "minitf", 2), ("TensorFlow, 1 thread", "tensorflow", 1)):
    cost = multiply_add(peer, threads)
    if cost:
        ladder[name] = cost
    print(f"{name}: {f'{cost:.3g} ns' if cost else 'not installed, this rung is missing'}")

# %% tags=["nbval-ignore-output"]
names = sorted(ladder, key=ladder.get)
prices = [ladder[name] for name in names]
plt.figure(figsize=(8, 4.2))
_ = plt.step(prices, range(len(names)), where="post", color="lightgray", zorder=0)
_ = plt.scatter(prices, names, color=["C0" if "MatMul" in name or "@" in name or "Flow" in name else "C1" for name in names])
for place, cost in enumerate(prices):
    _ = plt.text(cost / 1.25, place, f"{cost:.3g}", fontsize=8, va="center", ha="right")
    if place and cost / prices[place - 1] > 1.2:
        _ = plt.text(cost * 1.1, place - 0.5, f"× {cost / prices[place - 1]:.2g}", fontsize=8, va="center", color="gray")
_ = plt.xscale("log"), plt.xlim(min(prices) / 4, max(prices) * 3), plt.xlabel("nanoseconds of one multiply-add")
plt.show()

# %% [markdown]
# Orange are the loops that this chapter wrote, blue what others did, grey the factor to the next rung. (In Python n was 64, with NumPy a
# row or a dot at a time 256, else 512.) From top to bottom it is a factor of some thousands, in steps that all have a reason: objects, the
# interpreter, the order of memory, vectors, the reuse of what was fetched, threads. Two 512 by 512 matrices take some seven seconds by
# three Python loops and two milliseconds by BLAS, which answers the question at the start.
#
# On the machine that built this page, compiled loops of our own end some five times above BLAS with one thread each: that factor is
# blocks and tiles. minitf's product is level with TensorFlow's: for large matrices it calls BLAS itself. With small ones, a framework's time
# goes into everything but arithmetic; that is for chapter 02.

# %% [markdown]
# ## 8. Open the package
#
# Little in the package's own `MatMul` is new to you now. First its rule: `c` is the context; `NUMBER_OR_COMPLEX` lists the dtypes that `T`
# may be; `with_rank` takes care of shapes of which not even the rank is known; `merge_dims` raises the error. Then how the package finds
# the kernel for an op, a dtype and a kind of device. Your dict `OPS` had one kernel for each op; here it is a list, and the first that
# serves the attributes is taken.

# %%
from minitf.core.registry import find_kernel
from minitf.course.pictures import show_source

show_source("minitf/ops/matmul_ops.py", "matmul_shape")
print()
show_source(find_kernel)

# %% [markdown]
# ### Do we agree with it?
#
# 50 random pairs of shapes, fitting or not, some sizes unknown. Your rule and the package's, which runs when the op is added to a model,
# must give the same shape or both refuse.

# %%
def outcome(f, *args, **attrs):
    """The shape that f returns, or the kind of error that it raises."""
    try:
        return f(*args, **attrs)
    except ValueError:
        return "ValueError"


def theirs(f, *shapes, **attrs):
    """The shape that the package gives f of placeholders."""
    return tuple(f(*[tf.placeholder(tf.float32, shape) for shape in shapes], **attrs).get_shape().as_list())


random = np.random.default_rng(3)
for name, f in {"Add": lambda x, y: x + y, "MatMul": tf.matmul}.items():
    refused = 0
    for _ in range(50):
        ranks = (2, 2) if name == "MatMul" else random.integers(1, 4, size=2)
        shapes = [tuple(random.choice([None, 0, 2, 2, 3], rank).tolist()) for rank in ranks]
        attrs = {side: bool(random.integers(2)) for side in ("transpose_a", "transpose_b")} if name == "MatMul" else {}
        ours = outcome(OPS[name].shape, *shapes, **attrs)
        assert ours == outcome(theirs, f, *shapes, **attrs), (name, shapes, attrs)
        refused += ours == "ValueError"
    print(f"{name}: {refused} refused, {50 - refused} not")

# %% [markdown]
# And the kernels: the same arrays through your op and through the package's op of the same name. (`Xent` is missing: the package's gives
# the loss of each row, and the slopes with it.)

# %%
from minitf.ops.apply import apply_op

x, y, w = (tf.placeholder(tf.float64, shape) for shape in ([None, None], [None], [None, None]))
pairs = {"Add": (x, y), "Sub": (x, y), "Mul": (x, y), "MatMul": (x, w), "Relu": (x,), "Softmax": (x,)}
results = {name: apply_op(name, *inputs) for name, inputs in pairs.items()}
with tf.Session() as sess:
    for _ in range(50):
        m, n, k = random.integers(1, 9, size=3)
        arrays = {x: 30 * random.standard_normal((m, n)), y: random.standard_normal(n), w: random.standard_normal((n, k))}
        for name, inputs in pairs.items():
            assert np.allclose(OPS[name].kernel(*[arrays[t] for t in inputs]), sess.run(results[name], arrays), rtol=1e-12), name
print("agreed on", *pairs)

# %% [markdown]
# ## The digits once more
#
# What can we train with our own seven ops? We have no gradients yet; those are chapter 03. But for one layer they can be worked out by
# hand.
#
# The model: scores $= xW + b$, the loss is the cross entropy of their softmax. For one digit with scores $z$, probabilities $p$ and label
# $y$ (1 at the right digit, 0 elsewhere),
#
# $$\text{loss} = \log \sum_k e^{z_k} - \sum_k y_k z_k, \qquad \frac{\partial\,\text{loss}}{\partial z_j} = \frac{e^{z_j}}{\sum_k e^{z_k}} - y_j = p_j - y_j.$$
#
# Probabilities minus labels. If the network gives 0.7, 0.2 and 0.1 and the first is right, the slopes are −0.3, 0.2 and 0.1: raise the
# first score, lower the others, each by as much as it is off. The scores depend on $W$ through $z_j = \sum_i x_i W_{ij} + b_j$, so the
# slope for $W_{ij}$ is $x_i (p_j - y_j)$. Summed over the digits of a batch, that is a matrix product with the first side transposed.

# %%
def gradients(x, y, W, b):
    """The slopes of the mean loss with respect to W and to b."""
    scores = add(matmul(x, W), b)
    wrong = sub(softmax(scores), y)
    return matmul(x, wrong, transpose_a=True) / len(x), wrong.mean(axis=0)


# %% [markdown]
# A derivation is checked with numbers: move one weight a little, up and down, and look at the loss.

# %%
random = np.random.default_rng(4)
x, y = random.random((5, 4)), np.eye(3)[random.integers(3, size=5)]
W, b = random.standard_normal((4, 3)), np.zeros(3)
step = np.zeros((4, 3))
step[2, 1] = 1e-5
measured = (xent(add(matmul(x, W + step), b), y) - xent(add(matmul(x, W - step), b), y)) / 2e-5
print(f"measured {measured:.6f}, by the formula {gradients(x, y, W, b)[0][2, 1]:.6f}")

# %% [markdown]
# Now the digits: 1,500 times take 100 of them and go a little way against the slopes.

# %%
data = mnist(one_hot=True)
W, b = np.zeros((784, 10), np.float32), np.zeros(10, np.float32)
for _ in range(1500):
    images, labels = data.train.next_batch(100)
    slope_W, slope_b = gradients(images, labels, W, b)
    W, b = W - 0.3 * slope_W, b - 0.3 * slope_b
guesses = add(matmul(data.test.images, W), b).argmax(axis=1)
accuracy = np.mean(guesses == digits.test.labels)
print(f"{accuracy:.0%} of {len(guesses):,}")
assert 0.91 < accuracy < 0.935

# %% [markdown]
# 92%, in a second: as much as the straight network of section 1, and for the same reason. This *is* the straight network, with its two
# matrices multiplied into one. And one matrix can be looked at: column $j$ of $W$ has a weight for each pixel. Blue pixels speak for the
# digit, red ones against it, each digit on a scale of its own.

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(2, 5, figsize=(8, 3.6))
for j, ax in enumerate(axes.flat):
    largest = np.abs(W[:, j]).max()
    _ = ax.imshow(W[:, j].reshape(28, 28), cmap="RdBu", vmin=-largest, vmax=largest)
    _ = ax.set_title(j, fontsize=9)
    ax.axis("off")
plt.show()

# %% [markdown]
# The 0 wants a ring and no ink inside. That is all that a single product can express: so much for ink here, so much against ink there.

# %% [markdown]
# ## Where this lives today
#
# **PyTorch** lists its ops in `native_functions.yaml`: a name with its arguments, and for each kind of device the kernel. The rule for
# shapes is one more kernel, for the device `meta`, whose tensors have shapes and no memory. An op of your own is made by
# `torch.library.custom_op`, and `register_fake` gives it its rule. Sizes that are not known are symbols there (`SymInt`), so that the
# rule can say "twice the batch size".
#
# **JAX** calls an op a *primitive*. Its rule is the primitive's *abstract evaluation*, which computes shapes and dtypes from shapes and
# dtypes. The kernel is in most cases no function but a piece of program that the XLA compiler turns into machine code; `jax.ffi` calls a
# function of your own, normally in C++.
#
# The three parts have stayed. What has changed since 2015 is that more and more kernels are written by compilers: they choose the order of
# the loops, the blocks and the tiles.

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/01_ops`. Each says at its top what to write, with an example. They take up what this chapter left out.
#
# | file | what you write | points | what of the package it replaces |
# |---|---|---|---|
# | `softplus.py` | the kernel of a smooth relu, right at both ends | 2 | |
# | `reduction_shape.py` | the shape that is left when axes are summed away | 3 | `minitf.ops.reduction_ops.reduction_shape` |
# | `log_softmax.py` | log softmax that is right where softmax is 0 | 4 | the kernel of `LogSoftmax` for float64 |
# | `concat_shape.py` | the shape of joined tensors of which little is known | 5 | `minitf.ops.slice_ops.concat_shape` |
# | `accurate_sum.pyx` | a long sum that loses next to nothing | 5 | the kernel of `Sum` for float64 |
# | `packed_product.pyx` | a matrix product in panels, as in BLAS | 6 | the kernel of `MatMul` for int32 |
#
# `make grade CH=01` grades them all, `make watch CH=01` again whenever you save a file. `MINITF_SWAP=exercises/01_ops` before a command
# makes the package run on what you have written.
