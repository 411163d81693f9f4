import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "A learning rate that falls",
    function="exponential_decay",
    replaces="minitf.train.learning_rate_decay.exponential_decay",
    hints=["The quotient step / decay_steps says how many periods have passed, in fractions of one. What should it be on a staircase?",
           "Between steps 200 and 299, with decay_steps 100, the quotient on the staircase is 2. tf.floor rounds down.",
           "The rate is learning_rate times decay_rate to the power of the quotient: tf.pow, or **. All four are tensors of one dtype "
           "already."],
    why="""A rate that is large enough to get anywhere is too large to settle: near the minimum the noise of the batches, times the
        rate, is what keeps the variables moving. Letting it fall, slowly or in steps, gives both. That the schedule is a tensor,
        computed from the step's variable in each run, means that it is saved and restored with the step, and that the loop around
        it knows nothing of it.""")


def rates(mine, steps, rate, decay_steps, decay_rate, staircase, dtype, step_dtype):
    """The rate at each of the steps; dtype: all settings are tensors of that, None: they are plain numbers."""
    with tf.Graph().as_default(), tf.Session() as sess:
        step = tf.placeholder(step_dtype, [])
        settings = [rate, decay_steps, decay_rate] if dtype is None else [tf.constant(x, dtype) for x in (rate, decay_steps, decay_rate)]
        decayed = mine.exponential_decay(settings[0], step, settings[1], settings[2], staircase)
        return [sess.run(decayed, {step: s}) for s in steps]


def form(mine, name):
    """dtype and name of two rates, and a variable after three steps of training with one."""
    with tf.Graph().as_default(), tf.Session() as sess:
        step, x = tf.train.create_global_step(), tf.Variable(0.0)
        rate = tf.train.exponential_decay(1.0, step, 1, 0.5)
        other = tf.train.exponential_decay(tf.constant(1.0, tf.float64), step, 10, 0.5, staircase=True, name=name)
        train = tf.train.GradientDescentOptimizer(rate).minimize(-x, global_step=step)
        sess.run(tf.global_variables_initializer())
        for _ in range(3):
            sess.run(train)
        return [rate.dtype.name, rate.op.name, other.dtype.name, other.op.name], sess.run(x)


@task.check(1, "the rate falls evenly",
            hint="Work out by hand what the rate is at step 0, after decay_steps, and after half of decay_steps, and run yours there.")
def smooth(run, random):
    for dtype, step_dtype, rtol in ((None, "int64", 1e-5), ("float64", "float32", 1e-12)):
        rate, decay_rate = random.uniform(0.01, 1), random.uniform(0.5, 0.99)
        decay_steps, steps = int(random.integers(3, 400)), random.integers(0, 2000, 6).tolist()
        got = run(rates, steps, rate, decay_steps, decay_rate, False, dtype, step_dtype)
        wanted = rate * decay_rate ** (np.array(steps) / decay_steps)
        close(got, wanted, f"the rates at steps {steps}, decay_steps {decay_steps}", rtol=rtol)


@task.check(0.5, "the staircase keeps its height for decay_steps steps",
            hint="With decay_steps 100, what is your quotient at steps 99, 100, 149, 150 and 199, and what is it to be?")
def stairs(run, random):
    decay_steps = int(random.integers(5, 50))
    steps = sorted({0, decay_steps - 1, decay_steps, 2 * decay_steps - 1, *random.integers(0, 8 * decay_steps, 8).tolist()})
    got = run(rates, steps, 0.5, decay_steps, 0.8, True, None, "int32")
    wanted = 0.5 * 0.8 ** (np.array(steps) // decay_steps)
    close(got, wanted, f"the rates at steps {steps}, decay_steps {decay_steps}, as a staircase", rtol=1e-5)


@task.check(0.5, "it has its dtype and its name, and an optimizer that takes it takes smaller steps",
            hint="`scope` is the name that the last op should have. A sign between two tensors makes an op too; is there a way to make "
                 "it that takes a name?")
def in_use(run, random):
    name = f"rate_{random.integers(1000)}"
    told, moved = run(form, name)
    equal(told, ["float32", "ExponentialDecay", "float64", name], "dtypes and names of two rates")
    close(moved, 1.75, "a variable that moved by 1, 0.5 and 0.25")
