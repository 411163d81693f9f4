import numpy as np

from minitf.course.task import Task, close, expect

task = Task(
    "How many inputs, how many outputs",
    function="fans",
    replaces="minitf.ops.init_ops.fans",
    hints=["For a matrix [inputs, outputs]: each output is a sum over all inputs, so how many numbers come in? And where does one "
           "input go?",
           "For filters, everything before the last two dimensions is the number of places in the filter. Both fans are multiplied by "
           "it.",
           "math.prod(shape[:-2]) is 1 for a matrix, so one line serves both. A shape of fewer than two dimensions is a case of its "
           "own."],
    why="""A sum of n independent terms has n times the variance of one. Weights of variance 1 / fan_in therefore keep the spread of
        what goes forward through a layer, and weights of variance 1 / fan_out that of the gradient that comes back; Glorot and
        Bengio (2010) take the mean of the two, He and others (2015) double it because relu drops half. Count wrongly by a factor of
        25 (the places of a 5 by 5 filter) and each layer multiplies the spread by 5.""")


def of_shapes(mine, shapes):
    return [[float(f) for f in mine.fans(shape)] for shape in shapes]


def of_dimensions(mine, shape):
    return [float(f) for f in mine.fans(list(tf.TensorShape(shape)))]


def spread(mine, shape, mode):
    with tf.Graph().as_default(), tf.Session() as sess:
        make = tf.variance_scaling_initializer(scale=3.0, mode=mode, distribution="uniform", seed=7)
        values = sess.run(make(shape))
    return float(abs(values).max()), float(values.var())


@task.check(0.5, "a matrix has inputs and outputs",
            hint="In x @ weights, which dimension of the weights meets the inputs? A shape may hold Dimensions in place of ints.")
def matrices(run, random):
    a, b, c = (int(d) for d in random.choice(np.arange(2, 900), 3, replace=False))
    close(run(of_shapes, [[a, b], [b, c], [c, 1]]), [[a, b], [b, c], [c, 1]], "the fans of three shapes [inputs, outputs]")
    close(run(of_dimensions, [a, b]), [a, b], "the fans of a shape of Dimensions")


@task.check(0.5, "a vector, and a single number, count their weights",
            hint="What does shape[-2] do when there are fewer than two dimensions? A product of no factors is 1.")
def vectors(run, random):
    n = int(random.integers(2, 900))
    close(run(of_shapes, [[n], [1], []]), [[n, n], [1, 1], [1, 1]], "the fans of [n], [1] and []")


@task.check(1, "a filter's places count for both, and the package scales by it",
            hint="A filter may have one, two or three dimensions before inputs and outputs. Into how many sums does one input of a [5, "
                 "5] filter go?")
def filters(run, random):
    h, w, d, i, o = (int(n) for n in random.choice(np.arange(2, 12), 5, replace=False))
    close(run(of_shapes, [[h, w, i, o], [w, i, o], [h, w, d, i, o]]), np.outer([h * w, w, h * w * d], [i, o]),
          f"the fans of filters with places {[h, w]}, {[w]} and {[h, w, d]}")
    shape = [3, 5, int(random.integers(20, 40)), int(random.integers(50, 90))]
    for mode, fan in (("fan_in", 15 * shape[2]), ("fan_out", 15 * shape[3]), ("fan_avg", 7.5 * (shape[2] + shape[3]))):
        largest, variance = run(spread, shape, mode)
        expect(abs(variance * fan / 3 - 1) < 0.05 and 0.98 < largest / (9 / fan) ** 0.5 <= 1,
               f"tf.variance_scaling_initializer(mode={mode!r}) draws filters {shape} with the wrong spread")
