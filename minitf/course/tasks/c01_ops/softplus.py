import decimal

import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "The smooth relu",
    function="softplus",
    hints=["Two different things go wrong: exp grows too large at one end, and at the other 1 + something tiny is rounded to 1. NumPy "
           "has a function for the second.",
           "log(1 + exp(x)) = x + log(1 + exp(-x)). For which x is which side harmless? np.log1p(t) is log(1 + t) that keeps the digits "
           "of a tiny t.",
           "Both sides in one: the part that the relu gives, plus log1p of exp of minus the absolute value of x."],
    why="""exp of a negative number never overflows, and log1p exists because 1 + t has no room for a small t. The same two moves are in
        every framework's softplus, in the loss of logistic regression, which is a softplus, and in log_softmax further down. TensorFlow's
        CPU kernel still switches between three formulas at a threshold.""")


def values(mine, x):
    """What it gives, with every warning an error; the input is read-only, as the package's are.  Its own kernel is gone."""
    import warnings
    from minitf.course.grader.child import drop
    drop("kernel Softplus T=float64")
    x = np.array(x)
    x.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return mine.softplus(x)


def exact(x):
    """log(1 + exp(x)) with 400 digits, then rounded."""
    with decimal.localcontext(decimal.Context(prec=400, Emin=-9999, Emax=9999)):
        return np.array([float((1 + decimal.Decimal(float(v)).exp()).ln()) for v in x.ravel()], x.dtype).reshape(x.shape)


def compare(run, x, what):
    got, wanted = np.asarray(run(values, x)), exact(x)
    equal(list(got.shape), list(x.shape), f"{what}: the shape")
    expect(got.dtype == x.dtype, f"{what}: {x.dtype} went in and {got.dtype} came out")
    wrong = ~np.isclose(got, wanted, rtol=8 * np.finfo(x.dtype).eps, atol=0)
    if wrong.any():
        expect(False, f"{what}: {int(wrong.sum())} of {x.size} elements are wrong, such as x = {x[wrong][0]:.9g}, for which "
                      f"{got[wrong][0]:.9g} came out")


@task.check(0.5, "moderate numbers, of any shape and both dtypes",
            hint="Does it work for an array without axes, and for one without elements? Does a plain number in it change the dtype?")
def moderate(run, random):
    for dtype in (np.float32, np.float64):
        for shape in [(), (7,), (0, 3), (2, 3, 4)]:
            compare(run, random.uniform(-2, 5, shape).astype(dtype), f"{np.dtype(dtype)} of shape {shape}")


@task.check(1, "large numbers, and those whose result is tiny",
            hint="Print the parts of your formula for x = 800 and for x = -40: which of them is infinite, and which has lost x's digits?")
def ends(run, random):
    compare(run, random.uniform(100, 1000, 20), "numbers above 100")
    compare(run, np.float32(random.uniform(80, 3000, 20)), "float32 numbers above 80")
    compare(run, random.uniform(-600, -20, 20), "numbers below -20")
    compare(run, np.float32(random.uniform(-80, -10, 20)), "float32 numbers below -10")


@task.check(0.5, "infinities and NaN",
            hint="Follow each of them through every part: infinity minus infinity is NaN, and a comparison with NaN is False.")
def special(run, random):
    x = np.array([np.inf, -np.inf, np.nan, -1e300, 1e300])
    close(run(values, x), np.array([np.inf, 0, np.nan, 0, 1e300]), "of [inf, -inf, nan, -1e300, 1e300]", rtol=0, atol=0)
