import itertools

import numpy as np

from minitf.course.task import PropertyBroken, Task, equal, expect

task = Task(
    "The shape of joined tensors",
    function="concat_shape",
    replaces="minitf.ops.slice_ops.concat_shape",
    hints=["First the questions that concern whole shapes: is any rank known, do the ranks agree, is the axis known, and is it in "
           "range? Then go size by size.",
           "zip(*lists) gives, for each axis, what the values say about it. Apart from the joined axis, what they say must be one "
           "thing, or nothing.",
           "Along the joined axis the sum is known only if *every* value says its size, and a value of unknown rank says nothing. "
           "Elsewhere, collect what is not None: nothing gives None, one number gives that number, two different ones are an error."],
    why="""To compare each shape with the one before it is not enough: (2, ?), (?, 3) and (4, ?) fit pairwise, neighbour by neighbour, and
        not together. Whoever merges what is known as he goes along, as the package does, finds it, too. In PyTorch and JAX these unknown
        sizes have names, so that 'twice n' can be said of the sum; in 2015 they were just unknown.""")


def shape(mine, sizes, axis, axis_rank=0):
    """Sizes of the result, or None; axis None: only the run knows it."""
    from minitf.graph.inference import ShapeContext
    with tf.Graph().as_default():
        values = [tf.placeholder(tf.float32, s) for s in sizes]
        at = tf.constant(axis, tf.int32) if axis is not None else tf.placeholder(tf.int32, [None] * axis_rank)
        result, = mine.concat_shape(ShapeContext("ConcatV2", "concat", {"N": len(sizes)}, values + [at]))
    result = tf.TensorShape(result)
    return None if result.ndims is None else result.as_list()


def all_results(sizes, axis):
    """The shapes that NumPy gives for all sizes that the unknown ones may have."""
    rank = next(len(s) for s in sizes if s is not None)
    sizes = [[None] * rank if s is None else s for s in sizes]
    unknown = [(i, k) for i, s in enumerate(sizes) for k, size in enumerate(s) if size is None]
    found = set()
    for tried in itertools.product((1, 2, 3), repeat=len(unknown)):
        whole = [list(s) for s in sizes]
        for (i, k), size in zip(unknown, tried):
            whole[i][k] = size
        try:
            found.add(np.concatenate([np.empty(s) for s in whole], axis).shape)
        except ValueError:
            pass
    return found


def compare(run, sizes, axis):
    """By trying all sizes; True if it had to be refused."""
    found, what = all_results(sizes, axis), f"sizes {sizes}, axis {axis}"
    if found:
        equal(run(shape, sizes, axis), [column[0] if len(set(column)) == 1 else None for column in zip(*found)], what)
        return False
    must_refuse(run, sizes, axis, "Dimensions must be equal")
    return True


def must_refuse(run, sizes, axis, part="", axis_rank=0):
    """PropertyBroken, which names the input, unless there is a ValueError with `part` in its text."""
    what = f"sizes {sizes}, axis {'not known' if axis is None else axis}{' and not a scalar' if axis_rank else ''}"
    wanted = "a ValueError" + (f' with "{part}"' if part else "")
    try:
        kinds, text = run.error(shape, sizes, axis, axis_rank)
    except PropertyBroken:
        raise PropertyBroken(f"{what}: there must be {wanted}, and there was no error") from None
    expect("ValueError" in kinds and part in text, f"{what}: there must be {wanted}, and there was {kinds[0]}: {text}")


def fitting(random, count, rank, axis):
    """Sizes that can be joined, all known."""
    common = random.integers(1, 4, rank).tolist()
    return [[int(random.integers(1, 4)) if k == axis % rank else size for k, size in enumerate(common)] for _ in range(count)]


@task.check(1, "known sizes",
            hint="Where does a negative axis lie, counted from the front? A size of 0 is a size, too.")
