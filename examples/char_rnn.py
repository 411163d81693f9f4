"""A recurrent network that learns to write like Shakespeare, one character after the other.

    python examples/char_rnn.py --folder /tmp/plays                                   train, or go on training
    python examples/char_rnn.py --folder /tmp/plays --sample 500 --prime "Macbeth:"   write

An LSTM reads the plays as parallel streams and says how likely each next character is.  It is measured in bits per character, on plays that it
is not trained on, beside the best n-gram models of the same text.  Every report writes a checkpoint, a summary (tensorboard --logdir /tmp/plays)
and the plot bits.png.  A run that was interrupted goes on from its last checkpoint with the same numbers as one that never was:
where it stands in the text follows from the step, and what the network had in mind is saved with its weights.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import minitf as tf
from minitf.datasets import ngram, shakespeare

OPTIONS = [("steps", 10_000, "in all, those of earlier runs counted"), ("batch-size", 64, "streams"), ("unroll", 64, "characters of a step"),
           ("hidden", 256, "units of a layer"), ("layers", 1, "one LSTM over another"), ("embedding", 64, "numbers for a character"),
           ("learning-rate", 4e-3, "of Adam at first; it falls to a fiftieth"), ("clip", 1.0, "greatest norm of the gradients"),
           ("seed", 1, "same seed, same text"), ("report", 500, "steps from one checkpoint to the next"),
           ("folder", Path("char_rnn"), "for checkpoints, summaries and plot"), ("characters", 10 ** 7, "how much of each text to use, at most"),
           ("stop", 10 ** 9, "end after this step, as if interrupted"), ("sample", 0, "write so many characters, instead of training"),
           ("prime", "\n", "what they go on from"), ("temperature", 0.7, "1: as the network says; less: rather what is likely")]


class Network:
    """The LSTM on [batch, steps] characters.  Another one of other sizes, in the same graph, has the same variables."""

    def __init__(self, cell, vocabulary, embedding, batch, steps):
        self.ids, self.targets = tf.placeholder(tf.int32, [batch, steps]), tf.placeholder(tf.int32, [batch, steps])
        self.steps, self.zero = steps, cell.zero_state(batch, tf.float32)
        with tf.variable_scope("network", reuse=tf.AUTO_REUSE):
            inputs = tf.nn.embedding_lookup(tf.get_variable("embedding", [vocabulary, embedding]), self.ids)
            outputs, self.state = tf.nn.static_rnn(cell, tf.unstack(inputs, axis=1), self.zero)
            weights = tf.get_variable("softmax_w", [cell.output_size, vocabulary])
            biases = tf.get_variable("softmax_b", [vocabulary], initializer=tf.zeros_initializer())
        self.logits = tf.nn.xw_plus_b(tf.reshape(tf.stack(outputs, 1), [-1, cell.output_size]), weights, biases)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(self.targets, [-1]), logits=self.logits)
        self.bits = tf.reduce_mean(losses) / np.float32(np.log(2))

    def run(self, sess, fetches, text, at, state):
        """(values, state after them) of the characters text[:, at:at + steps], given the state before them."""
        feed = {self.ids: text[:, at:at + self.steps], self.targets: text[:, at + 1:at + self.steps + 1], **dict(zip(flat(self.zero), flat(state)))}
        return sess.run([fetches, self.state], feed)

    def measure(self, sess, text):
        """Bits per character of a text that is read from a state of zeros, but for what is after the last whole step."""
        state, found = sess.run(self.zero), []
        for at in range(0, text.shape[1] - self.steps, self.steps):
            value, state = self.run(sess, self.bits, text, at, state)
            found.append(value)
        return float(np.mean(found))

    def write(self, sess, prime, n, temperature, random):
        """The ids of `prime` and n characters more; a low temperature prefers what is likely."""
        state, written = sess.run(self.zero), list(prime)
        for i in range(len(prime) + n - 1):
            logits, state = self.run(sess, self.logits, np.array([[*written, 0]]), i, state)
            if i + 1 == len(written):
                p = np.exp((logits[0] - logits[0].max()) / temperature)
                written.append(random.choice(len(p), p=p / p.sum()))
        return written


def flat(state):
    return [part for layer in state for part in layer]


def streams(ids, batch):
    """A text as `batch` rows that lie one after the other in it, each with the first character of the next."""
    length = (len(ids) - 1) // batch
    return np.stack([ids[i * length:(i + 1) * length + 1] for i in range(batch)]).astype(np.int32)


def plot(history, lines, path):
    """The bits at every report, and those of other models as dashed lines."""
    step, train, valid = zip(*history)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot(step, train, label="plays trained on")
    axes.plot(step, valid, label="The Tempest and King Lear, not trained on")
    for (name, value), colour in zip(lines.items(), ("0.6", "0.3")):
        axes.axhline(value, linestyle="--", color=colour, label=f"{name}: {value:.2f}")
    axes.set(xlabel="step", ylabel="bits per character", ylim=(1.4, 3.5))
    axes.legend()
    figure.savefig(path, dpi=100)


def main(argv=None):
    """Trains and returns bits per character of the test plays; or writes and returns the text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, text in OPTIONS:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{text} (default %(default)r)")
    options = parser.parse_args(argv)
    data, last = shakespeare.characters(), tf.train.latest_checkpoint(str(options.folder))
    vocabulary, saved, history = len(data.vocabulary), options.folder / "history.json", []
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(options.hidden) for _ in range(options.layers)])
    tf.set_random_seed(options.seed)
    if options.sample:
        writer = Network(cell, vocabulary, options.embedding, 1, 1)
        with tf.Session() as sess:
            tf.train.Saver().restore(sess, last or parser.error(f"no checkpoint in {options.folder}: train first, without --sample"))
            ids = writer.write(sess, data.encode(options.prime), options.sample, options.temperature, np.random.RandomState(options.seed))
        print(text := data.decode(ids))
        return text

    texts = [part[:options.characters] for part in data[:3]]
    train_text, valid_text, test_text = (streams(part, options.batch_size) for part in texts)
    network = Network(cell, vocabulary, options.embedding, options.batch_size, options.unroll)
    kept = [tf.Variable(part, trainable=False) for part in flat(network.zero)]                # the state, for checkpoints
    global_step, variables = tf.train.get_or_create_global_step(), tf.trainable_variables()
    rate = tf.train.polynomial_decay(options.learning_rate, global_step, options.steps, options.learning_rate / 50)
    gradients, _ = tf.clip_by_global_norm(tf.gradients(network.bits, variables), options.clip)
    train, saver = tf.train.AdamOptimizer(rate).apply_gradients(zip(gradients, variables), global_step), tf.train.Saver()
    with tf.Session() as sess, tf.summary.FileWriter(str(options.folder), sess.graph) as summaries:
        sess.run(tf.global_variables_initializer())
        if last:
            saver.restore(sess, last)
            history = [report for report in json.loads(saved.read_text()) if report[0] <= sess.run(global_step)]
        lines = {f"{order}-gram, {name}": ngram.bits_per_token(model(texts[0], texts[1], order, vocabulary))
                 for name, model, order in [("Witten-Bell", ngram.witten_bell, 6), ("Kneser-Ney", ngram.kneser_ney, 7)]}
        first, state, found = sess.run(global_step), [sess.run(kept)], []
        for step in (bar := tqdm(range(first, min(options.steps, options.stop)), initial=first, total=options.steps, unit="step", mininterval=0.5)):
            at = step % ((train_text.shape[1] - 1) // options.unroll) * options.unroll
            (value, _), state = network.run(sess, [network.bits, train], train_text, at, state if at else sess.run(network.zero))
            found.append(value)
            bar.set_postfix_str(f"{np.mean(found[-50:]):.3f} bits a character" + (f", held out {history[-1][2]:.3f}" if history else ""), refresh=False)
            if (step + 1) % options.report == 0 or step + 1 == options.steps:
                history.append((step + 1, float(np.mean(found)), network.measure(sess, valid_text)))
                for tag, value in zip(("bits/train", "bits/valid"), history[-1][1:]):
                    summaries.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)]), step + 1)
                for variable, part in zip(kept, flat(state)):
                    variable.load(part, sess)
                saved.write_text(json.dumps(history))
                saver.save(sess, str(options.folder / "model.ckpt"), global_step=step + 1)
                plot(history, lines, options.folder / "bits.png")
                found = []
        result = network.measure(sess, test_text)
    print(f"bits per character: test {result:.3f}, validation {history[-1][2] if history else np.nan:.3f}", *(f"({k} {v:.3f})" for k, v in lines.items()))
    return result


if __name__ == "__main__":
    main()
