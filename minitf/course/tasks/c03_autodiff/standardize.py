import numpy as np

from minitf.course.task import Task, close

task = Task(
    "An op of your own, to second order",
    function="standardize_gradient",
    hints=["v is the mean of (x - m)^2. If x moves by dx, then v moves by 2 mean((x - m) dx): what m contributes has the factor "
           "mean(x - m), which is 0. And r = (v + EPSILON)^(-1/2) moves by -1/2 r^3 times that.",
           "So r moves by -r^2 mean(y dx), and y = (x - m) r by r (dx - mean(dx)) - y r mean(y dx). As a matrix that takes dx to "
           "dy, is it equal to its transpose?",
           "It is: in r (1 - mean - y mean(y ...)) each part is symmetric. So the rule has the same form with grad in the place of "
           "dx. Compute m, v and r by tf.reduce_mean(..., -1, keep_dims=True), tf.square and tf.rsqrt; y is op.outputs[0]."],
    why="""The rule says in three terms what the op does: moving a row as a whole changes nothing, so the mean of grad is taken out;
        stretching it changes nothing either, so the part along y is taken out; what is left is scaled by r. This is layer
        normalization, and batch normalization with axes exchanged. The real ones keep r from the run forward as a second output, to
        save work, and then must give that output a gradient as well, or second derivatives are wrong without a word.""")


def gradient(mine, x, weight, known):
    """The gradient of sum(weight * standardize(x))."""
    with tf.Graph().as_default(), tf.Session() as sess:
        t = tf.placeholder(tf.float64, x.shape if known else None)
        w = tf.placeholder(tf.float64, x.shape if known else None)
        return sess.run(mine.standardize_gradient(mine.standardize(t).op, w), {t: x, w: weight})


def second(mine, x, weight, direction):
    """The gradient of <direction, gradient of sum(weight * standardize(x))>: the Hessian times a direction."""
    with tf.Graph().as_default(), tf.Session() as sess:
        t = tf.constant(x)
        first, = tf.gradients(mine.standardize(t), t, grad_ys=tf.constant(weight))
        again, = tf.gradients(first, t, grad_ys=tf.constant(direction))
        return sess.run([first, again])


def standardized(x):
    """NumPy's version; x may be complex, for derivatives by a step along the imaginary axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)


def slope(x, weight):
    """The gradient of sum(weight * standardized(x)), element by element, exact but for rounding (no difference is taken)."""
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[i] += 1e-30j
        found[i] = (weight * standardized(moved)).sum().imag / 1e-30
    return found


@task.check(1, "the gradient of rows in a matrix",
            hint="Try grad = ones: moving a whole row changes nothing, so the sum over each row of the gradient is 0. Then try grad = y.")
def first_order(run, random):
    for columns in (2, 3, int(random.integers(4, 9))):
        x, weight = random.standard_normal((3, columns)) + random.standard_normal((3, 1)) * 3, random.standard_normal((3, columns))
        close(run(gradient, x, weight, True), slope(x, weight), f"the gradient for x of shape {list(x.shape)}", rtol=1e-8, atol=1e-10)


@task.check(1, "any rank, shapes that only the run knows, rows whose elements are all the same",
            hint="A row is the last axis, whatever the rank. And where v is 0, EPSILON keeps r finite: is it in your r?")
def ranks(run, random):
    for shape in ((5,), (2, 3, 4), (3, 1)):
        for known in (True, False):
            x, weight = random.standard_normal(shape), random.standard_normal(shape)
            close(run(gradient, x, weight, known), slope(x, weight), f"the gradient for x of shape {list(shape)}", rtol=1e-8, atol=1e-10)
    x, weight = np.repeat(random.standard_normal((2, 1)), 4, 1), random.standard_normal((2, 4))
    close(run(gradient, x, weight, True), slope(x, weight), "the gradient for rows of variance 0", rtol=1e-6, atol=1e-8)


@task.check(2, "differentiated again, it gives the Hessian times a vector",
            hint="Which of the things in your formula depend on x? Does each get there by ops that have gradients?")
def second_order(run, random):
    for shape in ((4,), (2, int(random.integers(3, 6)))):
        x, weight, direction = (random.standard_normal(shape) for _ in range(3))
        first, again = run(second, x, weight, direction)
        close(first, slope(x, weight), "the gradient by tf.gradients", rtol=1e-8, atol=1e-10)
        h = 1e-4                               # four points: wrong by h^4
        wanted = sum(c * slope(x + s * h * direction, weight) for c, s in ((8, 1), (-8, -1), (-1, 2), (1, -2))) / (12 * h)
        close(again, wanted, "the Hessian times a direction", rtol=1e-6, atol=1e-7)
