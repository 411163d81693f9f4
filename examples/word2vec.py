"""Word vectors by skip-gram (Mikolov and others, 2013): words that stand among the same words come to lie beside one another.

    python examples/word2vec.py --log-dir words
    tensorboard --logdir words

For each word of six million of English (minitf/datasets/words.py) the model guesses one near it.  Ctrl-C ends the training; the same command
goes on where it stopped, to the same bits.  MEASURED
"""
import argparse
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import minitf as tf
from minitf.datasets import word_scores, words

SHOWN = ["three", "king", "woman", "water", "think", "red", "movie", "quickly"]


def pairs(corpus, kept, number, options):
    """(words, the word near each) of a piece of the text, in random order; words are left out of it with probability 1 - kept."""
    n = -(-len(corpus.words) // options.piece)
    piece = np.random.default_rng([options.seed, number // n]).permutation(n)[number % n]
    random = np.random.default_rng([options.seed, number // n, piece])
    span = slice(piece * options.piece, (piece + 1) * options.piece)
    stay = random.random(len(corpus.words[span]), np.float32) < kept[corpus.words[span]]
    text, lines = corpus.words[span][stay], corpus.lines[span][stay]
    return words.skip_gram(text, lines, options.window, random)


class Model:
    """The graph: two tables, of the words' vectors and of the guesses'; the loss of a batch, a training step, and what else a checkpoint holds."""

    def __init__(self, counts, options):
        size, dim, n = len(counts), options.dim, options.sampled
        self.words, self.near = tf.placeholder(tf.int32, [None], name="words"), tf.placeholder(tf.int64, [None], name="near")
        self.rate = tf.placeholder(tf.float32, [], name="rate")
        self.vectors = tf.Variable(tf.random_uniform([size, dim], -0.5 / dim ** 0.5, 0.5 / dim ** 0.5), name="vectors")
        weights, biases = tf.Variable(tf.zeros([size, dim]), name="weights"), tf.Variable(tf.zeros([size]), name="biases")
        near = tf.expand_dims(self.near, 1)
        sampled = tf.nn.fixed_unigram_candidate_sampler(near, 1, n, True, size, distortion=0.75, unigrams=counts.tolist())
        loss = {"softmax": tf.nn.sampled_softmax_loss, "nce": tf.nn.nce_loss}[options.loss]
        self.loss = tf.reduce_mean(loss(weights, biases, near, tf.nn.embedding_lookup(self.vectors, self.words), n, size, sampled_values=sampled))
        self.step = tf.train.get_or_create_global_step()
        self.train = tf.train.AdagradOptimizer(self.rate, initial_accumulator_value=1e-6).minimize(self.loss, self.step)
        self.place = tf.Variable([0, 0], trainable=False, name="place")                      # which piece comes next, and the step at its beginning
        self.streams = tf.train.RandomStreams()


def train(sess, model, corpus, pieces, options):
    """Trains from where the variables say to the end, or to options.stop batches or a Ctrl-C; writes summaries and checkpoints."""
    saver, writer = tf.train.Saver(max_to_keep=2), tf.summary.FileWriter(str(options.log_dir), sess.graph)
    kept = np.minimum(1, np.sqrt(options.threshold * corpus.counts.sum() / corpus.counts)).astype(np.float32)
    place, step, n = sess.run(model.place).tolist(), int(sess.run(model.step)), options.batch_size

    def save():
        model.place.load(place, sess)
        model.streams.remember(sess)
        saver.save(sess, str(options.log_dir / "model.ckpt"), global_step=model.step, write_meta_graph=False)

    with tqdm(total=pieces, initial=place[0], unit="piece", mininterval=0.5) as bar:
        try:
            while place[0] < pieces:
                (centres, near), losses, (piece, first) = pairs(corpus, kept, place[0], options), [], place
                rate = options.learning_rate * max(1 - piece / pieces, 0.01)
                for begin in range((step - first) * n, len(centres) - n + 1, n):
                    if step == options.stop:
                        raise KeyboardInterrupt
                    feed = {model.words: centres[begin:begin + n], model.near: near[begin:begin + n], model.rate: rate}
                    losses.append(sess.run([model.train, model.loss], feed)[1])
                    step += 1
                place = piece + 1, step
                bar.update()
                if losses:
                    bar.set_postfix_str(f"loss {np.mean(losses):.3f}", refresh=False)
                    writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="loss", simple_value=np.mean(losses))]), step)
                if place[0] % 100 == 0:
                    save()
        except KeyboardInterrupt:
            bar.write(f"stopped after {sess.run(model.step):,} batches; the same command goes on from here")
    save()
    writer.close()


def draw(vectors, vocabulary, groups, folder):
    """words.png: the loss, from the summaries; and some words and their neighbours, in the plane in which these vectors spread most."""
    events = (e for path in sorted(folder.glob("events.*")) for e in tf.train.summary_iterator(str(path)))
    figure = Figure(figsize=(16, 8), layout="tight")
    left, right = figure.subplots(1, 2)
    left.plot(*np.array([(e.step, v.simple_value) for e in events for v in e.summary.value if v.tag == "loss"]).reshape(-1, 2).T)
    left.set(xlabel="batch", ylabel="mean loss in a piece of the text")
    x = vectors[[vocabulary.index(word) for group in groups for word in group]]
    plane = (x - x.mean(0)) @ np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:2].T
    right.scatter(*plane.T, s=1)
    for k, (word, point) in enumerate(zip(sum(groups, []), plane)):
        right.text(*point, word, color=f"C{k // len(groups[0])}")
    figure.savefig(folder / "words.png", dpi=120)


