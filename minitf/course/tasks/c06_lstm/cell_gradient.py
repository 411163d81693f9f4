import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "The way back through an LSTM step",
    function="lstm_block_cell_grad",
    replaces="kernel LSTMBlockCellGrad T=float64",
    hints=["Begin without peepholes and clip, from the end: what does h's gradient mean for o and for co, what that for z_o and for cs? Then add "
           "cs_grad, and only then go on to i, ci, f and cs_prev.",
           "The slope of sigmoid is s * (1 - s), that of tanh 1 - t * t, by their own values, which you are given. A peephole is one more edge: out "
           "of cs_prev into i and f, out of cs into o.",
           "The order that works: the gradient of z_o; with it, all of cs's; the clip, which sets some of it to 0; those of z_i, z_j and z_f; and last that "
           "of cs_prev, which has f, and with peepholes two terms more. wci's is the sum of z_i's gradient times cs_prev."],
    why="""This is the kernel that trains the larger models: two passes over the memory of a step, where the gradients that a graph makes of single
        ops take dozens. What is left, two products with w and its gradient, is BLAS's work. cuDNN's LSTM goes one step further and has the whole
        unrolled network in one kernel. Whoever writes one checks it as you were: against differences.""")

NAMES = ["cs_prev_grad", "dicfo", "wci_grad", "wcf_grad", "wco_grad"]