def known(run, random):
    for _ in range(12):
        rank = int(random.integers(1, 5))
        axis = int(random.integers(-rank, rank))
        sizes = fitting(random, int(random.integers(1, 5)), rank, axis)
        equal(run(shape, sizes, axis), list(np.concatenate([np.empty(s) for s in sizes], axis).shape), f"sizes {sizes}, axis {axis}")
    equal(run(shape, [[0, 3], [2, 3], [0, 3]], 0), [2, 3], "sizes [[0, 3], [2, 3], [0, 3]], axis 0")


@task.check(1, "sizes that are not known",
            hint="The joined axis and the others have opposite rules: along which of them does one unknown size spoil what is known?")
def unknown_sizes(run, random):
    for _ in range(16):
        rank = int(random.integers(1, 4))
        axis = int(random.integers(-rank, rank))
        sizes = [[None if random.random() < 0.35 else size for size in s] for s in fitting(random, int(random.integers(2, 4)), rank, axis)]
        compare(run, sizes, axis)
    compare(run, [[2, None], [None, 3]], 0)
    compare(run, [[None, None], [1, None], [None, 2]], 1)


@task.check(1, "unknown ranks, and an axis that is not known",
            hint="A value of unknown rank adds something along the joined axis, nobody knows what, and says nothing elsewhere. If the "
                 "axis is not known, any size may be the joined one.")
def unknown_ranks(run, random):
    for _ in range(6):
        rank = int(random.integers(1, 3))
        axis = int(random.integers(-rank, rank))
        sizes = fitting(random, 2, rank, axis)
        sizes.insert(int(random.integers(3)), None)
        compare(run, sizes, axis)
    expect(run(shape, [None, None], 0) is None, "two values of unknown rank: nothing is known")
    expect(run(shape, [None, None], None) is None, "two values of unknown rank, axis unknown: nothing is known")
    equal(run(shape, [None, [2, 3]], None), [None, None], "sizes [unknown, [2, 3]], axis unknown")
    equal(run(shape, [[2, 3], [4, None]], None), [None, None], "sizes [[2, 3], [4, None]], axis unknown")


@task.check(1, "sizes that contradict each other, next to one another or not",
            hint="Compare each size with all that has been said so far, not with its neighbour. And sizes that do fit are no error.")
def contradictions(run, random):
    refused = 0
    for _ in range(10):
        axis, first, second = int(random.integers(2)), *random.permutation([1, 2, 3])[:2].tolist()
        column = [first, None, second] if random.random() < 0.5 else [first, first, second]
        joined = random.integers(1, 4, 3).tolist()
        refused += compare(run, [[j, s] if axis == 0 else [s, j] for j, s in zip(joined, column)], axis)
        column[2] = first                                                   # repaired
        compare(run, [[j, s] if axis == 0 else [s, j] for j, s in zip(joined, column)], axis)
    refused += compare(run, [[2, 1], None, [3, 1]], 1)
    expect(refused == 11, "the grader tried the wrong shapes")


@task.check(1, "ranks that differ, and axes that there are not",
            hint="The order of the questions matters: is the axis a scalar, is any rank known, do the ranks agree, is the axis known, is "
                 "it in range? What is just inside the range is no error.")
def refused(run, random):
    rank, range_ = "equal rank", "in the range"
    beyond = int(random.integers(1, 9))
    for sizes, axis, part in [([[2, 3], [2]], 0, rank), ([None, [1], [1, 1]], 0, rank), ([[2], None, [2, 2]], None, rank),
                              ([[2, 3], [2, 3]], 2, range_), ([[2, None], None], -3, range_), ([[2], [2]], beyond, range_),
                              ([[], []], 0, "")]:
        must_refuse(run, sizes, axis, part)
    must_refuse(run, [[2, 3], [2, 3]], None, axis_rank=1)
    for sizes, axis, wanted in [([[2, 3], [2, 3]], 1, [2, 6]), ([[2, 3], [2, 3]], -2, [4, 3]), ([[2], [2]], 0, [4])]:
        equal(run(shape, sizes, axis), wanted, f"sizes {sizes}, axis {axis}")