def main(argv=None):
    """Trains, or goes on, shows neighbours, and asks questions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--epochs", type=int, default=8, help="times through the text (default %(default)s)")
    add("--dim", type=int, default=100, help="numbers in a vector (default %(default)s)")
    add("--window", type=int, default=5, help="words that far on either side are near, at most (default %(default)s)")
    add("--loss", choices=["softmax", "nce"], default="softmax", help="sampled softmax or noise-contrastive estimation (default %(default)s)")
    add("--sampled", type=int, default=64, help="words drawn beside the true ones (default %(default)s)")
    add("--batch-size", type=int, default=512, help="pairs a step (default %(default)s)")
    add("--learning-rate", type=float, default=0.2, help="Adagrad's, which falls to a hundredth (default %(default)s)")
    add("--threshold", type=float, default=1e-4, help="words of a larger part of the text are left out more or less often (default %(default)s)")
    add("--min-count", type=int, default=5, help="rarer words are left out (default %(default)s)")
    add("--piece", type=int, default=50_000, help="words of a piece of the text (default %(default)s)")
    add("--stop", type=int, default=-1, help="batches after which to stop, to go on later (default: none)")
    add("--text", type=Path, help="another text, small letters, a sentence a line; it is not asked questions (default: the six million words)")
    add("--seed", type=int, default=1, help="same seed, same vectors (default %(default)s)")
    add("--log-dir", type=Path, default=Path("words"), help="folder of checkpoints, summaries and pictures (default %(default)s)")
    options = parser.parse_args(argv)

    corpus = words.corpus(options.min_count, options.text and options.text.read_text())
    pieces = options.epochs * -(-len(corpus.words) // options.piece)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(options.seed)
        model = Model(corpus.counts, options)
        sess.run(tf.global_variables_initializer())
        began, last = time.process_time(), tf.train.latest_checkpoint(str(options.log_dir))
        if last:
            tf.train.Saver().restore(sess, last)
            model.streams.recall(sess)
            print(f"going on from {last}")
        train(sess, model, corpus, pieces, options)
        steps, vectors = sess.run(model.step), word_scores.unit(sess.run(model.vectors))
    print(f"{steps:,} batches; {time.process_time() - began:.0f} s of processor time in this run")
    groups = [[word, *word_scores.nearest(vectors, corpus.vocabulary, word)] for word in SHOWN if word in corpus.vocabulary]
    for word, *others in groups:
        print(f"{word:>8}: {', '.join(others)}")
    draw(vectors, corpus.vocabulary, groups or [corpus.vocabulary[:50]], options.log_dir)
    if options.text is None:
        print(word_scores.report(vectors, corpus.vocabulary))


if __name__ == "__main__":
    main()
