"""Candidate samplers: what they draw, how often they say that it was to be expected, and what they refuse."""
import numpy as np
import pytest
from scipy import stats

import minitf as tf
from minitf.kernels.cpu.sampling_tables import AliasTable

COUNTS = [90.0, 5.0, 3.0, 1.0, 0.0, 40.0]


def uniform(n):
    return np.full(n, 1 / n)


def log_uniform(n):
    return np.log((np.arange(n) + 2) / (np.arange(n) + 1)) / np.log(n + 1)


def unigram(power):
    weights = np.array([0.0, 0.0, *np.power(COUNTS, power)])
    return weights / weights.sum()


def fixed(distortion):
    return lambda *a, **k: tf.nn.fixed_unigram_candidate_sampler(*a, unigrams=COUNTS, num_reserved_ids=2, distortion=distortion, **k)


# name: (function, the probabilities of n classes)
SAMPLERS = {"uniform": (tf.nn.uniform_candidate_sampler, uniform), "log uniform": (tf.nn.log_uniform_candidate_sampler, log_uniform),
            "learned": (tf.nn.learned_unigram_candidate_sampler, uniform),
            "fixed": (fixed(1.0), lambda n: unigram(1.0)), "distorted": (fixed(0.75), lambda n: unigram(0.75))}


@pytest.fixture(params=SAMPLERS)
def sampler(request):
    return SAMPLERS[request.param]


def run(fetches, feed=None):
    with tf.Session() as sess:
        return sess.run(fetches, feed)


def test_distribution(sampler):
    function, probabilities = sampler
    p = probabilities(8)
    sampled, _, counts = run(function(np.zeros((0, 1), np.int64), 1, 100_000, False, 8, seed=1))
    seen = np.bincount(sampled, minlength=8)
    assert not seen[p == 0].any()
    assert stats.chisquare(seen[p > 0], 100_000 * p[p > 0]).pvalue > 1e-4
    np.testing.assert_allclose(counts, 100_000 * p[sampled], rtol=1e-6)


@pytest.mark.parametrize("classes", [1, 2, 3, 50_000])
def test_alias_table(classes):
    """The parts of all slots that are a class's add up to its weight: counted by drawing at a fine grid of places."""
    weights = 1.0 / (1 + np.arange(classes)) ** 1.1
    op = tf.nn.fixed_unigram_candidate_sampler(np.arange(classes).reshape(1, -1), classes, 200_000, False, classes, unigrams=weights, seed=1)
    sampled, true_counts, _ = run(op)
    p = weights / weights.sum()
    np.testing.assert_allclose(true_counts[0], 200_000 * p, rtol=1e-6)
    head = np.bincount(np.minimum(sampled, 20), minlength=min(classes, 21))
    expected = 200_000 * np.append(p[:20], p[20:].sum() if classes > 20 else [])
    if classes > 1:
        assert stats.chisquare(head, expected).pvalue > 1e-4
    else:
        assert head.tolist() == [200_000]


def test_weights_that_are_refused():
    for weights in ([], [0.0], [1.0, -1.0], [1.0, np.nan], [np.inf]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="weights of classes must be finite"):
            AliasTable(np.array(weights))
    table = AliasTable([0.0, 2.0, 3.0])
    assert (table.range, table.positive) == (3, 2)


@pytest.mark.parametrize("classes, n", [(10, 4), (1000, 33), (50_000, 64), (3, 3), (1, 1)])
def test_unique_classes_and_their_expectation(classes, n):
    """The counts are those of one number of draws: read from one class, it explains all others; and on average it is right."""
    for function, probabilities in (SAMPLERS["uniform"], SAMPLERS["log uniform"]):
        p = probabilities(classes)
        true = np.arange(min(classes, 30)).reshape(-1, 1)
        sampled, true_counts, counts = run(function(true, 1, n, True, classes, seed=3))
        assert len(set(sampled.tolist())) == n and sampled.min() >= 0 and sampled.max() < classes
        k = len(true) - 1                                                  # of the rarest the draws can be read best
        if classes == 1:
            assert counts == [1] and true_counts == [[1]]
            continue
        draws = np.round(np.log1p(-float(true_counts[k, 0])) / np.log1p(-p[k]))
        assert n <= draws < 20 * n
        wanted = -np.expm1(draws * np.log1p(-p))
        np.testing.assert_allclose(true_counts[:, 0], wanted[true[:, 0]], rtol=2e-6)
        np.testing.assert_allclose(counts, wanted[sampled], rtol=2e-6)


