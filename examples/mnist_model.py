"""The MnistModel of the talks: 784 pixels, one hidden layer of 200 rectified units, 10 digits.

    python examples/mnist_model.py --output demo

trains it on the 55,000 training digits of MNIST, prints the accuracy on the 10,000 test digits, and draws two pictures.
Ctrl-C ends the training early and keeps what was learned so far.
"""
import argparse
import os
import time
from pathlib import Path

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from tqdm import tqdm

import minitf as tf
from minitf.datasets import mnist


class MnistModel:
    """The graph: images, labels and a learning rate in; predictions, mean loss, accuracy and one training step out."""

    def __init__(self, hidden_units):
        self.images = tf.placeholder(tf.float32, [None, 784], name="images")
        self.labels = tf.placeholder(tf.float32, [None, 10], name="labels")
        self.learning_rate = tf.placeholder(tf.float32, [], name="learning_rate")

        with tf.name_scope("hidden"):
            weights = tf.Variable(tf.truncated_normal([784, hidden_units], stddev=784 ** -0.5), name="weights")
            biases = tf.Variable(tf.zeros([hidden_units]), name="biases")
            hidden = tf.nn.relu(tf.matmul(self.images, weights) + biases)
        with tf.name_scope("softmax"):
            weights = tf.Variable(tf.truncated_normal([hidden_units, 10], stddev=hidden_units ** -0.5), name="weights")
            biases = tf.Variable(tf.zeros([10]), name="biases")
            logits = tf.matmul(hidden, weights) + biases

        self.loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.labels, logits=logits), name="loss")
        self.predictions = tf.argmax(logits, 1, name="predictions")
        correct = tf.equal(self.predictions, tf.argmax(self.labels, 1))
        self.accuracy = tf.reduce_mean(tf.cast(correct, tf.float32), name="accuracy")
        self.train = tf.train.AdamOptimizer(self.learning_rate).minimize(self.loss)


def train(sess, model, digits, epochs, batch_size, learning_rate):
    """Runs the training steps, the learning rate falling evenly to zero; returns the loss of each, up to a Ctrl-C."""
    losses = []
    per_epoch = digits.train.num_examples // batch_size
    steps = epochs * per_epoch
    validation = {model.images: digits.validation.images, model.labels: digits.validation.labels}
    with tqdm(total=steps, unit="step", mininterval=0.5) as bar:
        try:
            for epoch in range(epochs):
                for _ in range(per_epoch):
                    images, labels = digits.train.next_batch(batch_size)
                    feed = {model.images: images, model.labels: labels, model.learning_rate: learning_rate * (1 - len(losses) / steps)}
                    _, loss = sess.run([model.train, model.loss], feed)
                    losses.append(loss)
                    bar.update()
                bar.set_postfix_str(f"epoch {epoch + 1}: validation accuracy {sess.run(model.accuracy, validation):.2%}")
        except KeyboardInterrupt:
            bar.write("Stopped; going on with what was learned so far.")
    return losses


def draw_losses(losses, path):
    """The loss of every step, and its mean over the last hundred."""
    plt.figure(figsize=(8, 4))
    plt.semilogy(losses, color="#9db8d9", linewidth=0.5, label="each batch")
    window = min(100, len(losses))
    smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
    plt.semilogy(np.arange(window - 1, len(losses)), smooth, color="#1f4e8c", label=f"mean of the last {window}")
    plt.xlabel("step")
    plt.ylabel("cross entropy")
    plt.legend()
    plt.tight_layout()
    plt.savefig(path, dpi=120)
    plt.close()


def draw_digits(digits, predictions, path):
    """Three rows of test digits as they come, then two rows of the ones that the model gets wrong, marked in red."""
    truth = digits.labels.argmax(1)
    wrong = np.flatnonzero(predictions != truth)
    shown = np.concatenate([np.arange(30), wrong[:20]])
    figure, axes = plt.subplots(5, 10, figsize=(10, 6.4))
    for axis in axes.flat:
        axis.axis("off")
    for axis, i in zip(axes.flat, shown):
        axis.imshow(digits.images[i].reshape(28, 28), cmap="gray_r")
        right = predictions[i] == truth[i]
        axis.set_title(str(predictions[i]) if right else f"{predictions[i]}, is {truth[i]}", color="black" if right else "red", fontsize=11)
    figure.suptitle(f"The first 30 test digits, and 20 of the {len(wrong)} (of {len(truth):,}) read wrongly")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv=None):
    """Trains, tests and draws; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=8, help="times through the training digits (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=100, help="digits a step (default %(default)s; 16 in the talk)")
    parser.add_argument("--hidden-units", type=int, default=200, help="units of the hidden layer (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.002, help="Adam's at the beginning (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same result (default %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder of the pictures (default %(default)s)")
    options = parser.parse_args(argv)

    digits = mnist(one_hot=True, seed=options.seed)
    if not 1 <= options.batch_size <= digits.train.num_examples:
        parser.error(f"--batch-size must be from 1 to {digits.train.num_examples:,}, got {options.batch_size:,}")
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(options.seed)
        model = MnistModel(options.hidden_units)
        sess.run(tf.global_variables_initializer())
        began, cpu = time.perf_counter(), time.process_time()
        losses = train(sess, model, digits, options.epochs, options.batch_size, options.learning_rate)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        predictions, accuracy = sess.run([model.predictions, model.accuracy],
                                         {model.images: digits.test.images, model.labels: digits.test.labels})

    print(f"{len(losses):,} steps of {options.batch_size} digits in {took:.1f} s ({cpu:.1f} s of processor time)")
    print(f"test accuracy {accuracy:.2%}")
    options.output.mkdir(parents=True, exist_ok=True)
    if losses:
        draw_losses(losses, options.output / "loss.png")
        print(f"loss curve: {os.path.relpath(options.output / 'loss.png')}")
    draw_digits(digits.test, predictions, options.output / "digits.png")
    print(f"digits:     {os.path.relpath(options.output / 'digits.png')}")
    return float(accuracy)


if __name__ == "__main__":
    main()
