import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "The gated recurrent unit",
    function="gru_step",
    replaces="minitf.nn.cells.gru_step",
    hints=["Both gates come out of one product. The candidate needs a second one, and only after the gates are known: why?",
           "tf.concat([inputs, state], 1) has depth + n columns, as the kernels have rows. The state that the candidate sees is "
           "multiplied by r "
           "before the product, not behind it.",
           "tf.split of the sigmoid into 2 along axis 1 gives r, then u. u = 1 must keep the state as it is."],
    why="""Two gates for three, and one vector for two: a quarter fewer weights at the same size. u and 1 - u play the parts of forget
        and input gate. On the adding problem it is the fastest of the chapter's cells; on long texts there is little between the two.
        PyTorch's GRU applies the reset gate behind the product, as cuDNN does, so weights can not simply be carried over.""")


def stepped(mine, x, h, kernels, activation):
    with tf.Graph().as_default(), tf.Session() as sess:
        given = [tf.constant(k) for k in kernels]
        inputs, state = tf.placeholder(x.dtype, [None, x.shape[1]]), tf.placeholder(x.dtype, [None, h.shape[1]])
        y = mine.gru_step(inputs, state, *given, {"tanh": tf.tanh, "relu": tf.nn.relu, "none": tf.identity}[activation])
        return sess.run(y, {inputs: x, state: h})


def slopes(mine, x, h, kernels, weights):
    """The gradients of the weighted sum of the state after two steps, for the state and the four kernels and biases."""
    with tf.Graph().as_default(), tf.Session() as sess:
        given = [tf.constant(a) for a in (h, *kernels)]
        y = mine.gru_step(tf.constant(x), given[0], *given[1:], tf.tanh)
        y = mine.gru_step(tf.constant(x), y, *given[1:], tf.tanh)
        return sess.run(tf.gradients(tf.reduce_sum(y * weights), given))


def drawn(random, batch, depth, n):
    x, h = random.standard_normal((batch, depth)), random.standard_normal((batch, n))
    return x, h, [random.standard_normal(s) for s in ((depth + n, 2 * n), (2 * n,), (depth + n, n), (n,))]


def oracle(x, h, kernels, activation=np.tanh):
    """Unit by unit, from the formulas."""
    (wg, bg, wc, bc), n = kernels, h.shape[1]
    new = np.empty_like(h)
    for b in range(len(x)):
        def gate(k):
            return 1 / (1 + np.exp(-(np.dot(np.append(x[b], h[b]), wg[:, k]) + bg[k])))
        reset = np.array([gate(k) for k in range(n)])
        for k in range(n):
            u = gate(n + k)
            new[b, k] = u * h[b, k] + (1 - u) * activation(np.dot(np.append(x[b], reset * h[b]), wc[:, k]) + bc[k])
    return new


@task.check(1, "one step with tanh",
            hint="Run the docstring's example, then one in which the two gates differ: which columns of gate_kernel are r's? If it fails at a "
                 "None: batch is not known while the graph is built, so n must come from a shape that is.")
def plain(run, random):
    for batch, depth, n in ((1, 1, 1), (4, 3, 5), (3, 4, 2)):
        case = drawn(random, batch, depth, n)
        close(run(stepped, *case, "tanh"), oracle(*case), f"the new state, batch {batch}, depth {depth}, {n} units", rtol=1e-10)


@task.check(1, "shut and open gates, other activations, float32, no example at all",
            hint="Make the bias of u very large, then very small: what should the new state be? Does your step use the activation that "
                 "it is given, "
                 "and does a plain number in it change the dtype?")
def extremes(run, random):
    x, h, kernels = drawn(random, 3, 2, 4)
    for bias, what in ((60.0, "an open"), (-60.0, "a shut")):
        kernels[1][4:] = bias
        for name, function in (("tanh", np.tanh), ("relu", lambda v: max(v, 0.0)), ("none", lambda v: v)):
            close(run(stepped, x, h, kernels, name), oracle(x, h, kernels, function), f"{what} update gate, activation {name}", rtol=1e-10)
    x, h, kernels = drawn(random, 3, 2, 4)
    got = run(stepped, *[np.float32(a) for a in (x, h)], [np.float32(k) for k in kernels], "tanh")
    equal(str(np.asarray(got).dtype), "float32", "the dtype of a float32 step")
    close(got, oracle(x, h, kernels), "a float32 step", rtol=1e-4, atol=1e-5)
    equal(list(np.shape(run(stepped, x[:0], h[:0], kernels, "tanh"))), [0, 4], "the shape for a batch of 0")


@task.check(1, "the gradients of two steps",
            hint="They come from the ops that you used, so they are wrong only where the value is, or where something was cut off from "
                 "the graph.")
def gradient(run, random):
    x, h, kernels = drawn(random, 2, 3, 2)
    weights, given = random.standard_normal((2, 2)), [h, *kernels]

    def total(arrays):
        once = oracle(x, arrays[0], arrays[1:])
        return (oracle(x, once, arrays[1:]) * weights).sum()
    got = run(slopes, x, h, kernels, weights)
    for k, name in enumerate(("state", "gate_kernel", "gate_bias", "candidate_kernel", "candidate_bias")):
        wanted = np.zeros(given[k].size)
        for e in range(given[k].size):
            moved = [[a.copy() for a in given] for _ in range(2)]
            for arrays, by in zip(moved, (1e-6, -1e-6)):
                arrays[k].reshape(-1)[e] += by
            wanted[e] = (total(moved[0]) - total(moved[1])) / 2e-6
        close(got[k], wanted.reshape(given[k].shape), f"the gradient for {name}", rtol=1e-5, atol=1e-7)
