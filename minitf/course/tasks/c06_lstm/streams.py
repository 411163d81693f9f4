import numpy as np

from minitf.course.task import Task, equal, expect

task = Task(
    "A text in pieces, and nothing lost",
    function="pieces",
    hints=["How many targets does each stream have? Begin with these sizes: they differ by at most one, the larger ones first.",
           "Stream r begins where the targets of the streams before it end: its first input is the last target of stream r - 1. The "
           "longest "
           "stream, which is the first, says how many pieces there are.",
           "divmod(n - 1, batch) gives the size of a stream and how many have one more. In piece p, a stream of `size` has "
           "max(0, min(steps, size - p * steps)) places left."],
    why="""The targets of one stream end where the next one's begin, so the character at the seam is a target in one and an input in the
        other: whoever cuts the text into streams first, and makes inputs and targets of each, loses one character a seam. With
        weights, the average over a whole text is one sum divided by another, the same for every batch size, and two programs can be
        compared.""")


def listed(mine, ids, batch, steps):
    """All pieces, kept until the end; and whether ids are as they were."""
    given = ids.copy()
    found = list(mine.pieces(given, batch, steps))
    return [list(piece) for piece in found], bool((given == ids).all())


def alive(mine, ids, batch, steps):
    """The first piece as it was when it came, and as it is behind the last; and whether it can be had before the others."""
    made = mine.pieces(ids, batch, steps)
    first = next(iter(made))
    then = [np.array(part) for part in first]
    for _ in made:
        pass
    return then, list(first), type(made).__name__


def rows_of(run, ids, batch, steps):
    """For each row, what its pieces make one after the other: (inputs, targets, weights)."""
    found, kept = run(listed, ids, batch, steps)
    expect(kept, "ids were changed")
    what = f"of {len(ids)} characters, batch {batch}, steps {steps}"
    for piece in found:
        equal([list(np.shape(part)) for part in piece], [[batch, steps]] * 3, f"{what}: the shapes of a piece")
    largest = -(-(len(ids) - 1) // batch)
    equal(len(found), -(-largest // steps), f"{what}: the number of pieces")
    return [[np.concatenate([piece[part][row] for piece in found]) for part in range(3)] for row in range(batch)]


def compare(run, ids, batch, steps):
    """Row by row, by counting through the text."""
    what, at = f"{len(ids)} characters, batch {batch}, steps {steps}", 0
    for row, (inputs, targets, weights) in enumerate(rows_of(run, ids, batch, steps)):
        size = sum(1 for k in range(len(ids) - 1) if k % batch == row)          # dealt out like cards
        equal(np.asarray(weights), np.array([1.0] * size + [0.0] * (len(weights) - size), np.float32), f"{what}: the weights of stream {row}")
        equal(np.asarray(inputs)[:size], ids[at:at + size], f"{what}: the inputs of stream {row}")
        equal(np.asarray(targets)[:size], ids[at + 1:at + size + 1], f"{what}: the targets of stream {row}")
        equal(np.abs(np.asarray(inputs)[size:]).sum() + np.abs(np.asarray(targets)[size:]).sum(), 0, f"{what}: what stands at places of weight 0")
        at += size


@task.check(0.5, "where everything fits",
            hint="The text 0 to 12, batch 2, steps 3: 12 targets, two streams of 6, two pieces. What is the first input of the second "
                 "stream?")
def even(run, random):
    for batch, steps, count in ((1, 4, 3), (2, 3, 2), (4, 5, 3), (3, 1, 4)):
        compare(run, random.integers(1, 75, batch * steps * count + 1), batch, steps)


@task.check(2, "where it does not: every character is told once",
            hint="Add up the weights of all pieces: they must give n - 1. Then look at a text that is shorter than the batch.")
def ragged(run, random):
    for n, batch, steps in ((8, 2, 3), (30, 4, 3), (32, 4, 4), (3, 5, 2), (2, 1, 10), (50, 7, 25), (6, 2, 3)):
        compare(run, random.integers(1, 75, n), batch, steps)


@task.check(0.5, "dtypes, and pieces that stay what they are",
            hint="Are two pieces the same array, filled anew, or views of the text? A generator gives the first piece before it makes "
                 "the second.")
def kept(run, random):
    for kind in (np.uint8, np.int32, np.int64):
        ids = random.integers(1, 75, 24).astype(kind)
        for piece in run(listed, ids, 3, 4)[0]:
            equal([str(np.asarray(part).dtype) for part in piece], [np.dtype(kind).name, np.dtype(kind).name, "float32"], "the dtypes of a piece")
        then, now, made = run(alive, ids, 3, 4)
        expect(made == "generator", f"pieces gave a {made}: use yield")
        for a, b in zip(then, now):
            equal(np.asarray(b), np.asarray(a), "the first piece, after all others have been made")
