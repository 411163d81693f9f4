import fractions

import numpy as np

from minitf.course.task import Task, close, equal, expect

task = Task(
    "Drawing the next character",
    function="sample",
    hints=["Subtract the largest logit of each row first, then divide by the temperature: which signs are left, and what can still "
           "overflow?",
           "A stable sort of the negative logits puts equal ones in their order. np.argsort of an argsort gives each one's rank.",
           "Put 0 for what is not among the best, and do not divide by the sum. With sums = np.cumsum(p, axis=1), count in each row how "
           "many sums are "
           "at or below uniform times the row's last sum."],
    why="""Logits divided by a small temperature before the largest is subtracted are infinite, and infinity minus infinity is NaN: the
        usual bug of samplers, seen at temperature 0.01. Drawing by the sum of p, and not by a comparison with 1, also makes a row of
        float32 safe whose probabilities add up to 0.99999988. Top-k was used for stories by Fan, Lewis and Dauphin (2018); it cuts
        the long tail of characters that are unlikely one by one and likely together.""")


def drawn(mine, logits, temperature, top_k, uniform):
    """Rows as given, read-only; every warning is an error."""
    import warnings
    logits, uniform = np.array(logits), np.array(uniform)
    logits.flags.writeable = uniform.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="warn", under="ignore"):
            got = np.asarray(mine.sample(logits, temperature, top_k, uniform))
    return [str(got.dtype), got]


def probabilities(row, temperature, top_k=None):
    """Of one row, in Python's own numbers; fractions keep quotients of any size."""
    row = [float(v) for v in row]
    order = sorted(range(len(row)), key=lambda k: -row[k])
    kept = order[:top_k]
    top = fractions.Fraction(max(row))
    p = []
    for k, v in enumerate(row):
        below = -np.inf if v == -np.inf else float(max((fractions.Fraction(v) - top) / fractions.Fraction(temperature), -10000))
        p.append(np.exp(below) if k in kept and below > -745 else 0.0)
    return np.array(p) / sum(p)


def expected(logits, temperature, top_k, uniform):
    """The answers, and which of them are safe from rounding at a border."""
    places, safe = [], []
    for row, u in zip(np.asarray(logits).tolist(), np.asarray(uniform).tolist()):
        sums = np.cumsum(probabilities(row, temperature, top_k))
        places.append(int((sums <= u).sum()))
        safe.append(bool(np.abs(sums[:-1] - u).min(initial=1.0) > 1e-9) and u < 1 - 1e-9)
    return np.array(places), np.array(safe)


def compare(run, logits, temperature, top_k, uniform, what):
    _, got = run(drawn, logits, temperature, top_k, uniform)
    equal(list(np.shape(got)), [len(logits)], f"{what}: the shape")
    wanted, safe = expected(logits, temperature, top_k, uniform)
    equal(np.asarray(got)[safe], wanted[safe], what)


@task.check(1, "by the probabilities at a temperature",
            hint="Do the docstring's first example by hand, then with temperature 2: by which number are the logits divided?")
def temperatures(run, random):
    for temperature in (1.0, 0.5, 2.0, 7):
        logits, uniform = 2 * random.standard_normal((200, 6)), random.random(200)
        compare(run, logits, temperature, None, uniform, f"temperature {temperature}")
    compare(run, np.float32(random.standard_normal((50, 4))), 1.0, None, random.random(50), "float32 logits")
    _, got = run(drawn, [[3.0, -np.inf, 3.0]] * 1000, 1.0, None, (np.arange(1000) + 0.5) / 1000)
    close(np.bincount(got, minlength=3) / 1000, [0.5, 0, 0.5], "the shares of three characters, one of them ruled out", atol=0.002)


@task.check(1, "from the k best only",
            hint="Which of two equal logits is in, if there is room for one? What is top_k = 50 among 6 characters?")
def best(run, random):
    for k in (1, 2, 4, 6, 50):
        compare(run, 2 * random.standard_normal((100, 6)), 1.5, k, random.random(100), f"top_k {k}")
    ties = random.integers(0, 3, (300, 5)).astype(float)
    compare(run, ties, 1.0, 2, random.random(300), "top_k 2, with equal logits")


@task.check(0.5, "large logits, small and large temperatures, and 0",
            hint="Print what you exponentiate for the logits [1e300, 0] and the temperature 1e-300. Which of its values may be infinite? "
                 "And is a logit 1000 below the best out of reach, whatever the temperature?")
def extremes(run, random):
    for scale, temperature in ((1e300, 1.0), (1.0, 1e-300), (1e300, 1e-300), (800.0, 1.0), (1.0, 0.01), (1e-3, 1e300)):
        logits = scale * random.uniform(-1, 1, (50, 5))
        logits[:, 1] = -np.inf
        compare(run, logits, temperature, None, random.random(50), f"logits about {scale:g} at temperature {temperature:g}")
    compare(run, np.array([[0.0, -1000.0]] * 10), 1000.0, None, np.linspace(0, 0.9, 10), "logits 0 and -1000 at temperature 1000")
    logits = random.integers(0, 3, (100, 5)).astype(float)
    for zero in (0, 0.0):
        _, got = run(drawn, logits, zero, None, random.random(100))
        equal(got, np.array([row.index(max(row)) for row in logits.tolist()]), "temperature 0")


@task.check(0.5, "what has probability 0 is never drawn, and the dtype",
            hint="uniform may be the largest number below 1. Where does the first sum that exceeds it lie, if rounding has made the last "
                 "sum a little "
                 "too small?")
def borders(run, random):
    almost = np.nextafter(1.0, 0.0)
    for count in (7, 49, 1000):
        logits = np.full((40, count + 3), -np.inf)
        logits[:, 1:count + 1] = random.standard_normal((40, count))
        for u in (0.0, almost):
            _, got = run(drawn, logits, 1.0, None, np.full(40, u))
            expect(bool(((got >= 1) & (got <= count)).all()), f"for uniform = {u!r} a character is drawn that is ruled out")
    dtype, got = run(drawn, np.array([[0.0, 5.0, 4.0, -1.0]] * 2), 1.0, 2, np.array([0.0, almost]))
    equal(got, np.array([1, 2]), "the first and the last that can be drawn of the best two")
    equal(dtype, "int64", "the dtype")
