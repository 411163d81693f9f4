import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "The gradient of a lookup",
    function="gather_gradient",
    replaces="minitf.autodiff.array_grad._gather",
    hints=["Which shape has grad if params is [10, 3] and indices is [2, 2]? Which shape must values have?",
           "tf.reshape(indices, [-1]) is the list of indices. Reshape grad so that it has one row for each of them; rows have the "
           "shape of params without its first axis.",
           "The shape of values has two parts, the number of indices and the shape of a row. tf.shape gives both in the run, and "
           "tf.concat joins them. Leave no -1 for tf.reshape to find: where a row has size 0, any number would fit."],
    why="""The pair of values and indices is as large as what was looked up, whatever the size of the table: for three words of ten
        thousand that is three rows. It may hold an index twice, because summing equal ones takes a sort or a table of its own, and
        often nobody needs it: an optimizer that only adds can add both. The price is that everyone who gets an IndexedSlices must
        remember it.""")


def slices(mine, params, indices, grad, known):
    """["", the parts of the IndexedSlices as the run gives them], or what is wrong with the form of the result."""
    with tf.Graph().as_default(), tf.Session() as sess:
        feeds, tensors = {}, []
        for value in (params, indices, grad):
            tensors.append(tf.placeholder(value.dtype, value.shape if known else None))
            feeds[tensors[-1]] = value
        op = tf.gather(tensors[0], tensors[1]).op
        result = mine.gather_gradient(op, tensors[2])
        if not isinstance(result, (list, tuple)) or len(result) != 2:
            return [f"the result is no list of two, but {result!r:.80}"]
        sparse, nothing = result
        if not isinstance(sparse, tf.IndexedSlices):
            return [f"the gradient of the table is no IndexedSlices, but {sparse!r:.80}"]
        parts = [sparse.values, sparse.indices, sparse.dense_shape]
        if nothing is not None or any(p is None for p in parts):
            return ["the gradient of the indices is not None" if nothing is not None else "values, indices or dense_shape is missing"]
        return [""] + sess.run(parts, feeds)


def trained(mine, table, ids):
    """The gradient and the second derivative of sum(table[ids] ** 3), as tables, by tf.gradients."""
    with tf.Graph().as_default(), tf.Session() as sess:
        t = tf.constant(table)
        first, = tf.gradients(tf.reduce_sum(tf.gather(t, ids) ** 3.0), t)
        second, = tf.gradients(tf.reduce_sum(tf.convert_to_tensor(first)), t)
        return [isinstance(first, tf.IndexedSlices)] + sess.run([tf.convert_to_tensor(first), tf.convert_to_tensor(second)])


def judged(run, random, rows, row, shape, dtype, known):
    """One lookup, compared with NumPy's view of it."""
    params, grad = random.standard_normal((rows, *row)), random.standard_normal((*shape, *row))
    indices = random.integers(0, rows, shape).astype(dtype)
    wrong, *parts = run(slices, params, np.asarray(indices), grad, known)
    case = f"a table of shape {list(params.shape)}, indices of shape {list(shape)}, shapes {'known' if known else 'unknown'} before the run"
    expect(not wrong, f"{case}: {wrong}")
    values, places, dense_shape = parts
    equal(np.shape(places), (indices.size,), f"{case}: the shape of the result's indices")
    equal(np.asarray(places).tolist(), indices.ravel().tolist(), f"{case}: the result's indices")
    close(values, grad.reshape(indices.size, *row), f"{case}: the values", rtol=0, atol=0)
    equal(np.asarray(dense_shape).tolist(), list(params.shape), f"{case}: dense_shape")


@task.check(1, "a list of indices, where one may occur twice",
            hint="With a list of indices, each row of grad belongs to one of them already. What is left to say is the shape of the whole table.")
def vector(run, random):
    for n in (int(random.integers(4, 8)), 1):
        judged(run, random, 3, (4,), (n,), np.int32, True)


@task.check(1, "indices of any rank, and rows of any rank",
            hint="Write down the shapes of params, indices, grad and values for a table of scalars, and for a single index of rank 0.")
def ranks(run, random):
    for known in (True, False):
        for shape, row in (((2, 3), (4,)), ((), (4,)), ((2, 1, 2), (2, 3)), ((3, 2), ()), ((), ())):
            judged(run, random, int(random.integers(3, 7)), row, shape, np.int64, known)


@task.check(1, "no indices, rows of size 0, and lookups of lookups in tf.gradients",
            hint="How does your reshape know the number of rows? Does that still hold when there are no elements to count?")
def corners(run, random):
    for known in (True, False):
        judged(run, random, 5, (3,), (0,), np.int32, known)
        judged(run, random, 5, (3,), (2, 0), np.int32, known)
        judged(run, random, 5, (0,), (2, 2), np.int32, known)
    table, ids = random.standard_normal((6, 2)), random.integers(0, 4, (3, 3))
    sparse, first, second = run(trained, table, ids)
    expect(sparse, "tf.gradients gives no IndexedSlices for a table that is only looked up")
    times = np.bincount(ids.ravel(), minlength=6)[:, None]
    close(first, times * 3 * table ** 2, "the gradient of the cubes of looked-up rows", rtol=1e-12)
    close(second, times * 6 * table, "their second derivative", rtol=1e-12)
