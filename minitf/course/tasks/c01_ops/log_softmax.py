import decimal

import numpy as np

from minitf.course.task import Task, close

task = Task(
    "The logarithm of softmax",
    function="log_softmax",
    replaces="kernel LogSoftmax T=float64",
    hints=["log(exp(a) / s) is a - log(s): no exp of a single score is ever needed again. Take the largest score of each row away "
           "first, as softmax does.",
           "Where the answer is close to 0, the sum is 1 plus something tiny. The 1 is the largest score's own exp(0). Leave it out of "
           "the sum and give the rest to np.log1p.",
           "Find the largest by argmax and put 0 in its place among the exponentials. For the rows that shall be NaN: largest minus "
           "largest is 0, but NaN if it is infinite or a NaN; so what if you put that difference there? reshape(-1, classes) makes rows "
           "of anything that has elements; np.errstate silences what is meant to be."],
    why="""TensorFlow, PyTorch and minitf's own Cython kernel stop at the first half: they are right where softmax is 0, and give 0 where
        it is nearly 1, since log(1 + 4e-18) is 0 without log1p. For a loss that is enough. Minus infinity as a score is how attention and
        masked language models rule out classes, and a row of nothing else is their best known source of NaN.""")


def values(mine, x):
    """What it gives, with every warning an error; the input is read-only, as the package's are."""
    import warnings
    x = np.array(x)
    x.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return np.array(mine.log_softmax({"T": tf.float64}, x))


def exact(x):
    """Row by row with 400 digits, so that nothing has to be taken care of; for finite scores and minus infinity."""
    with decimal.localcontext(decimal.Context(prec=400, Emin=-999999, Emax=999999)):
        def row(scores):
            scores = [decimal.Decimal(float(s)) for s in scores]
            log_sum = sum((s.exp() for s in scores if s.is_finite()), decimal.Decimal(0)).ln()
            return [float(s - log_sum) for s in scores]
        return np.array([row(r) for r in x.reshape(-1, x.shape[-1])]).reshape(x.shape)


def compare(run, x, what, atol=0):
    close(run(values, x), exact(x), what, rtol=1e-14, atol=atol)


@task.check(1, "scores of moderate size, and tensors of other ranks",
            hint="The sum is over the last axis, whatever the rank is, and has to stay beside its row.")
def moderate(run, random):
    for shape in [(3, 10), (1, 1), (5,), (2, 3, 4), (2, 1, 3, 2)]:
        compare(run, 3 * random.standard_normal(shape), f"shape {list(shape)}", atol=1e-14)


@task.check(1, "rows far apart, and probabilities that are 0 in a float64",
            hint="What is taken away from a row must be that row's. And no logarithm may be taken of a single probability.")
def far(run, random):
    x = 300 * random.standard_normal((4, 6)) + np.array([[-9000], [0], [5000], [800]])
    compare(run, x, "rows of scores around -9000, 0, 5000 and 800", atol=3e-12)


@task.check(1, "probabilities that are nearly 1",
            hint="In which line do 1 and 4e-18 meet in one addition? And if two scores are the largest, how many of them give the 1?")
def nearly_one(run, random):
    x = -random.uniform(35, 700, (6, 4))
    x[np.arange(6), random.integers(4, size=6)] = 0
    compare(run, x, "rows of one score 0 and others below -35")
    twins = np.zeros((3, 5))
    twins[:, 2:] = -random.uniform(10, 60, (3, 3))
    compare(run, twins, "rows of two largest scores", atol=1e-16)


@task.check(1, "infinities, NaN, and nothing at all",
            hint="Print the row after the largest score has been taken away, for a row with infinity and for one of nothing but minus "
                 "infinity. What is the largest of no scores?")
def special(run, random):
    inf, nan = np.inf, np.nan
    x = 3 * random.standard_normal((3, 5))
    x[np.arange(3), random.permutation(5)[:3]] = -inf
    compare(run, x, "a score of minus infinity in each row", atol=1e-14)
    bad = np.array([[1, inf, 2], [1, nan, 2], [-inf, -inf, -inf], [inf, inf, 0], [inf, nan, -inf]])
    x = np.concatenate([bad, random.standard_normal((2, 3))])
    wanted = np.concatenate([np.full((5, 3), nan), exact(x[5:])])
    close(run(values, x), wanted, "rows with NaN or infinity, and two finite ones", rtol=1e-14, atol=1e-14)
    for shape in [(0, 4), (3, 0), (0,), (2, 0, 3)]:
        close(run(values, np.zeros(shape)), np.zeros(shape), f"shape {list(shape)}")
