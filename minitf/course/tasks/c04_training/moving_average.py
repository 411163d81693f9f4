import numpy as np

from minitf.course.task import Task, close, expect

task = Task(
    "An average that is not fooled by its zero",
    function="assign_moving_average",
    replaces="minitf.train.moving_averages.assign_moving_average", lends=["_debias_variables"],
    hints=["decay * x + (1 - decay) * value is the same as x - (1 - decay) * (x - value), which is one tf.assign_sub.",
           "With zero_debias it is `biased` that moves, not `variable`; local_step grows by 1 with tf.assign_add, and what that "
           "returns is the new count. Divide by 1 - decay ** count, and assign the quotient to variable.",
           "Use now(biased) and now(variable) where they are read. What tf.assign_sub and tf.assign_add return is the value after the "
           "change, so nothing else is needed to have the right order."],
    why="""After t updates the weights that the values got add up to 1 - decay ** t, and the rest of the weight lies on the zero that
        the average began with. Dividing by that sum makes it an average of values again; Adam's bias correction is the same line.
        The averages of a model's variables over its last thousand steps are often better than any one of them: the noise of the
        batches cancels.""")


def averages(mine, start, values, decay, zero_debias, dtype):
    """The variable, and what the op returns, after each update; then the names of the variables that were made."""
    with tf.Graph().as_default(), tf.Session() as sess:
        variable, value = tf.Variable(tf.constant(start, dtype), name="mean"), tf.placeholder(dtype, np.shape(start))
        update = mine.assign_moving_average(variable, value, decay, zero_debias=zero_debias)
        sess.run(tf.global_variables_initializer())
        seen = []
        for v in values:
            returned = sess.run(update, {value: v})
            seen.append([returned, sess.run(variable)])
        return seen, sorted(v.op.name for v in tf.global_variables())


def in_one_step(mine, start, values, decay, zero_debias):
    """Three updates that wait for one another, in a single run; the value is a variable that changes in between."""
    with tf.Graph().as_default(), tf.Session() as sess:
        variable, source = tf.Variable(np.float64(start), name="mean"), tf.Variable(np.float64(0), name="source")
        last = tf.no_op()
        with tf.variable_scope(tf.get_variable_scope(), reuse=None):
            for k, v in enumerate(values):
                with tf.control_dependencies([last]):
                    moved = tf.assign(source, np.float64(v))
                with tf.control_dependencies([moved]):
                    last = mine.assign_moving_average(variable, source, decay, zero_debias=zero_debias)
        sess.run(tf.global_variables_initializer())
        sess.run(last)
        return sess.run(variable)


def through_package(mine, values, decay):
    """What tf.train.ExponentialMovingAverage makes of a tensor."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float64, [2])
        y = x * 2.0
        ema = tf.train.ExponentialMovingAverage(decay, zero_debias=True)
        update = ema.apply([y])
        sess.run(tf.global_variables_initializer())
        seen = []
        for v in values:
            sess.run(update, {x: v})
            seen.append(sess.run(ema.average(y)))
        return seen


def weighted(values, decay):
    """The averages without bias: each value by the weight that it has left, divided by the sum of the weights."""
    found = []
    for t in range(1, len(values) + 1):
        weights = decay ** np.arange(t - 1, -1, -1.0)
        found.append(sum(w * np.asarray(v) for w, v in zip(weights, values)) / weights.sum())
    return found


@task.check(1, "the plain average follows the values",
            hint="Take decay 0.9: how much of the old value is left after one update, and how much of the new one is there? The result "
                 "is what the update has made of the variable.")
def plain(run, random):
    for dtype, rtol in (("float64", 1e-12), ("float32", 1e-5)):
        start, decay = random.standard_normal(3), float(random.uniform(0.1, 0.95))
        values = [random.standard_normal(3) + 3 for _ in range(6)]
        seen, names = run(averages, start, values, decay, False, dtype)
        expect(names == ["mean"], f"without zero_debias the variables are {names}")
        average = start
        for t, (v, (returned, variable)) in enumerate(zip(values, seen), 1):
            average = decay * average + (1 - decay) * v
            close(variable, average, f"the variable after {t} updates", rtol=rtol, atol=rtol)
            close(returned, average, f"what update {t} returned", rtol=rtol, atol=rtol)


@task.check(2, "with zero_debias the zero has no weight, after the first update as after the tenth",
            hint="After the first update the result is the first value itself: with which number of updates does the divisor come out "
                 "right then? And which of the three variables keeps the average that has not been divided?")
def debiased(run, random):
    decay = float(random.uniform(0.5, 0.95))
    values = [random.standard_normal(2) + 5 for _ in range(10)]
    seen, names = run(averages, np.zeros(2), values, decay, True, "float64")
    expect(len(names) == 3, f"with zero_debias there are the variables {names}; there should be three")
    for t, (wanted, (returned, variable)) in enumerate(zip(weighted(values, decay), seen), 1):
        close(variable, wanted, f"the variable after {t} updates", rtol=1e-9)
        close(returned, wanted, f"what update {t} returned", rtol=1e-9)
    for got, wanted in zip(run(through_package, values, decay), weighted([2 * v for v in values], decay)):
        close(got, wanted, "tf.train.ExponentialMovingAverage(zero_debias=True) of a tensor", rtol=1e-9)


@task.check(1, "it reads what an op before it has written in the same run",
            hint="Three updates run one after the other here. Which of the tensors that you use were read when the step began?")
def reads_now(run, random):
    start, decay, values = float(random.uniform(1, 9)), float(random.uniform(0.3, 0.9)), random.uniform(2, 9, 3).tolist()
    average = start
    for v in values:
        average = decay * average + (1 - decay) * v
    got = run(in_one_step, start, values, decay, False)
    close(got, average, "the variable after three updates in one run, each after the other", rtol=1e-12)
