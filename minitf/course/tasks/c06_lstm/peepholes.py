import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "Gates that see the memory",
    function="peephole_step",
    replaces="minitf.nn.lstm_cells.peephole_step",
    hints=["Write the step without peepholes first, as in section 6: which of its four parts is which gate?",
           "Two gates look before the memory changes and one looks afterwards. What does the third one have to wait for, if the memory "
           "is clipped?",
           "tf.split(gates, 4, axis=1) gives i, j, f, o. tf.clip_by_value(new_c, -cell_clip, cell_clip) comes before the output gate "
           "looks and "
           "before the activation."],
    why="""Graves' handwriting and speech networks had peepholes, and Greff and others (2017) took them away, along with every other part
        of the cell, one at a time, and found them the one that is missed least; the forget gate and the output activation are missed
        most. cuDNN's LSTM has none, which decided the matter.""")


def stepped(mine, gates, c, bias, peepholes, clip, activation):
    with tf.Graph().as_default(), tf.Session() as sess:
        g, m = tf.placeholder(gates.dtype, [None, gates.shape[1]]), tf.placeholder(c.dtype, [None, c.shape[1]])
        options = {} if activation == "default" else {"activation": {"relu": tf.nn.relu, "none": tf.identity}[activation]}
        y = mine.peephole_step(g, m, bias, *[tf.constant(w) for w in peepholes], **({} if clip is None else {"cell_clip": clip}), **options)
        return sess.run(list(y), {g: gates, m: c})


def cell_steps(mine, x, kernel, bias, peepholes, clip):
    """h after reading x with the package's LSTMCell, and its gradient for x."""
    with tf.Graph().as_default(), tf.Session() as sess:
        cell = tf.nn.rnn_cell.LSTMCell(kernel.shape[1] // 4, use_peepholes=True, cell_clip=clip)
        xs = [tf.constant(step) for step in x]
        ys, _ = tf.nn.static_rnn(cell, xs, dtype=tf.float64)
        values = {"kernel": kernel, "bias": bias, **{f"w_{g}_diag": w for g, w in zip("ifo", peepholes)}}
        feeds = {v: values[v.op.name.rpartition("/")[2]] for v in cell.variables}
        y, grads = sess.run([ys[-1], tf.gradients(tf.reduce_sum(ys[-1]), xs)], feeds)
        return y, np.array(grads)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def oracle(gates, c, bias, peepholes, clip=None, activation=np.tanh):
    """Number by number."""
    n = c.shape[1]
    new_c, new_h = np.empty_like(c), np.empty_like(c)
    for b, k in np.ndindex(*c.shape):
        i, j, f, o = (gates[b, part * n + k] for part in range(4))
        wi, wf, wo = (w[k] for w in peepholes)
        value = sigmoid(f + bias + wf * c[b, k]) * c[b, k] + sigmoid(i + wi * c[b, k]) * activation(j)
        value = value if clip is None else min(max(value, -clip), clip)
        new_c[b, k], new_h[b, k] = value, sigmoid(o + wo * value) * activation(value)
    return [new_c, new_h]


def drawn(random, batch, n):
    return random.standard_normal((batch, 4 * n)), 2 * random.standard_normal((batch, n)), [random.standard_normal(n) for _ in range(3)]


def compare(got, wanted, what, rtol=1e-10):
    equal(len(got), 2, f"{what}: how many tensors come back")
    for a, b, name in zip(got, wanted, "ch"):
        close(a, b, f"{what}: the new {name}", rtol=rtol)


@task.check(0.5, "the step, where all peepholes are 0",
            hint="This is the cell of section 6. Compare the order of the four parts, and where the forget bias is added.")
def without(run, random):
    for batch, n in ((1, 1), (3, 4), (0, 2)):
        gates, c, _ = drawn(random, batch, n)
        for bias in (0.0, 1.5):
            nothing = [np.zeros(n)] * 3
            compare(run(stepped, gates, c, bias, nothing, None, "default"), oracle(gates, c, bias, nothing), f"batch {batch}, {n} units")


@task.check(1, "each gate sees the memory that it should",
            hint="Give one peephole after the other a large weight, the others 0. The memory before and behind the step differ: which "
                 "does o see?")
def peeping(run, random):
    for one in (None, 0, 1, 2):
        gates, c, peepholes = drawn(random, 3, 4)
        peepholes = [w if one in (None, k) else 0 * w for k, w in enumerate(peepholes)]
        compare(run(stepped, gates, c, 0.5, peepholes, None, "default"), oracle(gates, c, 0.5, peepholes),
                "all peepholes" if one is None else f"the peephole of {'ifo'[one]} alone")


@task.check(1, "clipping, other activations, float32",
            hint="With a clip of 0.1 nearly every memory is at its limit: what do o and the activation see then? j and the way out share "
                 "one "
                 "activation; the gates do not.")
def options(run, random):
    gates, c, peepholes = drawn(random, 3, 4)
    for clip in (0.1, 1.0, 1):
        compare(run(stepped, gates, c, 1.0, peepholes, clip, "default"), oracle(gates, c, 1.0, peepholes, clip), f"clipped at {clip}")
    for name, function in (("relu", lambda v: max(v, 0.0)), ("none", lambda v: v)):
        compare(run(stepped, gates, c, 1.0, peepholes, None, name), oracle(gates, c, 1.0, peepholes, None, function), f"activation {name}")
    small = [np.float32(gates), np.float32(c), 1.0, [np.float32(w) for w in peepholes], 1.0, "default"]
    got = run(stepped, *small)
    equal([str(np.asarray(a).dtype) for a in got], ["float32", "float32"], "the dtypes of a float32 step")
    compare(got, oracle(gates, c, 1.0, peepholes, 1.0), "a float32 step", rtol=1e-4)


@task.check(0.5, "LSTMCell with peepholes, and its gradient",
            hint="The package's cell calls your function for each of five steps. If the other checks pass, look whether everything is "
                 "made of tf's ops.")
def in_the_cell(run, random):
    n, peepholes = 3, [random.standard_normal(3) for _ in range(3)]
    x, kernel, bias = random.standard_normal((5, 2, 2)), random.standard_normal((5, 12)), random.standard_normal(12)

    def last(x):
        c = h = np.zeros((2, n))
        for step in x:
            c, h = oracle(np.concatenate([step, h], 1) @ kernel + bias, c, 1.0, peepholes, 1.5)
        return h
    y, grads = run(cell_steps, x, kernel, bias, peepholes, 1.5)
    close(y, last(x), "h after five steps", rtol=1e-9)
    way = random.standard_normal(x.shape)
    measured = (last(x + 1e-6 * way) - last(x - 1e-6 * way)).sum() / 2e-6
    close((grads * way).sum(), measured, "the slope of h along a random direction of the inputs", rtol=1e-4, atol=1e-6)
