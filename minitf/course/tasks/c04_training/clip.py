import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "Clipping all gradients together",
    function="clip_by_global_norm",
    replaces="minitf.ops.clip_ops.clip_by_global_norm",
    hints=["Begin with finite norms: one factor, and a loop over three kinds of entries. Which op takes the larger of two numbers? "
           "Then the factor for a broken norm: which op asks whether a number is finite, and which one chooses between two tensors?",
           "clip_norm / tf.maximum(norm, clip_norm) is 1 or less. If the norm is infinite it is 0, and 0 is not NaN: what is infinity "
           "minus infinity?",
           "Walk over t_list: None stays None; of tf.IndexedSlices, multiply t.values and make a new tf.IndexedSlices with t.indices "
           "and t.dense_shape; of the rest, multiply. norm - norm is 0 for a finite norm and NaN for any other."],
    why="""In a narrow gorge of the loss one step can meet a gradient a thousand times the usual one, and throw the variables far away.
        Pascanu and others (2012) cut its length and keep its direction, which is why the factor is the same for all. A norm that is
        not finite is no long gradient but a broken one: scaling it by 0 would hide a division by zero somewhere, and training would
        go on, on nothing.""")


def clipped_lists(mine, arrays, bound, use_norm, plain):
    """Entries are None, an array, or [values, indices, dense_shape].  plain: a list and a number; else a tuple and a tensor."""
    with tf.Graph().as_default(), tf.Session() as sess:
        def entry(a):
            return tf.IndexedSlices(*[tf.constant(p) for p in a]) if isinstance(a, list) else None if a is None else tf.constant(a)
        given = [entry(a) for a in arrays]
        result, norm = mine.clip_by_global_norm(given if plain else tuple(given), bound if plain else tf.constant(np.float64(bound)),
                                                use_norm=None if use_norm is None else tf.constant(np.float64(use_norm)))
        kinds = ["none" if t is None else "slices" if isinstance(t, tf.IndexedSlices) else "tensor" for t in result]
        values = [None if t is None else list(sess.run(t)) if isinstance(t, tf.IndexedSlices) else sess.run(t) for t in result]
        return type(result).__name__, kinds, values, sess.run(norm)


def drawn(random, dtype):
    """Arrays of several shapes, and the length of all of them."""
    arrays = [np.asarray(random.standard_normal(random.integers(1, 5, rank)), dtype) for rank in (1, 2, 0, 3)]
    return arrays, np.sqrt(sum((np.asarray(a, np.float64) ** 2).sum() for a in arrays))


@task.check(1, "one factor for all, and none where the norm is small",
            hint="Print the factor for a norm that is a twentieth of clip_norm, and for one that is twice as long. The gradients of this "
                 "check are float32 in one list and float64 in the next: does a number of yours stand in the way of one of them?")
def one_factor(run, random):
    for dtype, rtol in (("float64", 1e-12), ("float32", 1e-5)):
        arrays, norm = drawn(random, dtype)
        for part in (0.3, 0.9, 1.5, 20.0):
            kind, _, values, told = run(clipped_lists, arrays, float(part * norm), None, part != 0.9)
            equal([kind, len(values)], ["list", len(arrays)], "the kind of sequence that comes back first, and its length")
            close(told, norm, f"the norm that comes back, of {dtype} tensors", rtol=rtol)
            for a, got in zip(arrays, values):
                close(got, a * min(1, part), f"a gradient of shape {list(a.shape)}, clip_norm being {part} of the norm", rtol=rtol)
                equal(str(np.asarray(got).dtype), dtype, f"the dtype of a clipped {dtype} tensor")
    arrays, _ = drawn(random, "float64")
    _, _, values, told = run(clipped_lists, arrays, 2.0, 8.0, True)
    close(told, 8.0, "the norm that comes back when use_norm is given")
    close(values[1], arrays[1] / 4, "a gradient when use_norm is four times clip_norm", rtol=1e-12)


@task.check(1, "None stays None, IndexedSlices stay IndexedSlices",
            hint="Follow one None and one IndexedSlices through your loop. IndexedSlices have three parts: which of them does clipping "
                 "change, and what becomes of the others?")
def other_entries(run, random):
    a, values = random.standard_normal((2, 3)), random.standard_normal((4, 2))
    slices = [values, np.array([5, 0, 5, 2]), np.array([7, 2])]
    norm = np.sqrt((a ** 2).sum() + (values ** 2).sum())
    for plain in (True, False):
        _, kinds, got, told = run(clipped_lists, [None, a, slices, None], float(norm / 2), None, plain)
        equal(kinds, ["none", "tensor", "slices", "none"], "the kinds of the entries that come back")
        close(told, norm, "the norm of a list with None and IndexedSlices", rtol=1e-12)
        close(got[1], a / 2, "the tensor beside them", rtol=1e-12)
        close(got[2][0], values / 2, "the values of the IndexedSlices", rtol=1e-12)
        equal(got[2][1].tolist(), [5, 0, 5, 2], "the indices of the IndexedSlices")
        expect(got[2][2] is not None, "the IndexedSlices have lost their dense_shape")
        equal(got[2][2].tolist(), [7, 2], "the dense_shape of the IndexedSlices")


@task.check(1, "a norm that is not finite shows in every element",
            hint="What is clip_norm divided by infinity, and what is 3 times that? Every entry must be told, IndexedSlices too, and the "
                 "NaN must have the dtype of the norm (float32 is tried too).")
def not_finite(run, random):
    for dtype in ("float32", "float64"):
        for bad in (np.inf, np.nan, -np.inf):
            for where in (0, 1):
                a, values = random.standard_normal(3).astype(dtype), random.standard_normal((2, 2)).astype(dtype)
                (a, values[1])[where][random.integers(2)] = bad
                _, kinds, got, told = run(clipped_lists, [a, None, [values, np.array([4, 1]), np.array([6, 2])]], 1.0, None, True)
                equal(kinds, ["tensor", "none", "slices"], "the kinds of the entries that come back")
                expect(not np.isfinite(told), f"one element is {bad}, and the norm that comes back is finite")
                for t, which in ((got[0], "the tensor"), (got[2][0], "the values of the IndexedSlices")):
                    expect(np.isnan(t).all(), f"one element is {bad}, and not every element of {which} becomes NaN")
