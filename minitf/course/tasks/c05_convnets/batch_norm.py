import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "Batch normalisation backwards, by hand",
    function="batch_norm_gradient",
    hints=["Name the steps: m = mean(x), c = x - m, v = mean(c * c), r = 1 / sqrt(v + epsilon), z = c * r, y = scale * z + offset. Begin "
           "at the end: "
           "which of them does offset reach, which does scale?",
           "The slope of z is g * scale. It reaches x by three ways: through c directly, through the mean in c, and through r. The way "
           "through the "
           "mean takes away the average slope, so that the sum of all is 0.",
           "The way through r takes away the part of the slope along z, as that through the mean takes away the part along a constant. "
           "A mean of "
           "g times something tells how large it is, for the mean of z * z is nearly 1."],
    why="""Centring and scaling throw two things away, the mean and the length of x, so the slope can have no part along them: mean(g) and
        z * mean(g * z) are just these two parts, and what is left is scaled by what x was scaled by. Frameworks have this as a kernel of
        its own (FusedBatchNormGrad), for the eight ops of the long way read and write the images eight times. During training the running
        mean and variance of many batches are kept aside; at test time they stand for the batch's, and then y is a plain scale and
        offset.""")


def by_hand(mine, x, scale, epsilon, g):
    x, scale, g = np.array(x), np.array(scale), np.array(g)
    for a in (x, scale, g):
        a.flags.writeable = False
    create_op = tf.Graph.create_op

    def refuse(self, op_type, *args, **kwargs):
        raise RuntimeError(f"An op {op_type} of minitf: here the slopes are to be computed by yourself, in NumPy")
    tf.Graph.create_op = refuse
    try:
        return [np.asarray(a) for a in mine.batch_norm_gradient(x, scale, epsilon, g)]
    finally:
        tf.Graph.create_op = create_op


def loss(x, scale, offset, epsilon, g):
    """In extended precision where there is one."""
    x = np.asarray(x, np.longdouble)
    axes = tuple(range(x.ndim - 1))
    centred = x - x.mean(axis=axes)
    y = scale * centred / np.sqrt((centred * centred).mean(axis=axes) + epsilon) + offset
    return (y * g).sum()


def slope(f, at, step=1e-4):
    """The derivative of f at every number of `at`, by steps to either side, of two lengths so that their errors cancel."""
    at, found = np.asarray(at, np.longdouble), np.zeros(np.shape(at))
    for i in np.ndindex(at.shape):
        ends = []
        for h in (step, 2 * step):
            up, down = at.copy(), at.copy()
            up[i] += h
            down[i] -= h
            ends.append((f(up) - f(down)) / (2 * h))
        found[i] = (4 * ends[0] - ends[1]) / 3
    return found


def case(random, shape):
    epsilon = float(random.uniform(0.01, 0.5))
    return random.standard_normal(shape) * 2 + 1, random.uniform(0.5, 2, shape[-1:]), epsilon, random.standard_normal(shape)


@task.check(1, "the slopes of scale and offset",
            hint="Both are sums over all axes but the last, of what stands beside them in the formula, times g.")
def scale_and_offset(run, random):
    for shape in [(6, 3), (4, 1), (2, 3, 2, 3)]:
        x, scale, epsilon, g = case(random, shape)
        dx, dscale, doffset = run(by_hand, x, scale, epsilon, g)
        equal([list(dscale.shape), list(doffset.shape)], [[shape[-1]]] * 2, f"the shapes of the slopes of scale and offset, x "
                                                                            f"{list(shape)}")
        close(dscale, slope(lambda s: loss(x, s, 0.0, epsilon, g), scale), f"the slope of scale, x {list(shape)}", rtol=1e-6, atol=1e-7)
        close(doffset, slope(lambda o: loss(x, scale, o, epsilon, g), np.zeros(shape[-1])), f"the slope of offset, x "
                                                                                            f"{list(shape)}", rtol=1e-6,
              atol=1e-7)


@task.check(1, "the slopes of x, of a matrix",
            hint="Add up your slopes of one channel: the sum must be 0, since a mean that moves changes no y. If it is, multiply them "
                 "with z and add "
                 "up: with a small epsilon that must be nearly 0 as well.")
def matrix(run, random):
    for shape in [(2, 1), (6, 3), (9, 2)]:
        x, scale, epsilon, g = case(random, shape)
        close(run(by_hand, x, scale, epsilon, g)[0], slope(lambda a: loss(a, scale, 0.0, epsilon, g), x), f"the slope of x {list(shape)}",
              rtol=1e-6, atol=1e-7)


@task.check(1, "the slopes of x, of images, and of channels with one number or with equal ones",
            hint="The means are over all axes but the last, however many there are. One number alone is its own mean.")
def images(run, random):
    for shape in [(3, 2, 2, 2), (2, 3, 2)]:
        x, scale, epsilon, g = case(random, shape)
        close(run(by_hand, x, scale, epsilon, g)[0], slope(lambda a: loss(a, scale, 0.0, epsilon, g), x), f"the slope of x {list(shape)}",
              rtol=1e-6, atol=1e-7)
    x, scale, epsilon, g = case(random, (1, 4))
    close(run(by_hand, x, scale, epsilon, g)[0], np.zeros((1, 4)), "the slope of x [1, 4]")
    x, scale, epsilon, g = case(random, (5, 2))
    x[:, 1] = 3.0
    close(run(by_hand, x, scale, epsilon, g)[0], slope(lambda a: loss(a, scale, 0.0, epsilon, g), x), "the slope of x, one channel of "
                                                                                                      "equal numbers",
          rtol=1e-6, atol=1e-7)


@task.check(1, "a large mean costs no digits",
            hint="Which of your differences is one of two numbers of a million million? Subtract the mean before you square.")
def large_mean(run, random):
    x, scale, epsilon, g = case(random, (8, 3))
    x = np.round(x * 1024) / 1024                              # so that adding whole millions rounds nothing
    near = run(by_hand, x, scale, epsilon, g)
    for got, wanted in zip(run(by_hand, x + 1e6 * np.array([1, -3, 100]), scale, epsilon, g), near):
        close(got, wanted, "the slopes with millions added to x", rtol=1e-7, atol=1e-7)
    close(near[0], slope(lambda a: loss(a, scale, 0.0, epsilon, g), x), "the slope of x without them", rtol=1e-6, atol=1e-7)
