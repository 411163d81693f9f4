import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "The rule of 1 / sqrt(x)",
    function="rsqrt_gradient",
    replaces="minitf.autodiff.math_grad._rsqrt",
    hints=["Write the slope of x^(-1/2) as calculus has it. It is a power of x, with a factor.",
           "The power is -3/2. Which power of y = x^(-1/2) is that? op.outputs[0] is y.",
           "The slope is -1/2 y^3. A rule returns grad times the slope."],
    why="""Many functions are cheaper to differentiate from their output than from their input: exp, sqrt, tanh, sigmoid, softmax. The
        output has been computed already, and since it must be kept for the way back, the input need not be. And since the rule is
        made of ops of the graph, nothing is left to do for the second derivative: the gradient of y * y * y asks for the gradient of
        y, which is this rule again.""")


def derivatives(mine, x, weight, order):
    """The derivatives of sum(weight / sqrt(x)), up to an order."""
    with tf.Graph().as_default(), tf.Session() as sess:
        t = tf.constant(x)
        op = tf.rsqrt(t).op
        found = [mine.rsqrt_gradient(op, tf.constant(weight))]
        while len(found) < order:
            found += tf.gradients(found[-1], t)
        return [sess.run(g) for g in found] + [found[0].dtype.name]


@task.check(1, "grad times the slope, for x of any shape",
            hint="Work out the slope at x = 4 by hand, and what your rule gives there for grad = 1 and for grad = 2.")
def first(run, random):
    for shape in ((), (int(random.integers(2, 6)),), (3, 0), (2, 3, 2)):
        x, weight = random.uniform(0.3, 4, shape), random.standard_normal(shape)
        got, _ = run(derivatives, x, weight, 1)
        close(got, weight * (-0.5) * x ** -1.5, f"the gradient for an x of shape {list(shape)}", rtol=1e-12)


@task.check(0.5, "the gradient has the dtype of x",
            hint="In which dtype do you compute? Python numbers take the dtype of the tensor beside them; NumPy numbers and casts do not.")
def dtypes(run, random):
    x, weight = random.uniform(0.3, 4, 5), random.standard_normal(5)
    for name, digits in (("float32", 1e-5), ("float64", 1e-12)):
        got, dtype = run(derivatives, x.astype(name), weight.astype(name), 1)
        equal(dtype, name, f"the dtype of the gradient of a {name}")
        close(got, weight * (-0.5) * x ** -1.5, f"the gradient of a {name}", rtol=digits, atol=digits)


@task.check(0.5, "differentiated again, it gives the second and the third derivative",
            hint="Is every x and every y in your formula a tensor of the graph, with nothing that stops gradients on the way?")
def again(run, random):
    x, weight = random.uniform(0.3, 4, 5), np.ones(5)
    _, second, third, _ = run(derivatives, x, weight, 3)
    close(second, 0.75 * x ** -2.5, "the second derivative", rtol=1e-11)
    close(third, -1.875 * x ** -3.5, "the third derivative", rtol=1e-11)
