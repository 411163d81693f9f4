"""nce_loss and sampled_softmax_loss: against NumPy for given samples, against the full losses on average, and which rows they touch."""
import numpy as np
import pytest

import minitf as tf
import minitf.v0 as v0
from minitf.autodiff import check_gradient

CLASSES, DIM, BATCH, SAMPLES = 11, 5, 7, 4
LOSSES = ["nce_loss", "sampled_softmax_loss"]


class Case:
    """Random weights, inputs, labels and samples, in one of which two labels occur."""

    def __init__(self, num_true, seed=0, dtype=np.float64):
        random = np.random.default_rng(seed)
        self.weights, self.biases = random.standard_normal((CLASSES, DIM)).astype(dtype), random.standard_normal(CLASSES).astype(dtype)
        self.inputs, self.num_true = random.standard_normal((BATCH, DIM)).astype(dtype), num_true
        self.labels = np.array([random.choice(CLASSES, num_true, replace=False) for _ in range(BATCH)])
        sampled = np.array([3, self.labels[0, 0], 10, self.labels[1, 0]])
        self.sampled = sampled, random.uniform(0.1, 2, (BATCH, num_true)).astype(np.float32), random.uniform(0.1, 2, SAMPLES).astype(np.float32)

    def loss(self, name, weights=None, biases=None, inputs=None, **options):
        return getattr(tf.nn, name)(self.weights if weights is None else weights, self.biases if biases is None else biases, self.labels,
                                    self.inputs if inputs is None else inputs, SAMPLES, CLASSES, self.num_true, sampled_values=self.sampled, **options)

    def expected(self, name, remove_hits):
        """The loss in float64, example by example."""
        w, b, (sampled, true_count, sampled_count) = self.weights.astype(np.float64), self.biases.astype(np.float64), self.sampled
        losses = []
        for x, labels, count in zip(self.inputs.astype(np.float64), self.labels, true_count.astype(np.float64)):
            logits = [w[k] @ x + b[k] - np.log(c) for k, c in zip(labels, count)]
            truth = [1 / self.num_true] * self.num_true
            for k, c in zip(sampled, sampled_count.astype(np.float64)):
                if not (remove_hits and k in labels):
                    logits.append(w[k] @ x + b[k] - np.log(c))
                    truth.append(0.0)
            logits, truth = np.array(logits), np.array(truth)
            losses.append((np.logaddexp(0, logits) - truth * logits).sum() if name == "nce_loss" else np.logaddexp.reduce(logits) - truth @ logits)
        return np.array(losses)


