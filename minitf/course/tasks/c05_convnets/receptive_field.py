import numpy as np

from minitf.course.task import Task, equal

task = Task(
    "What a number has seen",
    function="receptive_field",
    hints=["Do one side first, on paper: a window at place p with stride s and z zeros before the image has its taps at which rows? Write "
           "that as "
           "a function from a set of places to a set of rows.",
           "A set of rows and a set of columns for each tensor, at first for output only. An op hands its sets, changed if it has "
           "windows, down to "
           "its inputs, where they are united with what is there. The filter of a convolution gets nothing.",
           "A tensor may hand its sets down only when all who look at it have handed theirs: that is the order of creation backwards. "
           "From output "
           "collect all tensors by a walk over op.inputs (a list and a set, no recursion), sort them so that users come first, then one "
           "pass."],
    why="""The receptive field tells what a network can not do: a unit that sees 20 pixels never tells a 6 from an 8 of 40. It grows by
        taps minus one times the product of the strides before, which is why, with taps of 3 by 3 only, a number behind VGG-16's last
        pooling sees 212 of 224 pixels. The walk is that of gradients, with sets in place of slopes, and the same rule holds: a sum over
        ways is computed op by op, not way by way.""")


def fields(mine, size, plan, places):
    """The fields of some places of the network that plan describes; each item names the items that it takes, -1 being the image."""
    with tf.Graph().as_default():
        image = tf.placeholder(tf.float32, [None, *size, 2])
        made = []
        for kind, inputs, taps, strides, dilations, padding in plan:
            xs = [image if i < 0 else made[i] for i in inputs]
            if kind == "conv":
                w = tf.Variable(tf.zeros([*taps, xs[0].shape[3].value, 2]))
                y = tf.nn.conv2d(xs[0], w, [1, *strides, 1], padding, dilations=[1, *dilations, 1])
                y = tf.nn.relu(tf.nn.bias_add(y, tf.zeros([2])))
            elif kind == "max":
                y = tf.nn.max_pool(xs[0], [1, *taps, 1], [1, *strides, 1], padding)
            elif kind == "mean":
                y = tf.nn.avg_pool(xs[0], [1, *taps, 1], [1, *strides, 1], padding)
            else:
                y = tf.concat(xs, 3) if kind == "concat" else tf.add_n(xs)
            made.append(y)
        return [[[int(i) for i in side] for side in mine.receptive_field(made[-1], image, *place)] for place in places]


