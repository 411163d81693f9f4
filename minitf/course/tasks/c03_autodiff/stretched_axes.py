import itertools

import numpy as np

from minitf.course.task import Task, close, expect

task = Task(
    "Where broadcasting repeats",
    function="stretched_axes",
    replaces="minitf.autodiff.broadcasting.stretched_axes",
    hints=["Line both shapes up at their right ends. An axis that `own` lacks is repeated. Where both have it, look at the two "
           "sizes.",
           "Go through the cases for (own, other) on one axis: (1, 4), (5, 5), (1, None), (None, 1), (None, 4), (None, None). In "
           "which of them may the answer differ from run to run?",
           "If the other size is 1, nothing is repeated, whatever your own is. Else your own decides: 1 is repeated, None can not "
           "be told, anything else is not. Of an unknown rank something is known in one case: beside a scalar nothing is repeated."],
    why="""When the axes are known before the run, the gradient of a bias is one Sum with a constant; else it is three ops on shapes, in
        every step. A batch of unknown size is no obstacle: (None, 10) beside (10,) needs no run. A framework that runs ops at once,
        as PyTorch does, never has this question: shapes are there.""")


def answers(mine, pairs):
    """What is said of each pair of shapes: a list, or None."""
    shapes = [[None if s is None else tuple(s) for s in pair] for pair in pairs]
    return [None if a is None else [int(i) for i in a] for a in (mine.stretched_axes(*pair) for pair in shapes)]


def products(mine, x, y, own, other):
    """The gradients of sum(x y), where the graph knows the shapes `own` and `other`, and the types of the ops that were added."""
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tx, ty = tf.placeholder(tf.float64, own), tf.placeholder(tf.float64, other)
        z = tx * ty
        before = len(graph.get_operations())
        grads = tf.gradients(z, [tx, ty])
        return sess.run(grads, {tx: x, ty: y}) + [[op.type for op in graph.get_operations()[before:]]]


def bounds(own, other):
    """(must, may): the axes that must be listed, and that may be, for known shapes.  Where NumPy repeats, it stands still in memory."""
    result = np.broadcast_shapes(own, other)
    missing = len(result) - len(own)
    repeated = np.broadcast_to(np.zeros(own), result)
    must = {i for i in range(len(result)) if i < missing or own[i - missing] == 1 and result[i] != 1}
    assert all(repeated.strides[i] == 0 for i in must if result[i] > 1)
    return must, must | {i for i in range(missing, len(result)) if result[i] == 1}


def possible(shape):
    """Shapes that the run may bring where the graph knows this one."""
    if shape is None:
        return [s for rank in range(4) for s in itertools.product((1, 3), repeat=rank)]
    return list(itertools.product(*[(0, 1, 3, 4, 7) if n is None else (n,) for n in shape]))


def judge(own, other, answer):
    """Whether an answer is right for everything that the run may bring; None is right if no list would be."""
    ranks, must, may = set(), set(), None
    for a, b in itertools.product(possible(own), possible(other)):
        try:
            needed, allowed = bounds(a, b)
        except ValueError:                                                # these do not broadcast, so the run will not bring them
            continue
        ranks.add(len(a)), must.update(needed)
        may = allowed if may is None else may & allowed
    if not must <= may:
        return answer is None
    return answer is not None and answer == sorted(set(answer)) and must <= set(answer) <= may


def check_pairs(run, pairs):
    for (own, other), answer in zip(pairs, run(answers, [list(p) for p in pairs])):
        expect(judge(own, other, answer), f"own = {own}, other = {other}: {answer} is not right")


def random_pair(random, rank, other_rank):
    """Shapes that broadcast."""
    sizes = random.choice([1, 3, 4], size=max(rank, other_rank))
    return tuple(tuple(1 if random.random() < 0.4 else int(n) for n in sizes[len(sizes) - r:]) for r in (rank, other_rank))


@task.check(1, "known shapes of the same rank",
            hint="Go along the axes: which of the two sizes decides whether the first tensor is repeated there?")
def same_rank(run, random):
    pairs = [((3, 1), (3, 4)), ((1, 0), (1, 1)), ((1,), (0,)), ((0,), (1,)), ((), ())]
    check_pairs(run, pairs + [random_pair(random, r, r) for r in (1, 2, 3, 4) for _ in range(8)])


@task.check(1, "known shapes of different ranks",
            hint="Axes are counted in the result. Where does axis 0 of the shorter shape lie in it?")
def other_rank(run, random):
    pairs = [((5,), (1, 5)), ((1, 5), (5,)), ((), (1,))]
    check_pairs(run, pairs + [random_pair(random, a, b) for a in range(4) for b in range(4) if a != b for _ in range(4)])


@task.check(1, "sizes that only the run knows, and unknown ranks",
            hint="Put the sizes 1 and 4 in the place of each None. Is there one list that is right for all that can come?")
def unknown(run, random):
    sizes = (None, 1, 4, 0)
    pairs = [((a,), (b,)) for a in sizes for b in sizes if {a, b} != {4, 0}]
    pairs += [((None, 5), (5,)), ((5,), (None, 5)), ((None, 1), (3, 4)), ((3, None), (3, 1)), ((None,), (2, 4)), ((None, None), (4,))]
    pairs += [((1, None), (None, 1)), ((None,), (2, 1)), ((1,), (None, 4))]
    pairs += [(None, ()), (None, (4,)), ((), None), ((3,), None), (None, None), (None, (1,))]
    for _ in range(12):
        pair = random_pair(random, *random.integers(1, 4, 2).tolist())
        pairs.append(tuple(tuple(None if random.random() < 0.3 else n for n in shape) for shape in pair))
    check_pairs(run, pairs)


@task.check(1, "gradients of products, with nothing left to the run that the graph knows",
            hint="tf.gradients uses your function for both inputs of a product. None is right only where the graph does not know.")
def gradients(run, random):
    for known in (True, False):
        drawn = [random_pair(random, *random.integers(0, 4, 2).tolist()) for _ in range(3)]
        for own, other in [((3, 1), (2, 3, 4)), ((4,), (3, 1))] + drawn:
            x, y = random.standard_normal(own), random.standard_normal(other)
            got_x, got_y, types = run(products, x, y, list(own) if known else None, list(other) if known else None)
            ones = np.ones(np.broadcast_shapes(own, other))
            for got, whole, t in ((got_x, ones * y, x), (got_y, ones * x, y)):
                extra = whole.ndim - t.ndim
                whole = whole.sum(tuple(range(extra)))
                whole = whole.sum(tuple(i for i, n in enumerate(t.shape) if n == 1), keepdims=True)
                when = "known" if known else "unknown"
                close(got, whole, f"a gradient of the product of shapes {list(own)} and {list(other)}, {when} before the run", rtol=1e-12)
            if known:
                expect("BroadcastGradientArgs" not in types,
                       f"shapes {list(own)} and {list(other)} are known, and yet the run is asked for the axes")