def shards(table, strategy):
    return [table[i::3] for i in range(3)] if strategy == "mod" else np.array_split(table, 3)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("remove_hits", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_numpy(name, num_true, remove_hits, dtype):
    case = Case(num_true, dtype=dtype)
    wanted = case.expected(name, remove_hits)
    fed = [tf.placeholder(a.dtype) for a in (case.weights, case.biases, case.inputs)]
    feed = dict(zip(fed, (case.weights, case.biases, case.inputs)))
    known = case.loss(name, remove_accidental_hits=remove_hits)
    assert known.get_shape().as_list() == [BATCH] and known.dtype == dtype and known.op.name.startswith(name)
    losses = [known, case.loss(name, *fed, remove_accidental_hits=remove_hits)]
    for strategy in ("mod", "div"):
        losses.append(case.loss(name, shards(case.weights, strategy), shards(case.biases, strategy), remove_accidental_hits=remove_hits,
                                partition_strategy=strategy))
    with tf.Session() as sess:
        for loss in sess.run(losses, feed):
            np.testing.assert_allclose(loss, wanted, rtol=1e-12 if dtype is np.float64 else 2e-5)


def test_defaults():
    """nce_loss keeps accidental hits, sampled_softmax_loss removes them; a class left out has no gradient."""
    case = Case(1)
    weights = tf.constant(case.weights)
    with tf.Session() as sess:
        np.testing.assert_allclose(sess.run(case.loss("nce_loss")), case.expected("nce_loss", False))
        loss = case.loss("sampled_softmax_loss", weights)
        np.testing.assert_allclose(sess.run(loss), case.expected("sampled_softmax_loss", True))
        rows = sess.run(tf.gradients(loss, weights)[0])
        assert sorted(rows.indices) == sorted([*case.labels.ravel(), *case.sampled[0]]) and np.isfinite(rows.values).all()


def test_spelling_of_2015():
    case = Case(1)
    with tf.Session() as sess:
        for name in LOSSES:
            old = getattr(v0.nn, name)(case.weights, case.biases, case.inputs, case.labels, SAMPLES, CLASSES, 1, case.sampled)
            np.testing.assert_array_equal(sess.run(old), sess.run(case.loss(name)))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("num_true", [1, 2])
def test_gradients(name, num_true):
    case = Case(num_true)
    with tf.Session():
        for known in (True, False):
            check_gradient(lambda w, b, x: case.loss(name, w, b, x), (CLASSES, DIM), (CLASSES,), (BATCH, DIM), known_shapes=known)
        check_gradient(lambda *t: case.loss(name, list(t[:3]), list(t[3:]), partition_strategy="mod" if num_true == 2 else "div"),
                       (4, DIM), (4, DIM), (3, DIM), (4,), (4,), (3,))


def test_an_empty_batch():
    for name in LOSSES:
        loss = getattr(tf.nn, name)(np.ones((5, 3), np.float32), np.ones(5, np.float32), np.zeros((0, 1), np.int64), np.zeros((0, 3), np.float32), 2, 5)
        with tf.Session() as sess:
            assert sess.run(loss).shape == (0,)


def test_the_full_softmax_is_the_one_with_all_candidates():
    case = Case(1)
    every = tf.nn.all_candidate_sampler(case.labels, 1, CLASSES, True)
    loss = tf.nn.sampled_softmax_loss(case.weights, case.biases, case.labels, case.inputs, CLASSES, CLASSES, sampled_values=every)
    full = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=case.labels[:, 0], logits=case.inputs @ case.weights.T + case.biases)
    with tf.Session() as sess:
        np.testing.assert_allclose(*sess.run([loss, full]), rtol=1e-12)


def draws(build, runs, unique=False):
    """The values of build(sampled_values) in many runs, stacked."""
    case = Case(1)
    sampler = tf.nn.log_uniform_candidate_sampler(case.labels, 1, SAMPLES, unique, CLASSES, seed=2)
    fetches = build(case, sampler)
    with tf.Session() as sess:
        return case, [np.array(values) for values in zip(*[sess.run(fetches) for _ in range(runs)])]


def agree(values, wanted):
    """Their mean is `wanted` within four and a half standard errors: among 100 figures that fails once in 1500 times by chance."""
    error = values.std(0) / np.sqrt(len(values))
    assert (np.abs(values.mean(0) - wanted) <= 4.5 * error + 1e-12).all(), np.abs((values.mean(0) - wanted) / error).max()


def test_on_average_nce_is_the_full_one():
    """The full loss asks of every class, weighed by how often it is expected among the samples; so do the gradients."""
    def build(case, sampler):
        inputs = tf.constant(case.inputs)
        loss = tf.nn.nce_loss(case.weights, case.biases, case.labels, inputs, SAMPLES, CLASSES, sampled_values=sampler)
        return [loss, tf.gradients(loss, inputs)[0]]

    case, (losses, gradients) = draws(build, 3000)
    count = SAMPLES * np.log((np.arange(CLASSES) + 2) / (np.arange(CLASSES) + 1)) / np.log(CLASSES + 1)
    inputs = tf.constant(case.inputs)
    logits = tf.matmul(inputs, case.weights, transpose_b=True) + (case.biases - np.log(count))
    true = tf.reduce_sum(logits * tf.one_hot(case.labels[:, 0], CLASSES, dtype=tf.float64), 1)
    full = tf.nn.softplus(-true) + tf.reduce_sum(count * tf.nn.softplus(logits), 1)
    with tf.Session() as sess:
        wanted, slope = sess.run([full, tf.gradients(full, inputs)[0]])
    agree(losses, wanted)
    agree(gradients, slope)


