import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "Rows that are named twice",
    function="apply_sparse_duplicate_indices",
    replaces="minitf.train.optimizer.Optimizer._apply_sparse_duplicate_indices",
    hints=["Do it on paper for indices [4, 1, 4]: how many sums are there, and into which of them does each of the three values go? "
           "Then look for these numbers in what tf.unique([4, 1, 4]) gives.",
           "The second result of tf.unique says, for each row of values, into which sum it goes. That is what tf.unsorted_segment_sum "
           "wants.",
           "tf.unsorted_segment_sum(grad.values, places, tf.size(different)); then tf.IndexedSlices(sums, different, "
           "grad.dense_shape), and hand that to optimizer._apply_sparse with var."],
    why="""The rule for a lookup's gradient hands on the values it was given, without adding anything up: that is cheap, and right as
        long as whoever uses it only adds. Gradient descent only adds, so it may subtract one row twice. Everything that squares
        must be given the sum first, and a word that occurs often in a sentence is just the word that occurs twice in a batch.""")


def handed_on(mine, values, indices, shape):
    """What _apply_sparse is given: [class], or [class, values, indices, dense_shape, dtype of the indices]; and what came back."""
    class Recorder(tf.train.Optimizer):
        given, op = None, None

        def _apply_sparse(self, grad, var):
            self.given, self.op = grad, tf.no_op()
            return self.op

    with tf.Graph().as_default(), tf.Session() as sess:
        var, recorder = tf.get_variable("table", shape, tf.float64, tf.zeros_initializer()), Recorder(False, "Recorder")
        grad = tf.IndexedSlices(tf.constant(values), tf.constant(indices), tf.constant(shape, tf.int64))
        op = mine.apply_sparse_duplicate_indices(recorder, grad, var)
        came, given = "nothing" if op is None else "its op" if op is recorder.op else "something else", recorder.given
        if not isinstance(given, tf.IndexedSlices):
            return [type(given).__name__], came
        shape = None if given.dense_shape is None else sess.run(given.dense_shape)
        return ["IndexedSlices", *sess.run([given.values, given.indices]), shape, given.indices.dtype.name], came


def trained(mine, kind, start, values, indices):
    """A variable after steps of an optimizer of the package, which calls the reader's function."""
    with tf.Graph().as_default(), tf.Session() as sess:
        var, rows, at = tf.Variable(start), tf.placeholder(tf.float64), tf.placeholder(tf.int64, [None])
        optimizer = tf.train.AdagradOptimizer(0.1, 0.1) if kind == "Adagrad" else tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True)
        rows.set_shape([None, *start.shape[1:]])
        step = optimizer.apply_gradients([(tf.IndexedSlices(rows, at, tf.constant(list(start.shape))), var)])
        sess.run(tf.global_variables_initializer())
        for v, i in zip(values, indices):
            sess.run(step, {rows: v, at: i})
        return sess.run(var)


def sums(values, indices):
    """{index: sum of its values}, one by one."""
    found = {}
    for i, v in zip(indices, values):
        found[int(i)] = found.get(int(i), 0) + v
    return found


def given_by(run, values, indices, shape):
    """[values, indices, dense_shape, dtype of the indices] that _apply_sparse is given, each index once."""
    given, came = run(handed_on, values, indices, shape)
    expect(given[0] != "NoneType", "optimizer._apply_sparse was never called")
    expect(given[0] == "IndexedSlices", f"optimizer._apply_sparse was given a {given[0]}, not IndexedSlices")
    expect(came == "its op", f"{came} came back, and not the op of optimizer._apply_sparse")
    wanted = sorted(set(indices.tolist()))
    got = np.asarray(given[2]).tolist()
    equal(sorted(got) if isinstance(got, list) else got, wanted, f"of indices {indices.tolist()}, those that _apply_sparse is given")
    return given[1:]


@task.check(1, "rows of equal indices are summed, and each index is given once",
            hint="Run yours on values of one number each and print what _apply_sparse is given: as many sums as different indices, in "
                 "the order of the indices beside them. A row may be a number, a vector or a matrix, and there may be none.")
def summed(run, random):
    for n, shape in ((12, (4,)), (7, (3, 2)), (9, ()), (0, (2,))):
        indices, values = random.integers(0, 5, n), random.standard_normal((n, *shape))
        got_values, got_indices, _, _ = given_by(run, values, indices, [20, *shape])
        wanted = sums(values, indices)
        expect(np.shape(got_values) == (len(wanted), *shape),
               f"{len(wanted)} different indices, and values of shape {list(np.shape(got_values))}")
        for i, v in zip(got_indices, got_values):
            close(v, wanted[int(i)], f"the row that belongs to index {int(i)}", rtol=1e-12, atol=1e-12)


@task.check(1, "indices keep their dtype, dense_shape stays, and nothing as high as the table is made",
            hint="The table of this check has 35,184,372,088,832 rows: a dense gradient of it, or one sum for each of its rows, fits "
                 "into no memory. IndexedSlices have three parts, and indices may be int32 or int64.")
def form(run, random):
    for dtype in (np.int32, np.int64):
        indices, values = random.permutation([1, 3, 3, 7, 1, 1]).astype(dtype), random.standard_normal((6, 3))
        got_values, _, shape, kind = given_by(run, values, indices, [2 ** 45, 3])
        equal(list(np.shape(got_values)), [3, 3], "the shape of the values that _apply_sparse is given")
        expect(shape is not None, "the IndexedSlices that _apply_sparse is given have no dense_shape")
        equal(shape.tolist(), [2 ** 45, 3], "dense_shape")
        equal(kind, np.dtype(dtype).name, f"the dtype of indices that were {np.dtype(dtype).name}")


@task.check(1, "Adagrad and Momentum take the steps that they take with dense gradients",
            hint="The package's optimizers call your function here. If the check of the sums passes, compare which row of values stands "
                 "beside which index.")
def as_dense(run, random):
    start = random.standard_normal((6, 2))
    indices = [random.integers(0, 4, 8) for _ in range(4)]
    values = [random.standard_normal((8, 2)) for _ in range(4)]
    adagrad, momentum, accum, moved = start.copy(), start.copy(), np.full((6, 2), 0.1), np.zeros((6, 2))
    for v, i in zip(values, indices):
        for row, g in sums(v, i).items():
            accum[row] += g * g
            adagrad[row] -= 0.1 * g / np.sqrt(accum[row])
            moved[row] = 0.9 * moved[row] + g
            momentum[row] -= 0.1 * (g + 0.9 * moved[row])
    close(run(trained, "Adagrad", start, values, indices), adagrad, "a variable after four steps of Adagrad", rtol=1e-10)
    close(run(trained, "Momentum", start, values, indices), momentum, "a variable after four steps of Momentum", rtol=1e-10)
