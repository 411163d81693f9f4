"""A step with a sampled loss does the same work whatever the number of classes: counted in bytes of its plan and in calls for memory, not in time."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats

OPTIMIZERS = {"GradientDescent": lambda: tf.train.GradientDescentOptimizer(0.5), "Adagrad": lambda: tf.train.AdagradOptimizer(0.5),
              "Momentum": lambda: tf.train.MomentumOptimizer(0.5, 0.9), "RMSProp": lambda: tf.train.RMSPropOptimizer(0.1)}
SAMPLERS = {"log uniform": lambda labels, n: None,
            "fixed unigram": lambda labels, n: tf.nn.fixed_unigram_candidate_sampler(labels, 1, 16, True, n, distortion=0.75, unigrams=range(n, 0, -1))}


def skip_gram(classes, optimizer, loss, sampler):
    """(train, loss, feed of a batch with the given seed)."""
    words, contexts = tf.placeholder(tf.int32, [32]), tf.placeholder(tf.int64, [32, 1])
    embeddings = tf.Variable(tf.random_uniform([classes, 8], -1, 1))
    weights, biases = tf.Variable(tf.zeros([classes, 8])), tf.Variable(tf.zeros([classes]))
    embedded = tf.nn.embedding_lookup(embeddings, words)
    mean = tf.reduce_mean(getattr(tf.nn, loss)(weights, biases, contexts, embedded, 16, classes, sampled_values=sampler(contexts, classes)))

    def batch(seed):
        random = np.random.default_rng(seed)                    # words that occur several times, more or less often
        return {words: random.integers(0, 5 + seed, 32), contexts: random.integers(0, 5 + seed, (32, 1))}
    return optimizer().minimize(mean), mean, batch


def plan_bytes(session):
    """Of all plans that the session keeps, and how many there are."""
    plans = [p for e in set(session._executables.values()) for v in e.variants for p in v.plans]
    return sum(p.arena_bytes for p in plans), len(plans), [p.rest is not None for p in plans]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("loss", ["nce_loss", "sampled_softmax_loss"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_work_does_not_grow_with_the_classes(optimizer, loss, sampler):
    seen = []
    for classes in (1000, 50_000):
        with tf.Graph().as_default(), tf.Session() as sess:
            train, mean, batch = skip_gram(classes, OPTIMIZERS[optimizer], loss, SAMPLERS[sampler])
            sess.run(tf.global_variables_initializer())
            before_steps = plan_bytes(sess)
            sess.run([train, mean], batch(0))
            states = [sess._runtime.resources.find("", v.op.name) for v in tf.global_variables()]
            addresses, calls = [s.address for s in states], allocator_stats()
            for seed in range(50):
                sess.run([train, mean], batch(seed))
            # No table was copied, and no plan made for the number of different words in a batch.
            assert allocator_stats() == calls and [s.address for s in states] == addresses
            after = plan_bytes(sess)
            assert not any(after[2]) and after[1] == before_steps[1] + 1
            seen.append(after[0] - before_steps[0])
    assert seen[0] == seen[1] < 50_000