def reached(size, plan, side, place):
    """Along one side, forwards: each pixel by itself is lit, and followed to the place."""
    found = []
    for pixel in range(size):
        lit = []
        for kind, inputs, taps, strides, dilations, padding in plan:
            xs = [np.arange(size) == pixel if i < 0 else lit[i] for i in inputs]
            if kind in ("concat", "sum"):
                lit.append(np.any(xs, axis=0))
                continue
            reach, n = (taps[side] - 1) * dilations[side] + 1, len(xs[0])
            count = -(-n // strides[side]) if padding == "SAME" else (n - reach) // strides[side] + 1
            zeros = max(0, (count - 1) * strides[side] + reach - n) if padding == "SAME" else 0
            line = np.concatenate([np.zeros(zeros // 2, bool), xs[0], np.zeros(zeros - zeros // 2, bool)])
            lit.append(np.array([line[i * strides[side]:i * strides[side] + reach:dilations[side]].any() for i in range(count)], bool))
        if lit[-1][place]:
            found.append(pixel)
    return found, len(lit[-1])


def compare(run, random, size, plan, what):
    counts = [reached(size[side], plan, side, 0)[1] for side in (0, 1)]
    places = [[int(random.integers(n)) for n in counts] for _ in range(3)] + [[0, 0], [n - 1 for n in counts]]
    for place, got in zip(places, run(fields, size, plan, places)):
        wanted = [reached(size[side], plan, side, place[side])[0] for side in (0, 1)]
        if not all(wanted):                                 # no rows or no columns, so no pixel
            wanted = [[], []]
        for side, name in enumerate(("rows", "columns")):
            equal(got[side], wanted[side], f"{what}: the {name} of place {place}, image {size}")


def window(random, kind, source, padding, strides=(1, 1), dilations=(1, 1)):
    return [kind, [source], random.integers(1, 4, 2).tolist(), list(strides), list(dilations), padding]


@task.check(1, "convolutions and poolings one after the other",
            hint="Follow the example: which rows of the maps does row 0 of the pooled image look at, and is there a row -1?")
def chain(run, random):
    for padding in "SAME", "VALID":
        for kinds in (["conv"], ["conv", "max"], ["conv", "mean", "conv"], ["max", "conv", "conv"]):
            plan = [window(random, kind, k - 1, padding) for k, kind in enumerate(kinds)]
            compare(run, random, random.integers(9, 13, 2).tolist(), plan, f"{', '.join(kinds)}, {padding}, stride 1")


@task.check(1, "strides and dilations, and the zeros that they need",
            hint="How many zeros lie before the image hangs on its size, the stride and the reach. Rows and columns have numbers of their "
                 "own. With a "
                 "dilation there are gaps: rows between the taps are not looked at. And zeros beside a map are not computed from anything.")
def strides(run, random):
    for padding in "SAME", "VALID":
        for kinds in (["conv"], ["max", "conv"], ["conv", "mean"], ["conv", "conv", "max"]):
            plan = [window(random, kind, k - 1, padding, random.integers(1, 3, 2).tolist(),
                           random.integers(1, 3, 2).tolist() if kind == "conv" else (1, 1)) for k, kind in enumerate(kinds)]
            compare(run, random, random.integers(26, 32, 2).tolist(), plan, f"{', '.join(kinds)}, {padding}, with strides")
    compare(run, random, [16, 17], [["conv", [-1], [3, 2], [1, 1], [3, 5], "SAME"]], "a convolution with dilations 3 and 5")
    compare(run, random, [3, 4], [["conv", [-1], [2, 1], [1, 1], [5, 1], "SAME"]], "a convolution whose taps all lie beside the image")
    plan = [["conv", [-1], [3, 3], [1, 1], [3, 3], "SAME"], ["conv", [0], [3, 3], [1, 1], [1, 1], "SAME"]]
    compare(run, random, [12, 12], plan, "a convolution with dilation 3, then one without")
    plan = [["conv", [-1], [3, 3], [2, 2], [1, 1], "SAME"], ["max", [0], [3, 3], [2, 2], [1, 1], "SAME"]]
    compare(run, random, [16, 17], plan, "windows of 3 by 3 and strides of 2, twice")


@task.check(1, "several ways from the image to the place",
            hint="The set at a tensor is what all who look at it want of it together. In a stack of twenty modules of four branches there "
                 "are a million "
                 "million ways.")
def branches(run, random):
    plan = [["conv", [-1], [1, 3], [1, 1], [1, 1], "SAME"], ["conv", [-1], [5, 1], [1, 1], [1, 1], "SAME"],
            ["concat", [0, 1], None, None, None, None], ["conv", [2], [2, 2], [2, 2], [1, 1], "SAME"],
            ["max", [1], [2, 3], [2, 2], [1, 1], "SAME"], ["sum", [3, 4], None, None, None, None]]
    compare(run, random, random.integers(9, 14, 2).tolist(), plan, "two branches, concatenated, and two, added")
    plan = [["conv", [-1], [1, 1], [1, 1], [1, 1], "SAME"]]
    for _ in range(20):
        last = len(plan) - 1
        plan += [["conv", [last], taps, [1, 1], [1, 1], "SAME"] for taps in ([1, 1], [1, 2], [2, 1])]
        plan.append(["max", [last], [1, 1], [1, 1], [1, 1], "SAME"])
        plan.append(["concat", [last + 1, last + 2, last + 3, last + 4], None, None, None, None])
    compare(run, random, [25, 30], plan, "a stack of twenty modules")
