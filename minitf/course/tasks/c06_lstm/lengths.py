import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "Sequences that have ended",
    function="copy_through",
    replaces="minitf.nn.rnn.copy_through",
    hints=["At which steps does a sequence of length 2 last? Write the comparison of time and length for one example first.",
           "tf.where(condition, x, y) chooses whole rows if condition is a vector with one bool for each row. A product with 0 and 1 is "
           "no choice: 0 times NaN is NaN.",
           "In the docstring's example the condition is [True, False]. Which comparison makes it of 2 and [3, 2]? Then one choice is left."],
    why="""Without this a padded batch ruins the state: it goes on reading padding. Choosing, and not multiplying by a mask, is what
        keeps a NaN out that padding may produce. The gradient of the choice is a choice as well, so no gradient comes back through
        steps that did not count.""")


def chosen(mine, times, lengths, old, new, grads):
    """The result for each time; or the gradients of its sum for old and new."""
    with tf.Graph().as_default(), tf.Session() as sess:
        n = tf.placeholder(lengths.dtype, [None])
        a, b = [tf.placeholder(part.dtype, [None, *part.shape[1:]]) for part in (old, new)]
        found = []
        for time in times:
            y = mine.copy_through(np.asarray(time, lengths.dtype), n, a, b)
            wanted = tf.gradients(tf.reduce_sum(y), [a, b]) if grads else y
            found.append(sess.run(wanted, {n: lengths, a: old, b: new}))
        return found


def outputs(mine, x, lengths):
    """(outputs, final state) of static_rnn, with a cell that adds up what it reads."""
    class Sum(tf.nn.rnn_cell.RNNCell):
        state_size = output_size = x.shape[2]

        def call(self, inputs, state):
            return inputs + state, inputs + state
    with tf.Graph().as_default(), tf.Session() as sess:
        n = tf.placeholder(tf.int32, [None])
        cell = Sum()
        ys, state = tf.nn.static_rnn(cell, [tf.constant(step) for step in x], dtype=tf.float64, sequence_length=n)
        return sess.run([tf.stack(ys), state], {n: lengths})


def by_rows(time, lengths, old, new):
    return np.array([b if time < n else a for n, a, b in zip(lengths, old, new)]).reshape(old.shape)


@task.check(1, "each example by its own length, for any rank and dtype",
            hint="Compare the row of an example with length 2 at the times 1 and 2. Then try tensors [batch] and [batch, 2, 3].")
def rows(run, random):
    for shape, dtype in (((4, 3), np.float64), ((5,), np.float32), ((3, 2, 4), np.float64), ((0, 3), np.float64)):
        old, new = random.standard_normal((2, *shape)).astype(dtype)
        for kind in (np.int32, np.int64):
            lengths = random.integers(0, 4, shape[0]).astype(kind)
            for time, got in enumerate(run(chosen, [0, 1, 2, 3], lengths, old, new, False)):
                close(got, by_rows(time, lengths, old, new), f"time {time}, lengths {lengths.tolist()}, shape {list(shape)}", rtol=0, atol=0)


@task.check(0.5, "what is not chosen leaves no trace",
            hint="Put NaN into a row of new whose sequence has ended. Then look at the gradient: which rows of old and new should have "
                 "one?")
def no_trace(run, random):
    lengths = np.array([3, 1, 2, 0], np.int32)
    old, new = random.standard_normal((2, 4, 3))
    lasts = (1 < lengths)[:, np.newaxis]
    old, new = np.where(lasts, np.nan, old), np.where(lasts, new, np.inf)
    close(run(chosen, [1], lengths, old, new, False)[0], np.where(lasts, new, old), "the result, where what is not chosen is NaN or infinite")
    to_old, to_new = run(chosen, [1], lengths, old, new, True)[0]
    close(to_new, np.where(lasts, np.ones((4, 3)), 0), "the gradient for new")
    close(to_old, np.where(lasts, 0, np.ones((4, 3))), "the gradient for old")


@task.check(0.5, "static_rnn gives zeros and the state of the end",
            hint="The package calls your function twice a step here: with the old state, and with zeros for the output.")
def unrolled(run, random):
    x = random.standard_normal((5, 3, 2))
    lengths = random.permutation(np.array([5, 2, 0], np.int32))
    ys, state = run(outputs, x, lengths)
    wanted = np.cumsum(x, axis=0)
    for b, n in enumerate(lengths.tolist()):
        close(ys[:n, b], wanted[:n, b], f"the outputs of a sequence of length {n}")
        equal(np.abs(ys[n:, b]).max(initial=0.0), 0.0, f"the largest output past the end of a sequence of length {n}")
        close(state[b], wanted[n - 1, b] if n else np.zeros(2), f"the final state of a sequence of length {n}")
