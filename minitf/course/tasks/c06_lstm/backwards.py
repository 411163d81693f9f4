import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "Each sequence turned round within its own length",
    function="reverse_sequence",
    replaces="kernel ReverseSequence T=float64",
    hints=["Solve it for a matrix with batch_dim 0 and seq_dim 1, with a loop over the rows. Then find the axes of NumPy that make every "
           "other "
           "case into this one.",
           "np.moveaxis(array, (batch, time), (0, 1)) is a view with these two axes in front: what is written into it is written into "
           "the array.",
           "Move the axes of a copy of x, and loop over b there. A slice taken backwards is a view of the memory you write to: read all of it "
           "before you write. A negative axis counts modulo the rank."],
    why="""static_bidirectional_rnn turns the inputs round, runs the second cell, and turns its outputs round again: done twice,
        everything is where it was, and that is also why the op is its own gradient. A reversal of the whole padded array is one of
        the most common mistakes with bidirectional networks: the backward cell then reads padding first, and learns, a little worse.""")


def turned(mine, x, lengths, time, batch):
    x, lengths = np.array(x), np.array(lengths)
    x.flags.writeable = lengths.flags.writeable = False
    return np.array(mine.reverse_sequence({"seq_dim": time, "batch_dim": batch, "T": tf.float64}, x, lengths))


def both_ways(mine, x, lengths):
    """Outputs of a bidirectional network whose two cells add up what they read."""
    class Sum(tf.nn.rnn_cell.RNNCell):
        state_size = output_size = x.shape[2]

        def call(self, inputs, state):
            return inputs + state, inputs + state
    with tf.Graph().as_default(), tf.Session() as sess:
        n = tf.placeholder(tf.int32, [None])
        ys, _, _ = tf.nn.static_bidirectional_rnn(Sum(), Sum(), [tf.constant(step) for step in x], dtype=tf.float64, sequence_length=n)
        return sess.run(tf.stack(ys), {n: lengths})


def oracle(x, lengths, time, batch):
    """Element by element."""
    result = np.empty_like(x)
    for at in np.ndindex(*x.shape):
        source, n = list(at), lengths[at[batch]]
        if at[time] < n:
            source[time] = n - 1 - at[time]
        result[at] = x[tuple(source)]
    return result


def drawn(random, shape, time, batch, kind=np.int64):
    return random.standard_normal(shape), random.integers(0, shape[time] + 1, shape[batch]).astype(kind)


@task.check(1, "matrices, batch first and time first",
            hint="Lengths 0 and 1 change nothing, the full length turns the whole row round. Is what is behind the end still there?")
def matrices(run, random):
    for shape, time, batch in (((5, 6), 1, 0), ((6, 5), 0, 1)):
        for kind in (np.int32, np.int64):
            x, _ = drawn(random, shape, time, batch)
            lengths = random.permutation(np.array([0, 1, 6, 4, 2], kind))
            close(run(turned, x, lengths, time, batch), oracle(x, lengths, time, batch), f"{list(shape)}, lengths {lengths.tolist()}",
                  rtol=0, atol=0)


@task.check(1, "more axes, in any order, counted from either end",
            hint="Print the shape that your code sees for x [2, 3, 4], seq_dim 2 and batch_dim 1. What becomes of axis -1?")
def axes(run, random):
    for shape, time, batch in (((4, 5, 3), 1, 0), ((5, 4, 3), 0, 1), ((2, 4, 5), 2, 1), ((5, 2, 4), 0, 2), ((4, 2, 5), -1, 0),
                               ((5, 2, 4), 0, -1),
                               ((2, 3, 4, 5), -1, -3)):
        x, lengths = drawn(random, shape, time, batch)
        close(run(turned, x, lengths, time, batch), oracle(x, lengths, time % len(shape), batch % len(shape)),
              f"x {list(shape)}, seq_dim {time}, batch_dim {batch}", rtol=0, atol=0)
    for shape, lengths in (((0, 3), []), ((3, 0), [0, 0, 0]), ((2, 3, 0), [2, 3])):
        got = run(turned, np.zeros(shape), np.array(lengths, np.int64), 1, 0)
        equal(list(got.shape), list(shape), "the shape that comes back for an empty x")


@task.check(0.5, "a length that does not fit is an error",
            hint="Compare your text with the docstring's, number by number. The axis in it is counted from 0.")
def refused(run, random):
    x = random.standard_normal((4, 5, 3))
    for time, lengths, bad in ((1, [2, 6, 0, 0], 1), (-2, [0, 0, 9, 1], 2), (1, [-1, 2, 2, 2], 0)):
        kind, text = run.error(turned, x, np.array(lengths), time, 0)
        equal(kind[0], "InvalidArgumentError", f"the error for lengths {lengths} of at most 5")
        expect(f"seq_lens({bad}) must be between 0 and input.dims(1) = 5, got {lengths[bad]}" in text, f"the error says {text[:100]!r}")


@task.check(0.5, "a bidirectional network reads each sequence from its end",
            hint="This is tf.nn.static_bidirectional_rnn with your kernel. If the checks before pass, do you return a new array?")
def bidirectional(run, random):
    x, lengths = random.standard_normal((4, 3, 2)), random.permutation(np.array([4, 3, 1], np.int32))
    ys = run(both_ways, x, lengths)
    for b, n in enumerate(lengths.tolist()):
        close(ys[:n, b, :2], np.cumsum(x[:n, b], 0), "the cell that reads forwards")
        close(ys[:n, b, 2:], np.cumsum(x[:n, b][::-1], 0)[::-1], f"the cell that reads backwards, of a sequence of {n} in {len(x)}")
