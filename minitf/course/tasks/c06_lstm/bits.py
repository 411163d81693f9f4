import math

import numpy as np

from minitf.course.task import Task, close, equal

task = Task(
    "Bits per character",
    function="bits_and_perplexity",
    hints=["Which entries of log_p are text? Make an array of True and False of that shape first.",
           "np.arange(steps) < lengths as a column gives it, by broadcasting. What is left out must not be multiplied by 0: 0 times NaN "
           "is NaN.",
           "With the mask as an index you have a vector of what counts. Which sign has its mean, and in which unit is it? An empty "
           "vector has no mean."],
    why="""Papers report perplexity for words and bits for characters, of the same average. Two mistakes make a model look better or
        worse than it is: averaging the averages of texts, so that a short text counts as much as a long one, and letting padding in,
        on which every model is soon perfect.""")


def measured(mine, log_p, lengths):
    return list(mine.bits_and_perplexity(log_p, lengths))


def counted(log_p, lengths):
    """One character after the other."""
    spent = [-v / math.log(2) for row, n in zip(log_p.tolist(), lengths) for v in row[:n]]
    bits = math.fsum(spent) / len(spent) if spent else 0.0
    return [bits, 2 ** bits]


def drawn(random, batch, steps):
    return np.log(random.uniform(0.01, 1, (batch, steps)))


@task.check(1, "texts that fill their rows",
            hint="Try one row of one character with the probability 1/2: it costs exactly 1 bit, and its perplexity is 2.")
def full(run, random):
    for batch, steps in ((1, 1), (3, 5), (1, 40)):
        log_p = drawn(random, batch, steps)
        for lengths in ([steps] * batch, np.full(batch, steps)):
            close(run(measured, log_p, lengths), counted(log_p, [steps] * batch), f"bits and perplexity of {batch} texts of {steps}", rtol=1e-12)
    log_p = np.full((50, 400), np.float32(-0.1))
    close(run(measured, log_p, np.full(50, 400)), counted(log_p, [400] * 50), "of 20,000 equal float32 probabilities", rtol=1e-7)


@task.check(0.5, "texts of different lengths: each character counts the same",
            hint="A text of 9 characters and one of 1: how many numbers is the average of, and does the one character make up half of it?")
def ragged(run, random):
    for _ in range(3):
        lengths = [1, 9, int(random.integers(2, 8))]
        log_p = drawn(random, 3, 9)
        close(run(measured, log_p, np.array(lengths)), counted(log_p, lengths), f"of texts of {lengths} characters", rtol=1e-12)


@task.check(0.5, "padding may be anything, a text may be empty, a character as good as impossible",
            hint="Follow a NaN that stands behind the end of a text. Then think of a batch in which all lengths are 0, and of a "
                 "log_p of -800: which probability is that, in float64?")
def padding(run, random):
    lengths = [2, 0, 4]
    log_p = drawn(random, 3, 4)
    for filler in (np.nan, -np.inf, np.inf):
        padded = np.where(np.arange(4) < np.array(lengths)[:, np.newaxis], log_p, filler)
        close(run(measured, padded, np.array(lengths)), counted(log_p, lengths), f"padded with {filler}", rtol=1e-12)
    log_p = np.array([[-800.0, np.log(0.5)], [np.log(0.25), np.nan]])
    close(run(measured, log_p, np.array([2, 1])), counted(log_p, [2, 1]), "with one character whose log_p is -800", rtol=1e-12)
    equal(run(measured, log_p, np.zeros(2, np.int64)), [0.0, 1.0], "bits and perplexity of no character at all")