def test_the_expectation_is_met():
    """Of many unique samples, each class is in the fraction that was expected on average, within four standard errors and 0.02.

    The second is for the bias of an estimate from the number of draws that were needed, 0.013 at most here.
    """
    runs = 3000
    op = tf.nn.log_uniform_candidate_sampler(np.arange(20).reshape(1, 20), 20, 6, True, 20, seed=5)
    seen, expected = np.zeros(20), np.zeros(20)
    with tf.Session() as sess:
        for _ in range(runs):
            sampled, counts, _ = sess.run(op)
            seen[sampled] += 1
            expected += counts[0]
    error = np.sqrt(seen / runs * (1 - seen / runs) / runs)
    assert (np.abs(seen - expected) / runs < 4 * error + 0.02).all()


def test_all_candidates():
    sampled, true_counts, counts = run(tf.nn.all_candidate_sampler([[1, 0], [4, 4]], 2, 5, True))
    assert sampled.tolist() == [0, 1, 2, 3, 4] and (true_counts == 1).all() and true_counts.shape == (2, 2) and (counts == 1).all()
    assert (sampled.dtype, true_counts.dtype, counts.dtype) == (np.int64, np.float32, np.float32)


def test_learned_counts():
    """Each run sees the counts of the runs before it; another session begins anew."""
    true = tf.placeholder(tf.int64, [None, 2])
    op = tf.nn.learned_unigram_candidate_sampler(true, 2, 4, False, 5, seed=1)
    for _ in range(2):
        counts = np.ones(5)
        with tf.Session() as sess:
            for batch in ([[3, 3]], [[0, 1], [3, 4]], [[2, 2]]):
                sampled, true_counts, sampled_counts = sess.run(op, {true: batch})
                np.testing.assert_allclose(true_counts, 4 * counts[np.array(batch)] / counts.sum(), rtol=1e-6)
                np.testing.assert_allclose(sampled_counts, 4 * counts[sampled] / counts.sum(), rtol=1e-6)
                np.add.at(counts, np.array(batch).ravel(), 1)
    frequent = tf.nn.learned_unigram_candidate_sampler(np.full((1000, 2), 7), 2, 5000, False, 10, seed=1)
    with tf.Session() as sess:
        sess.run(frequent)
        p = np.append(np.delete(np.ones(10), 7), 2001) / 2010
        seen = np.bincount(sess.run(frequent)[0], minlength=10)
        assert stats.chisquare(np.append(np.delete(seen, 7), seen[7]), 5000 * p).pvalue > 1e-4


def test_counts_from_a_file(tmp_path):
    path = tmp_path / "vocabulary.csv"
    path.write_text("the,90\nof,5\n\"a, b\",3\n\n")
    op = tf.nn.fixed_unigram_candidate_sampler([[0], [2]], 1, 2, True, 3, vocab_file=str(path), distortion=0.5)
    same = tf.nn.fixed_unigram_candidate_sampler([[0], [2]], 1, 2, False, 3, unigrams=[90, 5, 3], distortion=0.5)
    assert len(set(run(op)[0])) == 2
    np.testing.assert_allclose(run(same)[1][:, 0], 2 * np.sqrt([90, 3]) / np.sqrt([90, 5, 3]).sum(), rtol=1e-6)
    for text, error, match in (("the,90\nof", tf.errors.InvalidArgumentError, "must end in a count"), (None, tf.errors.NotFoundError, "does not exist"),
                               ("the,90", tf.errors.InvalidArgumentError, "range_max is 3, and there are 1 classes")):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        with pytest.raises(error, match=match):
            run(op)


def test_shards():
    """Shard 1 of 3 of two reserved classes and six others: the classes 1, 4 and 7 of eight, under the numbers 0, 1, 2."""
    _, counts, _ = run(tf.nn.fixed_unigram_candidate_sampler([[0, 1, 2]], 3, 10, False, 3, unigrams=COUNTS, num_reserved_ids=2, num_shards=3, shard=1))
    np.testing.assert_allclose(counts[0], [0, 10 * 3 / 43, 10 * 40 / 43], rtol=1e-6)


