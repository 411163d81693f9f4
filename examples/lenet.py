"""LeNet on MNIST: two convolutions with pooling, a wide layer with dropout, 99 % of the test digits.

    python examples/lenet.py --folder /tmp/lenet

Trains with momentum and a rate that falls, on all 60,000 training digits but 5,000, which are read after each epoch (validation).  Each epoch
ends with a checkpoint, a summary (tensorboard --logdir /tmp/lenet) and curves.png; the last also with misread.png.  A run that was interrupted
goes on from its last checkpoint with the same numbers as one that never was: the order of the digits follows from the step, and the streams of
the random numbers of dropout are saved with the weights.
(Y. LeCun and others, Gradient-based learning applied to document recognition, 1998; the sizes are those of TensorFlow's own example of 2015.)
"""
import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np
from tqdm import tqdm

import minitf as tf
from minitf.datasets import mnist


def lenet(images, training):
    """Logits [n, 10] of digits [n, 784]."""
    hidden = tf.reshape(images, [-1, 28, 28, 1])
    for filters in (32, 64):
        hidden = tf.layers.conv2d(hidden, filters, 5, padding="same", activation=tf.nn.relu)
        hidden = tf.layers.max_pooling2d(hidden, 2, 2)
    hidden = tf.layers.flatten(hidden)
    decay = lambda weights: 5e-4 * tf.nn.l2_loss(weights)
    hidden = tf.layers.dense(hidden, 512, activation=tf.nn.relu, kernel_regularizer=decay)
    kept = tf.where(training, 0.5, 1.0)                   # and not tf.cond, in whose branches no random number's place could be saved
    return tf.layers.dense(tf.nn.dropout(hidden, kept), 10, kernel_regularizer=decay)


class Classifier:
    """The graph that trains a network and counts what it reads rightly."""

    def __init__(self, network, options, steps_per_epoch):
        self.images, self.labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
        self.training = tf.placeholder_with_default(False, [])
        self.step = tf.train.get_or_create_global_step()
        logits = network(self.images, self.training)
        self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.labels, logits=logits))
        rate = tf.train.exponential_decay(options.learning_rate, self.step, steps_per_epoch, 0.95, staircase=True)
        optimizer = tf.train.MomentumOptimizer(rate, 0.9)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            self.train = optimizer.minimize(self.loss + tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)), self.step)
        self.read = tf.argmax(logits, 1)
        self.streams = tf.train.RandomStreams()

    def learn(self, sess, images, labels):
        """One step; returns the loss before it, without weight decay."""
        return sess.run([self.loss, self.train], {self.images: images, self.labels: labels, self.training: True})[0]

    def misread(self, sess, data):
        """(numbers of the images that are read wrongly, what each is taken for)."""
        read = np.concatenate([sess.run(self.read, {self.images: data.images[i:i + 500]}) for i in range(0, data.num_examples, 500)])
        return np.flatnonzero(read != data.labels), read[read != data.labels]


def plot(history, path):
    """The loss and the share of misread images after each epoch."""
    from matplotlib import pyplot
    epoch, loss, error = zip(*history)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    left.plot(epoch, loss, "o-")
    left.set(title="cross entropy in training", xlabel="epoch", ylim=(0, None))
    right.plot(epoch, [100 * e for e in error], "o-", color="tab:red")
    right.set(title="validation images misread, %", xlabel="epoch", ylim=(0, None))
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def plot_misread(data, wrong, read, path):
    """The first 40 misread images, each with what it is and what it was taken for."""
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(5, 8, figsize=(8, 6), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for axis, i, taken in zip(axes.flat, wrong, read):
        axis.imshow(data.images[i].reshape(28, 28), cmap="gray_r")
        axis.set_title(f"{data.labels[i]} taken for {taken}", fontsize=7)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def run(network, options, data, classifier=Classifier, config=None):
    """Trains, or goes on training; returns the share of the test images that is read rightly.  config: of the session."""
    options.folder.mkdir(parents=True, exist_ok=True)
    saved, history = options.folder / "history.json", []
    steps_per_epoch = min(options.images, data.train.num_examples) // options.batch_size
    tf.set_random_seed(options.seed)
    model = classifier(network, options, steps_per_epoch)
    saver = tf.train.Saver()
    with tf.Session(config=config) as sess, tf.summary.FileWriter(str(options.folder), sess.graph) as summaries:
        sess.run(tf.global_variables_initializer())
        last = tf.train.latest_checkpoint(str(options.folder))
        if last:
            saver.restore(sess, last)
            model.streams.recall(sess)
            history = json.loads(saved.read_text())
            print(f"going on from {last}")
        for epoch in range(sess.run(model.step) // steps_per_epoch, min(options.epochs, options.stop)):
            order = np.random.RandomState([options.seed, epoch]).permutation(steps_per_epoch * options.batch_size)
            losses = []
            bar = tqdm(order.reshape(steps_per_epoch, -1), f"epoch {epoch + 1} of {options.epochs}", unit="step", mininterval=0.5)
            for rows in bar:
                losses.append(model.learn(sess, data.train.images[rows], data.train.labels[rows]))
                bar.set_postfix_str(f"loss {np.mean(losses[-100:]):.3f}", refresh=False)
            history.append((epoch + 1, float(np.mean(losses)), len(model.misread(sess, data.validation)[0]) / data.validation.num_examples))
            print(f"epoch {epoch + 1}: loss {history[-1][1]:.4f}, {1 - history[-1][2]:.2%} of the validation images read rightly")
            for tag, value in zip(("loss", "validation/misread"), history[-1][1:]):
                summaries.add_summary(tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)]), sess.run(model.step))
            model.streams.remember(sess)
            saver.save(sess, str(options.folder / "model.ckpt"), global_step=epoch + 1)
            saved.write_text(json.dumps(history))
            plot(history, options.folder / "curves.png")
        wrong, read = model.misread(sess, data.test)
    plot_misread(data.test, wrong, read, options.folder / "misread.png")
    print(f"test accuracy {1 - len(wrong) / data.test.num_examples:.2%}")
    return 1 - len(wrong) / data.test.num_examples


def parse(description, argv, folder, epochs, rate, more=()):
    """The options that every classifier here has, and more: [(name, default, text)]."""
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default, text in [
            *more, ("epochs", epochs, "through all images, those of earlier runs counted"), ("batch-size", 64, "images of a step"),
            ("learning-rate", rate, "at first; it falls by 5 %% an epoch"), ("seed", 1, "same seed, same numbers on one thread"),
            ("folder", Path(folder), "for checkpoints, summaries and plots"), ("images", 10 ** 6, "how many to train on, at most"),
            ("data", Path(), "a folder with four files of MNIST's form, such as Fashion-MNIST's; default: MNIST"),
            ("stop", 10 ** 6, "end after this epoch, as if interrupted")]:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=text if name == "data" else f"{text} (default %(default)r)")
    options = parser.parse_args(argv)
    data = mnist(folder=None if options.data == Path() else options.data)
    if not 0 < options.batch_size <= min(options.images, data.train.num_examples):
        parser.error(f"a batch of {options.batch_size} images needs as many to train on, and is of at least 1")
    return options, data


def main(argv=None):
    """Trains and tests; returns the test accuracy."""
    return run(lenet, *parse(__doc__, argv, "lenet", 10, 0.01))


if __name__ == "__main__":
    main()
