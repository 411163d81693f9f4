import numpy as np

from minitf.course.task import PropertyBroken, Task, close, equal, expect

task = Task(
    "Which ops to visit",
    function="paths",
    replaces="minitf.autodiff.gradients.paths",
    hints=["Two questions for each operation: does some y need it, and does some x move it? The first is answered by going up from the "
           "ys, the second by going down from the xs.",
           "Each walk keeps a list of what is still to be looked at, and remembers what it has seen, so that nothing is looked at twice. "
           "What is remembered must be found at once, however much it is.",
           "The second walk can do without a list: take the operations that are needed in the order in which they were made. When the "
           "turn of one comes, it is known which of its inputs are wanted. Ask the conditions there, one after the other; an operation "
           "that fails one makes nothing wanted."],
    why="""Without this walk gradients() would visit everything above the ys: it would ask for the rule of ops that need none, and would
        make ops that nobody fetches. With it, a None is known before any rule is called. `wanted` is also what saves work in the
        backward pass of a network: nothing is computed for the gradient of the images, because no x lies behind them. PyTorch carries
        the same mark along in the run, and calls it requires_grad.""")


def walked(mine, recipe, ys, xs, stops, as_dict):
    """What paths() says of a graph that is built by a recipe: an operation is its place in the recipe, a tensor [place, output]."""
    with tf.Graph().as_default():
        made = []                                            # the outputs of each step
        for kind, inputs in recipe:
            args = [made[i][k] for i, k in inputs]
            simple = {"add": tf.add, "mul": tf.multiply, "tanh": tf.tanh, "where": tf.where, "less": tf.less, "floor": tf.floor,
                      "cut": tf.stop_gradient}
            if kind in simple:
                made.append([simple[kind](*args)])
            elif kind == "input":
                made.append([tf.placeholder(tf.float64, [4])])
            elif kind == "top":
                made.append(list(tf.nn.top_k(args[0], 4)))
            else:
                made.append([tf.cast(args[0], {"to_int": tf.int32, "to_float": tf.float64}[kind])])
        place = {t: [i, k] for i, outputs in enumerate(made) for k, t in enumerate(outputs)}
        number = {outputs[0].op: i for i, outputs in enumerate(made)}
        roots = [made[i][k] for i, k in ys]
        found = mine.paths(dict.fromkeys(roots) if as_dict else roots, [made[i][k] for i, k in xs], {made[i][0].op for i in stops})
        if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], list) and isinstance(found[1], set)):
            return None
        return [[number.get(op, -1) for op in found[0]], sorted(place.get(t, [-1, -1]) for t in found[1])]


def tall(mine, kind, height):
    """Of stacked diamonds or a chain: how many ops are to be visited, how often ops and tensors were compared, the seconds that paths()
    took, and the slope by tf.gradients."""
    import time
    from minitf.graph import Operation, Tensor
    compared = []

    def equal(one, other):                                   # a set finds by hash; a list compares with one after the other
        compared.append(1)
        return one is other
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.constant(1.0, tf.float64)
        y = x
        for _ in range(height):
            y = y + y if kind == "diamonds" else -y
        start, before = time.process_time(), Tensor.__eq__
        Operation.__eq__ = Tensor.__eq__ = equal
        try:
            order, _ = mine.paths([y], [x])
        finally:
            Operation.__eq__ = object.__eq__
            Tensor.__eq__ = before
        seconds = time.process_time() - start
        slope, = tf.gradients(y, x)
        return [len(order), len(compared), seconds, None if slope is None else float(sess.run(slope))]


