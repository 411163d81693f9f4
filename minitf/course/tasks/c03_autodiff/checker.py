import numpy as np

from minitf.course.task import Task, equal, expect

task = Task(
    "A gradient check that can be trusted",
    function="wrong_gradients",
    hints=["For one point: v = random.normal(size=p.shape), f with p + h v and with p - h v, and np.sum(g * v). All other points "
           "stay.",
           "Which mistakes does v = np.ones(p.shape) not see? And what does a difference of 0.00001 mean if the speed itself is "
           "0.0001?",
           "The step: 1e-5, to either side. Wrong if not |measured - said| <= 3e-4 * max(|measured|, |said|) + the rounding of f, "
           "2e-15 * |f| / h. Before that, compare shapes, since NumPy would broadcast; and a NaN is smaller than nothing, so write "
           "the test the way that a NaN fails it."],
    why="""This is how minitf tests its own rules, and how frameworks do: torch.autograd.gradcheck has such a fast mode, and check_grads
        of HIPS autograd and JAX works so. Two things ruin such checks in practice: a tolerance that does not follow the size of the
        numbers, so that a wrong small gradient passes, and a direction that is not random, so that errors which cancel are not seen.""")


def judgement(mine, points, mistakes, scale, seed):
    """What is said of a gradient with mistakes planted, {place: kind}; whether the points were left alone; how often f ran; the dtypes."""
    calls, dtypes = [], set()

    def f(x, w, b, unused):
        calls.append(1)
        dtypes.update(str(np.asarray(p).dtype) for p in (x, w, b, unused))
        return float(scale * np.sum(np.tanh(x @ w + b) * np.arange(1.0, 1.0 + w.shape[1])))

    def gradient(x, w, b, unused):
        slope = scale * (1 - np.tanh(x @ w + b) ** 2) * np.arange(1.0, 1.0 + w.shape[1])
        grads = [slope @ w.T, x.T @ slope, slope.sum(0), np.zeros(np.shape(unused))]
        for place, kind in mistakes.items():
            g = grads[place]
            grads[place] = {"twice": lambda: 2 * g, "sign": lambda: -g, "shuffled": lambda: np.roll(g, 1, -1), "none": lambda: 0 * g,
                            "one element": lambda: np.where(np.arange(g.size).reshape(g.shape) == g.size // 2, g + np.abs(g).max(), g),
                            "two per cent": lambda: 1.02 * g, "transposed": lambda: np.ascontiguousarray(g.T), "not summed": lambda: slope,
                            "a number": lambda: g.sum(), "nan": lambda: np.where(np.arange(g.size).reshape(g.shape) == 0, np.nan, g),
                            "infinite": lambda: np.where(np.arange(g.size).reshape(g.shape) == 0, np.inf, g),
                            "for nothing": lambda: g + scale}[kind]()
        return grads

    given = [p.copy() if isinstance(p, np.ndarray) else p for p in points]
    found = mine.wrong_gradients(f, gradient, given, seed)
    kept = all(np.array_equal(p, q) and np.asarray(p).dtype == np.asarray(q).dtype for p, q in zip(points, given))
    return [list(int(i) for i in found), kept, len(calls), sorted(dtypes)]


def large_f(mine, point, size, factor, seed):
    """What is said of f(x) = 100000000 + size * sum(sin(x)) with `factor` times its gradient."""
    def f(x):
        return float(1e8 + size * np.sum(np.sin(x)))
    return [int(i) for i in mine.wrong_gradients(f, lambda x: [factor * size * np.cos(x)], [point], seed)]


def drawn(random):
    n, k, m = (int(random.integers(*bounds)) for bounds in ((6, 9), (3, 5), (2, 3)))
    return [random.uniform(-1, 1, s) for s in ((n, k), (k, m), (m,), (2,))]


@task.check(1, "what is right passes, and planted mistakes are found where they are",
            hint="Which mistakes leave the inner product with your direction as it was? And do you move one point at a time?")
def finds(run, random):
    for mistakes in ({}, {0: "twice"}, {1: "sign"}, {1: "shuffled"}, {0: "one element"}, {2: "none"}, {0: "two per cent", 2: "shuffled"},
                     {3: "for nothing"}):
        found = run(judgement, drawn(random), mistakes, 1.0, int(random.integers(1000)))[0]
        told = ", ".join(f"input {k}: {kind}" for k, kind in mistakes.items()) or "none"
        equal(found, sorted(mistakes), f"mistakes planted: {told}; the answer")


@task.check(1, "the size of f does not matter",
            hint="What do you compare the difference with? And how exactly is f known, if it is 100000000 and a little?")
def scales(run, random):
    for scale in (1e-5, 1e5):
        for mistakes in ({}, {0: "two per cent"}, {1: "sign"}, {2: "none"}):
            found = run(judgement, drawn(random), mistakes, scale, int(random.integers(1000)))[0]
            equal(found, sorted(mistakes), f"f times {scale:g}, with {len(mistakes)} mistakes planted; the answer")
    for size, factor, wanted in ((0.001, 1.0, []), (10.0, 1.0, []), (10.0, 2.0, [0])):
        found = run(large_f, random.uniform(0.2, 1.2, 5), size, factor, int(random.integers(1000)))
        equal(found, wanted, f"f = 100000000 + {size:g} sum(sin(x)), with {factor:g} times its gradient; the answer")


@task.check(1, "shapes, NaN, float32, few runs, and points left alone",
            hint="Look before you compute: is the gradient of the right shape, is it finite, is the point a float64 array that is yours to change?")
def hygiene(run, random):
    for mistakes in ({1: "transposed"}, {2: "not summed"}, {2: "a number"}, {0: "nan"}, {1: "infinite"}):
        found, kept, calls, _ = run(judgement, drawn(random), mistakes, 1.0, int(random.integers(1000)))
        equal(found, sorted(mistakes), f"mistake planted: {list(mistakes.values())[0]}; the answer")
        expect(kept, "the arrays that were given have changed")
        expect(calls <= 9, f"f ran {calls} times for 4 points")
    points = drawn(random)
    points = [points[0].astype(np.float32), points[1], [1] * len(points[2]), np.array([3, -2])]
    found, kept, _, dtypes = run(judgement, points, {}, 1.0, int(random.integers(1000)))
    equal(found, [], "points of float32, float64, a list and integers, and a right gradient; the answer")
    expect(kept and dtypes == ["float64"], "f was not given float64, or the arrays that were given have changed")