def test_on_average_the_sampled_softmax_has_the_full_sum():
    """Each sampled exp(logit) over its expected count: the sum over the others in the softmax is right on average, so exp(loss) is."""
    def build(case, sampler):
        values = sampler[0], np.ones((BATCH, 1), np.float32), sampler[2]
        return [tf.exp(tf.nn.sampled_softmax_loss(case.weights, case.biases, case.labels, case.inputs, SAMPLES, CLASSES, sampled_values=values))]

    case, (values,) = draws(build, 4000)
    logits = case.inputs @ case.weights.T + case.biases
    agree(values, np.exp(logits).sum(1) / np.exp(logits[np.arange(BATCH), case.labels[:, 0]]))


def test_more_samples_come_nearer():
    """Ten times the samples, without repetition: less than half the spread of the sampled softmax, and a third of the distance from the full one."""
    random = np.random.default_rng(1)
    weights, inputs = random.standard_normal((300, 8)) * 0.7, random.standard_normal((20, 8))
    labels = random.integers(0, 300, (20, 1))
    logits = inputs @ weights.T
    full = np.logaddexp.reduce(logits, 1) - logits[np.arange(20), labels[:, 0]]
    spread, distance = [], []
    for n in (20, 200):
        loss = tf.nn.sampled_softmax_loss(weights, np.zeros(300), labels, inputs, n, 300, seed=3)
        with tf.Session() as sess:
            values = np.array([sess.run(loss) for _ in range(200)])
        spread.append(values.std(0).mean())
        distance.append(np.abs(values.mean(0) - full).mean())
    assert spread[1] < spread[0] / 2 and distance[1] < distance[0] / 3


@pytest.mark.parametrize("optimizer", [tf.train.GradientDescentOptimizer(0.5), tf.train.AdagradOptimizer(0.5)], ids=lambda o: o.get_name())
@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_only_rows_that_were_met_change(name, optimizer, parts):
    random = np.random.default_rng(0)
    table, bias = random.standard_normal((1000, 6)).astype(np.float32), random.standard_normal(1000).astype(np.float32)
    labels = np.array([[5], [999], [5]])
    weights, biases = [[tf.Variable(t[i::parts]) for i in range(parts)] for t in (table, bias)]
    sampler = tf.nn.uniform_candidate_sampler(labels, 1, 20, True, 1000, seed=1)
    loss = getattr(tf.nn, name)(weights, biases, labels, np.ones((3, 6), np.float32), 20, 1000, sampled_values=sampler)
    assert all(isinstance(g, tf.IndexedSlices) for g in tf.gradients(loss, weights + biases))
    train = optimizer.minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        _, sampled = sess.run([train, sampler[0]])
        met = np.zeros(1000, bool)
        met[np.append(labels, sampled)] = True
        for parts_after, before in ((weights, table), (biases, bias)):
            after = np.empty_like(before)
            for i, part in enumerate(sess.run(parts_after)):
                after[i::parts] = part
            changed = (after != before).reshape(1000, -1)
            assert changed[met].all() and not changed[~met].any()


def test_what_is_refused():
    weights, biases, inputs = np.ones((5, 3), np.float32), np.ones(5, np.float32), np.ones((2, 3), np.float32)
    labels = tf.placeholder(tf.int64, [None, 1])
    for name in LOSSES:
        loss = getattr(tf.nn, name)(weights, biases, labels, inputs, 2, 5)
        with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match=r"true_classes\[1,0\] = 5 is not in \[0, 5\)"):
            sess.run(loss, {labels: [[0], [5]]})
        with pytest.raises(ValueError, match="num_sampled is 6, and there are only range_max = 5 classes"):
            getattr(tf.nn, name)(weights, biases, labels, inputs, 6, 5)
        with pytest.raises(ValueError, match="must have num_true = 2 columns"):
            getattr(tf.nn, name)(weights, biases, labels, inputs, 2, 5, 2)
        with pytest.raises(ValueError, match="Unrecognized partition strategy: rows"):
            getattr(tf.nn, name)([weights, weights], [biases, biases], labels, inputs, 2, 10, partition_strategy="rows")
