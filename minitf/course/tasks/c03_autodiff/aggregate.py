import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "Sums of gradients, dense and sparse",
    function="aggregate",
    replaces="minitf.autodiff.aggregate.aggregate", lends=["_add_n_by_device", "_joined_pads"],
    hints=["Three questions, in this order: is the method one of the three? Are all terms IndexedSlices? If not, make tensors of "
           "all, and look at the method.",
           "For sparse terms tf.concat of the values, and tf.concat of the indices; tf.concat wants one dtype, so cast first if "
           "there are two. For the tree: a list to which sums are appended while pairs are taken from its front.",
           "while len(waiting) > 1: take the first two off, append tf.add of them. Taking the sum and one more would be a chain. "
           "Of dense_shape, any(...) over tensors does not work; look for the first that is not None."],
    why="""Concatenation is the cheapest sum there is: no arithmetic, and no table. One dense term makes it pointless, since it touches
        every row anyway. The tree and the AddN do the same additions; the AddN reads each term once and writes one result, but all
        terms must be in memory together, while the tree lets go of two for each sum. On several devices add_n_by_device sums what
        lies on each before anything is sent.""")


def summed(mine, parts, method):
    """aggregate() of terms that are arrays, or [values, indices, dense_shape]; a dense result is [kind, value, op types, levels]."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        terms = []
        for part in parts:
            if isinstance(part, np.ndarray):
                terms.append(tf.constant(part))
            else:
                values, indices, shape = part
                terms.append(tf.IndexedSlices(tf.constant(values), tf.constant(indices), None if shape is None else tf.constant(shape)))
        before = len(graph.get_operations())
        result = mine.aggregate(terms, method)
        added = graph.get_operations()[before:]
        if isinstance(result, tf.IndexedSlices):
            shape = None if result.dense_shape is None else sess.run(result.dense_shape)
            return ["IndexedSlices", *sess.run([result.values, result.indices]), result.indices.dtype.name, shape]
        level = {}
        for op in added:
            level[op] = (op.type in ("Add", "AddN")) + max([level.get(t.op, 0) for t in op.inputs], default=0)
        return ["Tensor", sess.run(result), [op.type for op in added], level.get(result.op, 0)]


def by_gradients(mine, table, ids, more_ids, dense):
    """The gradient of a table that is looked up twice, and used as a whole if `dense`."""
    with tf.Graph().as_default(), tf.Session() as sess:
        t = tf.constant(table)
        y = tf.reduce_sum(tf.gather(t, ids)) + 10.0 * tf.reduce_sum(tf.gather(t, more_ids))
        if dense:
            y += tf.reduce_sum(t * t)
        grad, = tf.gradients(y, t)
        return [isinstance(grad, tf.IndexedSlices), sess.run(tf.convert_to_tensor(grad))]


def split_up(mine, pieces):
    """The gradient of tf.split, which is a concatenation, and the op types that it took."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        x = tf.zeros([pieces[0].shape[0], sum(p.shape[1] for p in pieces)], tf.float64)
        parts = tf.split(x, len(pieces), axis=1)
        before = len(graph.get_operations())
        grad, = tf.gradients(parts, x, grad_ys=[tf.constant(p) for p in pieces])
        return [sess.run(grad), [op.type for op in graph.get_operations()[before:]]]


def sparse(random, rows, count, dtype=np.int64, shape=True):
    """(a part for the driver, the same as a table)."""
    values, indices = random.standard_normal((count, 3)), random.integers(0, rows, count).astype(dtype)
    table = np.zeros((rows, 3))
    for i, v in zip(indices, values):
        table[i] += v
    return [values, indices, np.array([rows, 3], np.int32) if shape else None], table


@task.check(1, "dense terms, in one op by default and in a tree if asked",
            hint="For the tree, draw 8 terms and their sums. Which two are added after the first two?")
def dense(run, random):
    for n in (2, 3, 5, 8, int(random.integers(9, 20))):
        parts = [random.standard_normal((2, 3)) for _ in range(n)]
        for method in (None, 0, 2):
            kind, value, types, _ = run(summed, parts, method)
            equal(kind, "Tensor", "the kind of a sum of tensors")
            close(value, sum(parts), f"the sum of {n} terms by method {method}", rtol=1e-12, atol=1e-12)
            equal(types, ["AddN"], f"the ops for {n} terms by method {method}")
        kind, value, types, levels = run(summed, parts, 1)
        close(value, sum(parts), f"the sum of {n} terms by EXPERIMENTAL_TREE", rtol=1e-12, atol=1e-12)
        expect(types == ["Add"] * (n - 1), f"EXPERIMENTAL_TREE added {n} terms by the ops {types}")
        expect(levels <= (n - 1).bit_length(), f"EXPERIMENTAL_TREE added {n} terms in {levels} levels")