@pytest.mark.parametrize("name", ["uniform", "log uniform", "learned"])
def test_what_is_refused(name):
    function = SAMPLERS[name][0]
    with pytest.raises(ValueError, match="num_sampled is 6, and there are only range_max = 5 classes"):
        function([[1]], 1, 6, True, 5)
    assert len(run(function([[1]], 1, 6, False, 5))[0]) == 6
    with pytest.raises(ValueError, match=r"must have num_true = 2 columns, got shape \[1,1\]"):
        function([[1]], 2, 3, True, 5)
    with pytest.raises(ValueError, match="num_sampled' of op type .* must be at least 1, got 0"):
        function([[1]], 1, 0, True, 5)
    with pytest.raises(ValueError, match="Shape must be rank 2 but is rank 1 for true_classes"):
        function([1], 1, 3, True, 5)
    with pytest.raises(TypeError, match="int64"):
        function([[1.5]], 1, 3, True, 5)
    true = tf.placeholder(tf.int64)
    op = function(true, 1, 3, True, 5)
    assert [t.get_shape().as_list() for t in op] == [[3], [None, 1], [3]]
    for wrong in (5, -1):
        with pytest.raises(tf.errors.InvalidArgumentError, match=rf"true_classes\[1,0\] = {wrong} is not in \[0, 5\)"):
            run(op, {true: [[4], [wrong]]})
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"must have num_true = 1 columns, got shape \[1,2\]"):
        run(op, {true: [[4, 2]]})
    assert run(op, {true: np.zeros((0, 1), np.int64)})[1].shape == (0, 1)


def test_what_fixed_counts_refuse():
    def op(n=1, classes=3, unique=True, **options):
        return tf.nn.fixed_unigram_candidate_sampler([[0]], 1, n, unique, classes, **options)
    for options, match in ((dict(), "Exactly one of vocab_file and unigrams"), (dict(unigrams=[1, 1, 1], vocab_file="x"), "Exactly one of"),
                           (dict(unigrams=[1, 1]), "range_max is 3, and there are 2 classes"), (dict(unigrams=[1, 1, 1], num_reserved_ids=1), "there are 4 classes"),
                           (dict(unigrams=[1, 1, 1], num_shards=2, shard=2), r"shard must be in \[0, num_shards = 2\), got 2")):
        with pytest.raises(ValueError, match=match):
            op(**options)
    with pytest.raises(tf.errors.InvalidArgumentError, match="only 2 classes have a positive weight"):
        run(op(3, unigrams=[1, 0, 1]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="weights of classes must be finite"):
        run(op(1, unigrams=[1, -1, 1]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="after 268435456 draws only 1 of 2 unique classes were found: the others are too improbable"):
        run(op(2, unigrams=[1e30, 1, 1]))


def test_a_graph_keeps_its_counts():
    with tf.Graph().as_default() as graph:
        tf.nn.fixed_unigram_candidate_sampler([[0]], 1, 4, False, 3, unigrams=[0.1, 1e-9, 7], distortion=0.75, seed=4, name="s")
        with tf.Session() as sess:
            wanted = sess.run(["s:0", "s:1", "s:2"])
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.import_graph_def(graph.as_graph_def(), name="")
        for value, want in zip(sess.run(["s:0", "s:1", "s:2"]), wanted):
            np.testing.assert_allclose(value, want, rtol=1e-6)


def test_accidental_hits():
    random = np.random.default_rng(0)
    for batch, num_true, n, classes in ((5, 1, 4, 6), (7, 3, 20, 9), (0, 2, 3, 5), (3, 1, 0, 5), (1, 1, 1, 1), (64, 2, 1000, 2000)):
        true, sampled = random.integers(0, classes, (batch, num_true)), random.integers(0, classes, n)
        wanted = [(i, k) for i in range(batch) for j in range(num_true) for k in range(n) if true[i, j] == sampled[k]]
        indices, ids, weights = run(tf.nn.compute_accidental_hits(true, sampled, num_true))
        assert list(zip(indices, ids)) == wanted and (weights == -np.finfo(np.float32).max).all()
        assert (indices.dtype, ids.dtype, weights.dtype) == (np.int32, np.int64, np.float32)
    with pytest.raises(ValueError, match="num_true = 2 columns"):
        tf.nn.compute_accidental_hits([[1]], [1], 2)
    with pytest.raises(ValueError, match="Shape must be rank 1"):
        tf.nn.compute_accidental_hits([[1]], [[1]], 1)
    true, sampled = tf.placeholder(tf.int64), tf.placeholder(tf.int64)
    op = tf.nn.compute_accidental_hits(true, sampled, 1)
    assert [len(x) for x in run(op, {true: [[3], [4]], sampled: [4, 4, 3]})] == [3, 3, 3]
    for feed, match in (({true: [[3, 4]], sampled: [4]}, r"num_true = 1 columns, got shape \[1,2\]"), ({true: [[3]], sampled: [[4]]}, "must be rank 1")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=match):
            run(op, feed)
