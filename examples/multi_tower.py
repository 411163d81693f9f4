"""The CIFAR-10 tutorial's network on several devices at once: towers that share their variables.

    python examples/multi_tower.py --towers 2 --folder /tmp/towers

Every tower is the whole network of cifar_convnet.py, on a device of its own: tower k on cpu:k+1.  The variables are on cpu:0.  In a step
each tower reads a part of the batch and computes the gradients for it; cpu:0 averages them, and updates once.  As the gradient of a mean
is the mean of the gradients, N towers of a batch of B do what one does with a batch of N B, but at the same time.

The session sends the variables to the towers and the gradients back; the graph only says where each op is.  Progress, checkpoints,
summaries and plots are those of lenet.py.  A run goes on with as many towers as it began with: each draws colours of its own, and their
place in the stream of random numbers is saved.
"""
import sys

from cifar_convnet import network
from lenet import Classifier, parse, run

import minitf as tf


def beside(device):
    """For tf.device: variables on cpu:0, whatever else is made on `device`."""
    return lambda op: "/cpu:0" if op.type == "VariableV2" else device


class Towers(Classifier):
    """As its base, with options.towers copies of the network; options.batch_size is of all of them."""

    def __init__(self, network, options, steps_per_epoch):
        count = options.towers
        with tf.device("/cpu:0"):
            self.images, self.labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
            self.training, self.step = tf.placeholder_with_default(False, []), tf.train.get_or_create_global_step()
            rate = tf.train.exponential_decay(options.learning_rate, self.step, steps_per_epoch, 0.95, staircase=True)
            optimizer = tf.train.MomentumOptimizer(rate, 0.9)
        losses, gradients, read = [], [], []
        for k in range(count):
            with tf.device(beside(f"/cpu:{k + 1}")), tf.name_scope(f"tower_{k}"), tf.variable_scope("network", reuse=k > 0):
                size = tf.shape(self.images)[0]
                part = slice(size * k // count, size * (k + 1) // count)
                logits = network(self.images[part], self.training)
                losses.append(tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.labels[part], logits=logits)))
                decay = tf.add_n(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))     # of the variables, made with the first tower
                gradients.append(optimizer.compute_gradients(losses[k] + decay))
                read.append(tf.argmax(logits, 1))
        with tf.device("/cpu:0"):
            self.loss, self.read = tf.add_n(losses) / count, tf.concat(read, 0)
            averaged = [(tf.add_n([g for g, _ in pairs]) / count, pairs[0][1]) for pairs in zip(*gradients)]
            self.train = optimizer.apply_gradients(averaged, self.step)
        self.streams = tf.train.RandomStreams()


def main(argv=None):
    """Trains and tests; returns the test accuracy."""
    more = [("towers", 2, "copies of the network, each on a device; --batch-size is of one of them")]
    options, data = parse(__doc__, argv, "towers", 3, 0.02, more)
    options.batch_size *= options.towers
    if not 0 < options.batch_size <= min(options.images, data.train.num_examples):
        sys.exit(f"{options.towers} towers read {options.batch_size} images a step: more than there are, or none")
    return run(network, options, data, Towers, tf.ConfigProto(device_count={"CPU": options.towers + 1}))


if __name__ == "__main__":
    main()