@task.check(1, "terms that are all sparse stay sparse",
            hint="Rows are put one after the other, nothing is summed. Look at the indices of two dtypes, and at terms without a dense_shape.")
def all_sparse(run, random):
    long, short = np.int64, np.int32
    for counts, kinds in (((2, 3), (long, long)), ((1, 4, 2), (short, short, short)), ((3, 0, 2), (long, short, long))):
        for method in (None, 1):
            parts = [sparse(random, 4, n, d)[0] for n, d in zip(counts, kinds)]
            got = run(summed, parts, method)
            equal(got[0], "IndexedSlices", f"the kind of a sum of sparse terms by method {method}")
            _, values, indices, dtype, shape = got
            close(values, np.concatenate([p[0] for p in parts]), "the values of the sum", rtol=0, atol=0)
            equal(np.asarray(indices).tolist(), np.concatenate([p[1] for p in parts]).tolist(), "the indices of the sum")
            names = [np.dtype(k).name for k in kinds]
            equal(dtype, names[0] if len(set(names)) == 1 else "int64", f"the dtype of the indices for terms of {names}")
            equal(None if shape is None else np.asarray(shape).tolist(), [4, 3], "dense_shape")
    for known in ((False, True), (False, False)):
        parts = [sparse(random, 5, 2, shape=k)[0] for k in known]
        shape = run(summed, parts, None)[4]
        equal(None if shape is None else np.asarray(shape).tolist(), [5, 3] if any(known) else None,
              f"dense_shape, where the terms have one: {list(known)}")


@task.check(1, "sparse and dense terms have a dense sum",
            hint="One dense term is enough. What must become of the sparse ones before they can be added?")
def mixed(run, random):
    for method, op_type in ((None, "AddN"), (1, "Add")):
        part, table = sparse(random, 5, 6)
        more, more_table = sparse(random, 5, 3)
        whole = random.standard_normal((5, 3))
        for parts in ([part, whole, more], [whole, part, more], [part, more, whole]):
            kind, value, types, _ = run(summed, parts, method)
            equal(kind, "Tensor", "the kind of a sum of sparse and dense terms")
            close(value, table + more_table + whole, "the sum of sparse and dense terms", rtol=1e-12, atol=1e-12)
            expect(types.count(op_type) == (1 if method is None else 2), f"method {method} summed three terms by {types}")
    table, ids, more_ids = random.standard_normal((6, 3)), random.integers(0, 6, 4), random.integers(0, 6, 3)
    times = np.bincount(ids, minlength=6)[:, None] + 10 * np.bincount(more_ids, minlength=6)[:, None] + 0 * table
    for use in (False, True):
        still_sparse, grad = run(by_gradients, table, ids, more_ids, use)
        case = "a table that is also used as a whole" if use else "two lookups"
        equal(still_sparse, not use, f"whether tf.gradients gives IndexedSlices for {case}")
        close(grad, times + 2 * table * use, "the gradient by tf.gradients", rtol=1e-12)


@task.check(1, "other methods are refused, and pieces side by side are joined",
            hint="When do you look at the method: also if all terms are sparse? And who is asked first, joined_pads or add_n_by_device?")
def refused(run, random):
    number = int(random.integers(3, 9))
    for parts in ([np.ones(2), np.ones(2)], [sparse(random, 4, 2)[0], sparse(random, 4, 2)[0]]):
        kinds, text = run.error(summed, parts, number)
        expect("ValueError" in kinds, f"method {number} should be a ValueError, not a {kinds[0]}")
        expect(f"Invalid aggregation_method specified {number}" in text, f"method {number}: the text of the error does not say so")
    pieces = [random.standard_normal((2, 3)) for _ in range(3)]
    value, types = run(split_up, pieces)
    close(value, np.concatenate(pieces, 1), "the gradient of tf.split", rtol=0, atol=0)
    expect("ConcatV2" in types and "AddN" not in types, "pieces that fit side by side were added, not joined")