def back(mine, attrs, arrays):
    arrays = [np.array(a) for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    return [np.array(a) for a in mine.lstm_block_cell_grad({**attrs, "T": tf.float64}, *arrays)]


def trained(mine, x, w, b, weights):
    """The gradients of a weighted sum of h for w and b, after three steps of LSTMBlockCell."""
    from minitf.ops.lstm_ops import lstm_block_cell
    with tf.Graph().as_default(), tf.Session() as sess:
        n = w.shape[1] // 4
        kernel, bias, none = tf.constant(w), tf.constant(b), tf.zeros([n], tf.float64)
        c = h = tf.zeros([x.shape[1], n], tf.float64)
        for step in x:
            _, c, _, _, _, _, h = lstm_block_cell(tf.constant(step), c, h, kernel, none, none, none, bias)
        return sess.run(tf.gradients(tf.reduce_sum(h * weights), [kernel, bias]))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forwards(z, cs_prev, wci, wcf, wco, peephole, clip, forget_bias):
    """i, cs, f, o, ci, co, h, as the docstring has them."""
    see = 1.0 if peephole else 0.0
    z_i, z_j, z_f, z_o = np.split(z, 4, axis=1)
    i, f, ci = sigmoid(z_i + see * wci * cs_prev), sigmoid(z_f + forget_bias + see * wcf * cs_prev), np.tanh(z_j)
    cs = f * cs_prev + i * ci
    cs = np.clip(cs, -clip, clip) if clip > 0 else cs
    o, co = sigmoid(z_o + see * wco * cs), np.tanh(cs)
    return i, cs, f, o, ci, co, o * co


def drawn(random, batch, n, depth=2):
    """What a step of random numbers is given: x, cs_prev, h_prev, w, wci, wcf, wco, b, cs_grad, h_grad."""
    shapes = [(batch, depth), (batch, n), (batch, n), (depth + n, 4 * n), (n,), (n,), (n,), (4 * n,), (batch, n), (batch, n)]
    return [random.standard_normal(shape) for shape in shapes]


def case(given, peephole, clip=-1.0, forget_bias=1.0):
    """(attrs, arrays for the kernel, {name: the gradient by differences})"""
    x, cs_prev, h_prev, w, wci, wcf, wco, b, cs_grad, h_grad = given
    z = np.concatenate([x, h_prev], 1) @ w + b
    i, cs, f, o, ci, co, _ = forwards(z, cs_prev, wci, wcf, wco, peephole, clip, forget_bias)

    def loss(z, cs_prev, wci, wcf, wco):
        _, cs, _, _, _, _, h = forwards(z, cs_prev, wci, wcf, wco, peephole, clip, forget_bias)
        return (cs * cs_grad + h * h_grad).sum()
    at, wanted = [z, cs_prev, wci, wcf, wco], []
    for k, a in enumerate(at):
        slope = np.empty(a.shape)
        for e in np.ndindex(*a.shape):
            ahead, behind = [[p.copy() for p in at] for _ in range(2)]
            ahead[k][e] += 1e-6
            behind[k][e] -= 1e-6
            slope[e] = (loss(*ahead) - loss(*behind)) / 2e-6
        wanted.append(slope)
    wanted = [wanted[1], wanted[0], *wanted[2:]]
    return {"use_peephole": peephole, "cell_clip": clip}, [x, cs_prev, h_prev, w, wci, wcf, wco, b, i, cs, f, o, ci, co, cs_grad, h_grad], wanted


def compare(got, wanted, what, which=range(5)):
    equal(len(got), 5, f"{what}: how many arrays come back")
    for k in which:
        close(got[k], wanted[k], f"{what}: {NAMES[k]}", rtol=1e-5, atol=1e-7)


@task.check(2, "one step: what arrives at h, and what arrives at cs",
            hint="Give only h_grad, then only cs_grad, then both. Which of the four columns are wrong? One number for each gate is enough to do it by hand.")
def plain(run, random):
    for batch, n in ((1, 1), (3, 2)):
        for only in ("h", "cs", "both"):
            given = drawn(random, batch, n)
            if only != "both":
                given[8 if only == "h" else 9] *= 0
            attrs, arrays, wanted = case(given, False)
            compare(run(back, attrs, arrays), wanted, f"batch {batch}, {n} units, a gradient for {only}")
    attrs, arrays, _ = case(drawn(random, 2, 3), False)
    got = run(back, attrs, [a[:0] if a.shape[0] == 2 and k not in (3, 4, 5, 6, 7) else a for k, a in enumerate(arrays)])
    equal([list(a.shape) for a in got], [[0, 3], [0, 12], [3], [3], [3]], "the shapes for a batch of 0")


@task.check(1, "the gates in their columns, shut and open",
            hint="A gate that is shut lets nothing back to what it multiplies, and has a slope of 0 itself. Compare your columns with i, j, f, o.")
def gates(run, random):
    for gate in range(4):
        for bias in (-40.0, 40.0):
            given = drawn(random, 2, 2)
            given[7][2 * gate:2 * gate + 2] = bias
            attrs, arrays, wanted = case(given, False, forget_bias=0.0)
            compare(run(back, attrs, arrays), wanted, f"{'ijfo'[gate]} with a bias of {bias:g}", which=(0, 1))


@task.check(1, "peepholes: the gradients that pass through them, and their own",
            hint="Which of the five results does each peephole change? Let two of them be zeros, one after the other. o looks at cs, not at cs_prev.")
def peepholes(run, random):
    for one in (0, 1, 2, None):
        given = drawn(random, 3, 2)
        for k in range(3):
            given[4 + k] *= one in (None, k)
        attrs, arrays, wanted = case(given, True)
        compare(run(back, attrs, arrays), wanted, "all peepholes" if one is None else f"the peephole of {'ifo'[one]} alone")


@task.check(1, "where cs was clipped, nothing goes back through it",
            hint="With a clip of 0.3 most of cs is at its limit. z_o still has a gradient there: does anything else? What does a clip of 0 "
                 "mean, and what is done for a cs that is near the limit and not at it?")
def clip(run, random):
    for peephole in (False, True):
        for limit in (0.3, 0.0):
            attrs, arrays, wanted = case(drawn(random, 4, 3), peephole, clip=limit)
            compare(run(back, attrs, arrays), wanted, f"cell_clip {limit}, {'with' if peephole else 'without'} peepholes")
    given = drawn(random, 4, 3)
    largest = float(np.abs(case(given, False)[1][9]).max())
    for part, what in ((1.0001, "just above"), (0.9999, "just below")):
        attrs, arrays, wanted = case(given, False, clip=part * largest)
        compare(run(back, attrs, arrays), wanted, f"a cell_clip {what} the largest cs")


@task.check(1, "three steps of the package's cell",
            hint="The op's rule makes the gradients of w, b, x and h_prev of your dicfo, and hands cs_prev_grad on to the step before.")
def three_steps(run, random):
    batch, depth, n = 2, 2, 3
    x, weights = random.standard_normal((3, batch, depth)), random.standard_normal((batch, n))
    at, none = [random.standard_normal((depth + n, 4 * n)), random.standard_normal(4 * n)], np.zeros(n)

    def loss(w, b):
        c = h = np.zeros((batch, n))
        for step in x:
            _, c, _, _, _, _, h = forwards(np.concatenate([step, h], 1) @ w + b, c, none, none, none, False, -1.0, 1.0)
        return (h * weights).sum()
    got, way = run(trained, x, *at, weights), [random.standard_normal(a.shape) for a in at]
    measured = (loss(*[a + 1e-6 * v for a, v in zip(at, way)]) - loss(*[a - 1e-6 * v for a, v in zip(at, way)])) / 2e-6
    close(sum((g * v).sum() for g, v in zip(got, way)), measured, "the slope along a random direction of w and b", rtol=1e-5, atol=1e-7)
