import numpy as np

from minitf.course.task import Task, equal, expect

task = Task(
    "The shape that a reduction leaves",
    function="reduction_shape",
    replaces="minitf.ops.reduction_ops.reduction_shape",
    hints=["Three things may be unknown, one by one: the rank, the axes, single sizes. Decide for each what is left to say.",
           "Make a set of the axes, counted from the front: a negative one plus the rank, which is what % does. Look at the range "
           "before that. np.ravel makes a vector of a scalar.",
           "Unknown rank: nothing is known. Unknown axes: the rank stays with keep_dims, else nothing is known. Otherwise walk through "
           "the sizes with enumerate: what is in the set becomes 1, or is left out."],
    why="""A size that is not known passes through like any other; only an unknown axis or rank destroys knowledge. In Python -1 % 3 is 2,
        which makes it a tool for axes; in C it is -1, a bug that many frameworks have had. Listing an axis twice is refused by NumPy and
        accepted by TensorFlow, where axes may be computed.""")


def shape(mine, sizes, axes, axes_rank, keep):
    """sizes of the result or None; axes None: known only in the run, a tensor of rank axes_rank."""
    from minitf.graph.inference import ShapeContext
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, sizes)
        if axes is None:
            known = tf.placeholder(tf.int32, [None] * axes_rank)
        else:
            known = tf.constant(axes, tf.int32, shape=np.shape(axes))
        result, = mine.reduction_shape(ShapeContext("Sum", "sum", {"keep_dims": keep}, [x, known]))
    return tf.TensorShape(result).as_list() if tf.TensorShape(result).ndims is not None else None


def reduced(sizes, axes, keep):
    """NumPy's shape of the sum of an array of these sizes."""
    gone = tuple({int(a) % len(sizes) for a in np.ravel(axes)})
    return list(np.zeros(sizes).sum(axis=gone, keepdims=keep).shape)


def cases(random, lowest_rank=1):
    for _ in range(12):
        sizes = random.integers(0, 6, random.integers(lowest_rank, 5)).tolist()
        axes = random.integers(-len(sizes), len(sizes), random.integers(0, 4)).tolist() if sizes else []
        yield sizes, axes, bool(random.integers(2))


@task.check(1, "known sizes and axes",
            hint="Try by hand: no axes at all, the last axis as -1, one axis named twice, axes that are a scalar.")
def known(run, random):
    for sizes, axes, keep in [*cases(random, 0), ([3, 4], -1, True), ([3, 4], 0, False), ([2, 3], [1, -1], False)]:
        equal(run(shape, sizes, axes, 1, keep), reduced(sizes, axes, keep), f"sizes {sizes}, axes {axes}, keep_dims {keep}")


@task.check(1, "sizes, a rank or axes that are not known",
            hint="A size that is not known is like any other here. And what does keep_dims tell, if the axes are not known?")
def unknown(run, random):
    for sizes, axes, keep in cases(random):
        hidden = [None if random.random() < 0.4 else s for s in sizes]
        both = [reduced([n if s is None else s for s in hidden], axes, keep) for n in (2, 7)]
        wanted = [a if a == b else None for a, b in zip(*both)]
        equal(run(shape, hidden, axes, 1, keep), wanted, f"sizes {hidden}, axes {axes}, keep_dims {keep}")
    for keep in (False, True):
        expect(run(shape, None, [0], 1, keep) is None, "of a tensor of unknown rank, nothing is known afterwards")
        for rank in (0, 1):
            got = run(shape, [2, 3, None], None, rank, keep)
            equal(got, [None] * 3 if keep else None, f"sizes [2, 3, None], axes that are not known, keep_dims {keep}")


@task.check(1, "axes that there are not",
            hint="Of three axes, which is the first that there is not, and which the last negative one? The axes' own shape is to be "
                 "looked at before anything else.")
def refused(run, random):
    for rank in (0, 1, 3):
        for axis in (rank, -rank - 1, rank + int(random.integers(1, 9))):
            kinds, text = run.error(shape, [2] * rank, [0, axis] if rank else [axis], 1, bool(random.integers(2)))
            expect("ValueError" in kinds and "nvalid reduction dimension" in text and str(axis) in text,
                   f"axis {axis} of a tensor of rank {rank} should be a ValueError that names it, and is {kinds[0]}: {text}")
        if rank:
            equal(run(shape, [2] * rank, [0, rank - 1], 1, True), [1] + [2] * max(0, rank - 2) + [1] * (rank > 1),
                  f"sizes {[2] * rank}, axes {[0, rank - 1]}, keep_dims True")
    for axes in ([[0, 1]], None):
        kinds, _ = run.error(shape, [2, 3], axes, 2, False)
        expect("ValueError" in kinds, f"axes that form a matrix should be a ValueError, and are {kinds[0]}")
