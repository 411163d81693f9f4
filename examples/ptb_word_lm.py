"""A language model of words, of the shape that is usual on the Penn Treebank: two LSTMs of 200 units, unrolled 20 steps, on Shakespeare's words.

    python examples/ptb_word_lm.py --folder /tmp/words                   train, or go on training
    python examples/ptb_word_lm.py --folder /tmp/words --sample 100      write a hundred words

It reads the plays as 20 parallel streams, 10,000 different words and <unk> for all others, and learns by gradient descent whose rate halves after
some epochs (Zaremba, Sutskever and Vinyals, 2014, the small model).  What counts is the perplexity of plays that it is not trained on, beside that of the
best n-gram model, a 5-gram with Kneser-Ney smoothing.  Every epoch writes a checkpoint, a summary (tensorboard --logdir /tmp/words) and the plot
perplexity.png.  A run that was interrupted goes on from its last checkpoint with the same numbers as one that never was; with dropout
(--keep-prob) it goes on as well, but drops other units than that would have.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import minitf as tf
from minitf.datasets import ngram, shakespeare

OPTIONS = [("epochs", 6, "in all, those of earlier runs counted"), ("layers", 2, "one LSTM over another"), ("hidden", 200, "units of a layer"),
           ("batch-size", 20, "streams"), ("unroll", 20, "words of a step"), ("keep-prob", 1.0, "how much of each layer's output training keeps"),
           ("learning-rate", 1.0, "of gradient descent at first"), ("decay", 0.5, "what an epoch multiplies it by"),
           ("decay-after", 3, "so many epochs have the first rate"), ("clip", 5.0, "greatest norm of the gradients"),
           ("init", 0.1, "variables begin between minus and plus that"), ("vocabulary", 10_000, "different words"),
           ("words", 10 ** 7, "how much of each text to use, at most"), ("seed", 1, "same seed, same result"),
           ("folder", Path("ptb_word_lm"), "for checkpoints, summaries and plot"), ("stop", 10 ** 9, "end after this epoch, as if interrupted"),
           ("sample", 0, "write so many words, instead of training")]


class Model:
    """The network on [batch, steps] words.  Another one of other sizes, in the same graph, has the same variables."""

    def __init__(self, cell, options, batch, steps, keep_prob=1.0):
        self.ids, self.targets = tf.placeholder(tf.int32, [batch, steps]), tf.placeholder(tf.int32, [batch, steps])
        self.steps, self.zero = steps, cell.zero_state(batch, tf.float32)
        with tf.variable_scope("model", reuse=tf.AUTO_REUSE, initializer=tf.random_uniform_initializer(-options.init, options.init)):
            words = tf.nn.embedding_lookup(tf.get_variable("embedding", [options.vocabulary, options.hidden]), self.ids)
            inputs = tf.nn.dropout(words, keep_prob)
            outputs, self.state = tf.nn.static_rnn(cell, tf.unstack(inputs, axis=1), self.zero)
            weights, biases = tf.get_variable("softmax_w", [options.hidden, options.vocabulary]), tf.get_variable("softmax_b", [options.vocabulary])
        self.logits = tf.nn.xw_plus_b(tf.reshape(tf.stack(outputs, 1), [-1, options.hidden]), weights, biases)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(self.targets, [-1]), logits=self.logits)
        self.cost = tf.reduce_sum(losses) / batch                 # of all steps together: the learning rate is meant for that

    def run(self, sess, fetches, text, at, state):
        """(values, state after them) of the words text[:, at:at + steps], given the state before them."""
        feed = {self.ids: text[:, at:at + self.steps], self.targets: text[:, at + 1:at + self.steps + 1], **dict(zip(flat(self.zero), flat(state)))}
        return sess.run([fetches, self.state], feed)

    def places(self, text):
        return range(0, text.shape[1] - self.steps, self.steps)

    def perplexity(self, sess, text):
        """Of a text that is read from a state of zeros, but for what is after the last whole step."""
        state, costs = sess.run(self.zero), []
        for at in self.places(text):
            cost, state = self.run(sess, self.cost, text, at, state)
            costs.append(cost)
        return float(np.exp(np.mean(costs) / self.steps))

    def write(self, sess, first, n, random):
        """n ids after `first`, <unk> (id 0) never."""
        state, written = sess.run(self.zero), [first]
        for i in range(n):
            logits, state = self.run(sess, self.logits, np.array([[*written, 0]]), i, state)
            p = np.exp(logits[0].astype(np.float64) - logits[0].max()) * (np.arange(logits.size) > 0)
            written.append(random.choice(p.size, p=p / p.sum()))
        return written[1:]


def flat(state):
    return [part for layer in state for part in layer]


def streams(ids, batch):
    """A text as `batch` rows that lie one after the other in it, each with the first word of the next."""
    length = (len(ids) - 1) // batch
    return np.stack([ids[i * length:(i + 1) * length + 1] for i in range(batch)])


def plot(history, ngram_perplexity, path):
    """The perplexities of every epoch, and that of the n-gram model as a dashed line."""
    epoch, train, valid = zip(*history)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(epoch, train, ".-", label="plays trained on, meanwhile")
    axes.plot(epoch, valid, ".-", label="The Tempest and King Lear, not trained on")
    axes.axhline(ngram_perplexity, linestyle="--", color="0.4", label=f"5-gram, Kneser-Ney: {ngram_perplexity:.1f}")
    axes.set(xlabel="epoch", ylabel="perplexity", ylim=(0, 2.5 * ngram_perplexity))
    axes.legend()
    figure.savefig(path, dpi=100)


def main(argv=None):
    """Trains and returns the perplexity of the test plays; or writes and returns the text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, text in OPTIONS:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{text} (default %(default)r)")
    options = parser.parse_args(argv)
    data, last = shakespeare.words(options.vocabulary), tf.train.latest_checkpoint(str(options.folder))
    cell = tf.nn.rnn_cell.MultiRNNCell(plain := [tf.nn.rnn_cell.BasicLSTMCell(options.hidden, forget_bias=0.0) for _ in range(options.layers)])
    dropping = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.DropoutWrapper(c, output_keep_prob=options.keep_prob) for c in plain])
    tf.set_random_seed(options.seed)
    if options.sample:
        writer = Model(cell, options, 1, 1)
        with tf.Session() as sess:
            tf.train.Saver().restore(sess, last or parser.error(f"no checkpoint in {options.folder}: train first, without --sample"))
            print(text := data.decode(writer.write(sess, 1, options.sample, np.random.RandomState(options.seed))))
        return text

    texts = [part[:options.words] for part in data[:3]]
    train_text, valid_text, test_text = (streams(part, options.batch_size) for part in texts)
    model = Model(dropping, options, options.batch_size, options.unroll, options.keep_prob)
    reader = Model(cell, options, options.batch_size, options.unroll)
    places, saved, history = model.places(train_text), options.folder / "history.json", []
    global_step, variables = tf.train.get_or_create_global_step(), tf.trainable_variables()
    late = tf.maximum(global_step // len(places) + 1 - options.decay_after, 0)
    gradients, _ = tf.clip_by_global_norm(tf.gradients(model.cost, variables), options.clip)
    optimizer = tf.train.GradientDescentOptimizer(options.learning_rate * tf.pow(options.decay, tf.to_float(late)))
    train, saver = optimizer.apply_gradients(zip(gradients, variables), global_step), tf.train.Saver()
    best = [ngram.perplexity(ngram.kneser_ney(texts[0], part, 5, options.vocabulary)) for part in texts[1:]]
    with tf.Session() as sess, tf.summary.FileWriter(str(options.folder), sess.graph) as summaries:
        sess.run(tf.global_variables_initializer())
        if last:
            saver.restore(sess, last)
            history = [epoch for epoch in json.loads(saved.read_text()) if epoch[0] * len(places) <= sess.run(global_step)]
        for epoch in range(len(history) + 1, min(options.epochs, options.stop) + 1):
            state, costs = sess.run(model.zero), []
            for at in (bar := tqdm(places, desc=f"epoch {epoch}", unit="step", mininterval=0.5)):
                (cost, _), state = model.run(sess, [model.cost, train], train_text, at, state)
                costs.append(cost)
                bar.set_postfix_str(f"perplexity {np.exp(np.mean(costs[-200:]) / options.unroll):.1f}", refresh=False)
            history.append((epoch, float(np.exp(np.mean(costs) / options.unroll)), reader.perplexity(sess, valid_text)))
            print(f"epoch {epoch}: perplexity {history[-1][1]:.1f}, held out {history[-1][2]:.1f} (5-gram {best[0]:.1f})")
            for tag, value in zip(("perplexity/train", "perplexity/valid"), history[-1][1:]):
                summaries.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)]), epoch)
            saved.write_text(json.dumps(history))
            saver.save(sess, str(options.folder / "model.ckpt"), global_step=global_step)
            plot(history, best[0], options.folder / "perplexity.png")
        result = reader.perplexity(sess, test_text)
    print(f"test perplexity {result:.1f} (5-gram {best[1]:.1f})")
    return result


if __name__ == "__main__":
    main()