def stopped(mine, point):
    """Slopes by tf.gradients for several ys, and with a stop; None where it gives None."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.constant(point)
        square = x * x
        cube = square * x
        unused = tf.constant(point)
        found = tf.gradients([cube, square], [x, square, unused]) + tf.gradients(cube, [x, square], stop_gradients=[square])
        return [None if g is None else sess.run(g) for g in found]


CARRIES = {"less": False, "to_int": False}
CUTS = {"cut", "floor", "less", "input"}


def carries(recipe, tensor):
    kind = recipe[tensor[0]][0]
    return CARRIES.get(kind, not (kind == "top" and tensor[1] == 1))


def bounds(recipe, ys, xs, stops):
    """(least, most): the operations that must be in order, since a gradient comes to them, and those that may be.

    By matrices: reach[i, j] where op j needs op i along tensors that carry gradients.
    """
    n = len(recipe)
    edge = np.zeros((n, n), bool)
    for j, (_, inputs) in enumerate(recipe):
        for tensor in inputs:
            if carries(recipe, tensor):
                edge[tensor[0], j] = True
    passes = np.array([i not in stops and recipe[i][0] not in CUTS for i in range(n)])
    by_any, by_passing = closure(edge), closure(edge & passes & passes[:, None])
    needed = {i for i in range(n) if passes[i] and any(by_any[i, y[0]] for y in ys)}
    given = {i for i in range(n) if passes[i] and any(passes[y[0]] and by_passing[i, y[0]] for y in ys)}
    most, wanted = set(), {tuple(x) for x in xs}
    for _ in range(n):                                       # until nothing more is wanted
        for i in needed:
            if any(tuple(t) in wanted for t in recipe[i][1]):
                most.add(i)
                wanted |= outputs(recipe, i)
    return most & given, most


def closure(edge):
    reach = np.eye(len(edge), dtype=bool)
    for _ in range(len(edge)):
        reach = reach | (reach.astype(int) @ edge > 0)
    return reach


def outputs(recipe, i):
    return {(i, k) for k in range(2 if recipe[i][0] == "top" else 1) if carries(recipe, (i, k))}


def drawn(random, length, kinds):
    """A recipe: [kind, [tensors]], where a tensor is [step, output]."""
    recipe, floats, ints, bools = [], [], [], []
    for i in range(length):
        kind = "input" if i < 3 else str(random.choice(kinds))
        pick = lambda among: list(among[int(random.integers(max(0, len(among) - 6), len(among)))])         # noqa: E731  among the last six
        if kind == "where" and not bools or kind == "to_float" and not ints:
            kind = "tanh"
        count = {"input": 0, "add": 2, "mul": 2, "less": 2}.get(kind, 1)
        inputs = [pick(ints)] if kind == "to_float" else [pick(floats) for _ in range(count)]
        if kind == "where":
            inputs = [pick(bools), pick(floats), pick(floats)]
        recipe.append([kind, inputs])
        (bools if kind == "less" else ints if kind == "to_int" else floats).append((i, 0))
        if kind == "top":
            ints.append((i, 1))
    return recipe, floats


def fault(case, answer):
    """What is wrong with an answer for a case (recipe, ys, xs, stops), or None."""
    recipe, ys, xs, stops = case
    if answer is None:
        return "the answer is no tuple of a list and a set"
    order, wanted = answer
    least, most = bounds(*case)
    if -1 in order or len(set(order)) < len(order):
        return "order has something twice, or something that is no operation of the graph"
    if not set(order) <= most:
        return "order has an operation that should not be there"
    if not least <= set(order):
        return "an operation is missing in order"
    if order != sorted(order, reverse=True):
        return "an operation comes before one that uses its output"
    right = {tuple(x) for x in xs}.union(*[outputs(recipe, i) for i in order])
    return None if {tuple(t) for t in wanted} == right else "wanted does not fit to xs and order"


def compare(run, recipe, ys, xs, stops=(), as_dict=False):
    """PropertyBroken with as small a case as can be found, if the answer is wrong."""
    case = [recipe, [list(y) for y in ys], [list(x) for x in xs], list(stops)]
    answer = run(walked, *case, as_dict)
    wrong = fault(case, answer)
    while wrong:
        for other in smaller(*case):
            try:
                its_answer = run(walked, *other, as_dict)
            except Exception:                                # another mistake, which is not what is being told
                continue
            if fault(other, its_answer):
                case, answer = other, its_answer
                break
        else:
            raise PropertyBroken(f"{told(*case, answer)}: {fault(case, answer)}")


def smaller(recipe, ys, xs, stops):
    """The same case without a y, an x, a stop, or an operation (its first input takes its place)."""
    for k in range(len(ys) if len(ys) > 1 else 0):
        yield [recipe, ys[:k] + ys[k + 1:], xs, stops]
    for k in range(len(xs) if len(xs) > 1 else 0):
        yield [recipe, ys, xs[:k] + xs[k + 1:], stops]
    for k in range(len(stops)):
        yield [recipe, ys, xs, stops[:k] + stops[k + 1:]]
    for i in reversed(range(len(recipe))):
        used = {t[1] for t in sum([inputs for _, inputs in recipe], ys + xs) if t[0] == i}
        heir = next((t for t in recipe[i][1] if carries(recipe, t)), None)
        if used and (heir is None or used != {0} or not carries(recipe, (i, 0))):
            continue

        def moved(tensors):
            tensors = [heir if t[0] == i else t for t in tensors]
            return [[j - (j > i), k] for j, k in tensors]

        def once(tensors):
            return [list(t) for t in dict.fromkeys(map(tuple, moved(tensors)))]
        rest = [[kind, moved(inputs)] for j, (kind, inputs) in enumerate(recipe) if j != i]
        yield [rest, once(ys), once(xs), [j - (j > i) for j in stops if j != i]]


def told(recipe, ys, xs, stops, answer):
    """A case and an answer, as one would write them."""
    def name(t):
        letter = "abcdefghijklmnopqrstuvwxyz"[t[0]] if t[0] >= 0 else "?"
        return f"{letter}[{t[1]}]" if recipe[t[0]][0] == "top" else letter

    def names(tensors):
        return ", ".join(name(t) for t in tensors)
    form = {"input": "placeholder", "add": "{} + {}", "mul": "{} * {}", "less": "{} < {}", "where": "where({}, {}, {})", "tanh": "tanh({})",
            "floor": "floor({})", "cut": "stop_gradient({})", "top": "top_k({})", "to_int": "int32({})", "to_float": "float64({})"}
    lines = ["abcdefghijklmnopqrstuvwxyz"[i] + " = " + form[kind].format(*map(name, inputs)) for i, (kind, inputs) in enumerate(recipe)]
    text = f"{'; '.join(lines)}; ys [{names(ys)}], xs [{names(xs)}]"
    text += f", stops {{{names([i, 0] for i in stops)}}}" * bool(stops)
    if answer is None:
        return text
    return f"{text} gives order [{', '.join(name([i, 0])[:1] for i in answer[0])}] and wanted {{{names(answer[1])}}}"


SMOOTH = ["add", "mul", "tanh", "add", "mul", "input"]
ALL = SMOOTH + ["where", "less", "cut", "floor", "to_int", "to_float", "top"]


def some(random, among, count):
    return [list(among[int(i)]) for i in random.choice(len(among), size=min(count, len(among)), replace=False)]


@task.check(1, "one y and one x: what lies between them, last first",
            hint="An operation must be reached from both sides. Which numbers tell what was made last?")
def plain(run, random):
    for _ in range(10):
        recipe, floats = drawn(random, 14, SMOOTH)
        y = list(floats[-1])
        for x in [list(t) for t in floats[:3] if bounds(recipe, [y], [t], ())[0]]:
            compare(run, recipe, [y], [x])


@task.check(1, "several ys, and xs that are connected, unconnected, between others, or a y",
            hint="An x is wanted in any case, and the walk goes on behind it. Do you follow every y?")
def several(run, random):
    for k in range(10):
        recipe, floats = drawn(random, 20, SMOOTH)
        ys, xs = some(random, floats[6:], 3), some(random, floats, 4)
        compare(run, recipe, ys, xs, as_dict=bool(k % 2))
        compare(run, recipe, ys, ys)
    compare(run, [["input", []], ["input", []], ["tanh", [[0, 0]]]], [[2, 0]], [[0, 0], [1, 0], [2, 0]])
    nones = [slope is None for slope in run(stopped, 3.0)[:3]]
    equal(nones, [False, False, True], "for which xs tf.gradients gives None")


@task.check(1, "what carries no gradient, and what is not differentiable, is not passed",
            hint="There are two ways for a path to be cut: at a tensor, by its dtype, and at an operation. Which do you ask, and on which walk?")
def numbers(run, random):
    for _ in range(12):
        recipe, floats = drawn(random, 24, ALL)
        compare(run, recipe, some(random, floats[8:], 2), some(random, floats, 3))
    chain = [["input", []], ["to_int", [[0, 0]]], ["to_float", [[1, 0]]], ["tanh", [[0, 0]]], ["add", [[2, 0], [3, 0]]]]
    compare(run, chain, [[4, 0]], [[0, 0]])
    compare(run, chain, [[2, 0]], [[0, 0]])
    choose = [["input", []], ["input", []], ["tanh", [[0, 0]]], ["less", [[2, 0], [1, 0]]], ["where", [[3, 0], [1, 0], [1, 0]]]]
    compare(run, choose, [[4, 0]], [[0, 0]])
    compare(run, choose, [[4, 0]], [[0, 0], [1, 0], [4, 0]])


@task.check(1, "stops",
            hint="An operation that is stopped makes nothing wanted, but what is above it may still be reached by another way.")
def stops(run, random):
    for _ in range(10):
        recipe, floats = drawn(random, 20, SMOOTH)
        compare(run, recipe, some(random, floats[8:], 2), some(random, floats, 3), [t[0] for t in some(random, floats[3:], 4)])
    example = [["input", []], ["input", []], ["mul", [[0, 0], [0, 0]]], ["add", [[2, 0], [1, 0]]], ["mul", [[3, 0], [2, 0]]]]
    compare(run, example, [[4, 0]], [[0, 0]], [2])
    compare(run, example, [[4, 0]], [[0, 0], [3, 0]], [2])
    compare(run, example, [[3, 0], [4, 0]], [[0, 0], [3, 0], [4, 0]], [2])
    compare(run, [["input", []], ["tanh", [[0, 0]]], ["tanh", [[1, 0]]], ["tanh", [[2, 0]]]], [[3, 0]], [[0, 0]], [2])
    point = float(random.uniform(1, 3))
    to_x, to_square, _, held, at_stop = run(stopped, point)
    expect(None not in (to_x, to_square, held, at_stop), "tf.gradients gives None where a gradient comes through")
    close([to_x, to_square], [3 * point ** 2 + 2 * point, point + 1], "the slopes of two ys by tf.gradients", rtol=1e-5)
    close([held, at_stop], [point ** 2, point], "the slopes with a stop by tf.gradients", rtol=1e-5)


@task.check(1, "a chain of 5,000 ops and 200 stacked diamonds, in no time",
            hint="How often does your walk come to an operation that it has seen? And how long does it take to find that out?")
def large(run, random):
    for kind, height, slope in (("diamonds", 200 + int(random.integers(20)), None), ("chain", 5000 + 2 * int(random.integers(20)), 1.0)):
        count, compared, seconds, got = run(tall, kind, height)
        case = f"{height} stacked diamonds" if kind == "diamonds" else f"a chain of {height} ops"
        equal([count, got], [height, slope or 2.0 ** height], f"{case}: how many ops to visit, and the slope by tf.gradients")
        expect(compared < 20 * height, f"{case}: {compared:,} times an op or tensor was compared with another, as if a list were searched")
        expect(seconds < 1, f"{case} took {seconds:.1f} s")
