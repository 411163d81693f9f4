import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "Adam for rows",
    function="lazy_adam",
    hints=["Three things, in this order: one sum for each different index; the rows of m and v that these indices name, and what "
           "becomes of them; the rows of var.",
           "tf.gather(m, rows) gives the rows of m. Compute new_m and new_v as tensors, use those for the step, and write them back "
           "with tf.scatter_update. tf.group makes one op of several.",
           "beta1 ** step needs both in the variables' dtype: tf.pow(tf.constant(beta1, var.dtype.base_dtype), step). Subtract the "
           "step from the rows with tf.scatter_sub."],
    why="""Whether the rows that a batch does not mention should go on moving is a choice, not a fact: dense Adam keeps their momentum
        going, lazy Adam lets them rest, as Adagrad does. For a table of 100,000 words of which a batch mentions fifty, lazy Adam
        touches a two-thousandth of the memory. The frameworks disagree: tf.train.AdamOptimizer means the dense one,
        torch.optim.SparseAdam the lazy one, and the two do not learn the same.""")


def steps(mine, start, values, indices, hyper, index_dtype):
    """(var, m, v) after each of the steps."""
    with tf.Graph().as_default(), tf.Session() as sess:
        var, m, v = [tf.Variable(x, name=n) for n, x in (("var", start), ("m", start * 0), ("v", start * 0))]
        rows, at = tf.placeholder(var.dtype.base_dtype, [None, *start.shape[1:]]), tf.placeholder(index_dtype, [None])
        t = tf.placeholder(var.dtype.base_dtype, [])
        update = mine.lazy_adam(var, m, v, tf.IndexedSlices(rows, at, tf.constant(list(start.shape))), t, **hyper)
        sess.run(tf.global_variables_initializer())
        seen = []
        for number, (g, i) in enumerate(zip(values, indices), 1):
            sess.run(update, {rows: g, at: i, t: number})
            seen.append(sess.run([var, m, v]))
        return seen


def by_hand(start, values, indices, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The same, row by row."""
    var, m, v, seen = start.astype(np.float64), np.zeros(start.shape), np.zeros(start.shape), []
    for t, (g, i) in enumerate(zip(values, indices), 1):
        total = {}
        for row, value in zip(i, g):
            total[int(row)] = total.get(int(row), 0) + value
        for row, value in total.items():
            m[row] = beta1 * m[row] + (1 - beta1) * value
            v[row] = beta2 * v[row] + (1 - beta2) * value ** 2
            var[row] -= rate * np.sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * m[row] / (np.sqrt(v[row]) + epsilon)
        seen.append([var.copy(), m.copy(), v.copy()])
    return seen


def compare(got, wanted, which, rtol=1e-9):
    for t, (g, w) in enumerate(zip(got, wanted), 1):
        for name, a, b in zip(("var", "m", "v"), g, w):
            if name in which:
                close(a, b, f"{name} after step {t}", rtol=rtol, atol=rtol / 100)


@task.check(1, "one step, different indices: the slots",
            hint="Set beta1 to 0.9 and g to 1, with m at 0: what should m be after the step, and what is yours? Were m and v written at "
                 "all?")
def slots(run, random):
    start = random.standard_normal((6, 2))
    hyper = {"rate": 0.1, "beta1": float(random.uniform(0.5, 0.95)), "beta2": float(random.uniform(0.9, 0.999))}
    values, indices = [random.standard_normal((3, 2))], [random.permutation(6)[:3]]
    compare(run(steps, start, values, indices, hyper, "int64"), by_hand(start, values, indices, **hyper), ("m", "v"))


@task.check(1, "one step, different indices: the variable, with the bias corrected and the new moments",
            hint="If the slots are right, look at the last line of the formula: which m and v it takes, what stands inside the root, and "
                 "the dtype of the powers (float32 is tried too).")
def first_step(run, random):
    for dtype, rtol in (("float64", 1e-9), ("float32", 1e-5)):
        start, hyper = random.standard_normal((6, 2)).astype(dtype), {"rate": 0.1, "beta1": 0.8, "beta2": 0.99, "epsilon": 0.25}
        values, indices = [random.standard_normal((3, 2)).astype(dtype)], [random.permutation(6)[:3]]
        compare(run(steps, start, values, indices, hyper, "int32"), by_hand(start, values, indices, **hyper), ("var",), rtol)


@task.check(1, "an index that occurs several times counts with the sum of its values",
            hint="How many rows does tf.gather(m, indices) give for indices [1, 1], and which of the two does tf.scatter_update leave? "
                 "Do you square a sum, or sum squares?")
def duplicates(run, random):
    start, indices = random.standard_normal((5, 3)), [random.permutation([1, 1, 4, 1, 4, 2])]
    values = [random.standard_normal((6, 3))]
    compare(run(steps, start, values, indices, {"rate": 0.1}, "int64"), by_hand(start, values, indices, rate=0.1), ("var", "m", "v"))


@task.check(1, "rows that a step does not name rest, in the variable and in both slots",
            hint="Is there an op in your update that changes a whole variable, not some of its rows? A step may name no row at all.")
def lazy(run, random):
    start, indices = random.standard_normal((4, 2)), [np.array([0, 1]), np.array([2]), np.array([], np.int64)]
    values = [random.standard_normal((len(i), 2)) for i in indices]
    got = run(steps, start, values, indices, {"rate": 0.1}, "int64")
    for name, first, second, third in zip(("var", "m", "v"), *got):
        equal(second[[0, 1, 3]], first[[0, 1, 3]], f"rows 0, 1 and 3 of {name}, after a step that names row 2")
        equal(third, second, f"{name} after a step that names no row")


@task.check(1, "many steps",
            hint="If the checks of one step pass, what goes from one step to the next: m, v, and the power of each beta. Rows are single "
                 "numbers here.")
def many(run, random):
    start = random.standard_normal(8)
    indices = [random.integers(0, 8, random.integers(1, 9)) for _ in range(12)]
    values = [random.standard_normal(len(i)) for i in indices]
    hyper = {"rate": 0.05, "beta1": 0.7, "beta2": 0.9, "epsilon": 1e-3}
    compare(run(steps, start, values, indices, hyper, "int64"), by_hand(start, values, indices, **hyper), ("var", "m", "v"))
