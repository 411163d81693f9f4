"""Softmax regression on MNIST without a feed: the graph reads its digits from queues, which threads fill while it learns.

    python examples/input_pipeline.py
    python examples/input_pipeline.py --chunk 100
    python examples/input_pipeline.py --feed

A producer gives the numbers of the digits, in another order each epoch; runner threads gather the digits and put them into a second
queue; a step of training takes a batch out of that one, at random.  When all epochs are done the queues are closed one after the other,
and the step that finds no digit ends with OutOfRangeError.  --feed trains the same model from the loop's own arrays, to compare the times.
"""
import argparse
import time

from tqdm import tqdm

import minitf as tf
from minitf.datasets import mnist


def pipeline(data, options):
    """(images [n, 784], labels [n]) of a batch: other ones in each step, from the queues."""
    images, labels = tf.constant(data.images, name="images"), tf.constant(data.labels, name="labels")
    how = dict(capacity=20 * options.batch_size, min_after_dequeue=10 * options.batch_size, num_threads=options.threads, seed=options.seed,
               allow_smaller_final_batch=True)
    if options.chunk == 1:
        # One digit at a time: what the tutorials of 2015 do.  Each is a step of its own for the thread that runs it.
        image, label = tf.train.slice_input_producer([images, labels], num_epochs=options.epochs, seed=options.seed)
        return tf.train.shuffle_batch([image, label], options.batch_size, **how)
    # Some at a time: the second queue takes them apart again.
    numbers = tf.train.range_input_producer(data.num_examples, num_epochs=options.epochs, seed=options.seed, capacity=10 * options.chunk)
    rows = numbers.dequeue_up_to(options.chunk)
    return tf.train.shuffle_batch([tf.gather(images, rows), tf.gather(labels, rows)], options.batch_size, enqueue_many=True,
                                  shapes=[[784], []], **how)


class Model:
    """One matrix and one vector; `images` and `labels` are the tensors that a step of training learns from."""

    def __init__(self, images, labels, learning_rate):
        self.images, self.labels = images, labels
        W, b = tf.Variable(tf.zeros([784, 10]), name="W"), tf.Variable(tf.zeros([10]), name="b")
        self.seen = tf.Variable(0, name="seen", trainable=False)
        self.loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.matmul(images, W) + b))
        with tf.control_dependencies([tf.train.GradientDescentOptimizer(learning_rate).minimize(self.loss)]):
            self.train = self.seen.assign_add(tf.shape(images)[0])
        # The test digits are fed, for they are none of the queue's.
        self.test_images, self.test_labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])
        right = tf.equal(tf.argmax(tf.matmul(self.test_images, W) + b, 1), self.test_labels)
        self.accuracy = tf.reduce_mean(tf.cast(right, tf.float32))


def train_from_queues(sess, model, bar):
    """Steps until the queues are at their end."""
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(sess, coord)
    try:
        seen = 0
        while not coord.should_stop():
            before, (seen, loss) = seen, sess.run([model.train, model.loss])
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            bar.update(int(seen - before))
    except tf.errors.OutOfRangeError:
        pass                                                           # the end of the last epoch
    finally:
        coord.request_stop()
    coord.join(threads)                                                # raises what went wrong in a thread


def train_from_feeds(sess, model, data, options, bar):
    """The same number of digits, each batch handed over by the loop."""
    while bar.n < bar.total:
        images, labels = data.next_batch(min(options.batch_size, bar.total - bar.n))
        _, loss = sess.run([model.train, model.loss], {model.images: images, model.labels: labels})
        bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
        bar.update(len(images))


def main(argv=None):
    """Trains and tests; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5, help="times through the digits (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=100, help="digits a step (default %(default)s)")
    parser.add_argument("--chunk", type=int, default=1, help="digits that a runner thread handles at a time (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="runner threads of the second queue (default %(default)s)")
    parser.add_argument("--digits", type=int, default=55_000, help="of the training digits, how many (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.5, help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the orders (default %(default)s)")
    parser.add_argument("--feed", action="store_true", help="feed the batches instead (default: queues)")
    options = parser.parse_args(argv)
    for name in ("epochs", "batch_size", "chunk", "threads", "digits"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1, got {getattr(options, name)}")
    digits = mnist(seed=options.seed)
    data = type(digits.train)(digits.train.images[:options.digits], digits.train.labels[:options.digits], options.seed)

    with tf.Graph().as_default(), tf.Session() as sess:
        inputs = (tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])) if options.feed else pipeline(data, options)
        model = Model(*inputs, options.learning_rate)
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])      # the producer counts epochs in a local one
        began, cpu = time.perf_counter(), time.process_time()
        with tqdm(total=options.epochs * data.num_examples, unit="digit", mininterval=0.5) as bar:
            if options.feed:
                train_from_feeds(sess, model, data, options, bar)
            else:
                train_from_queues(sess, model, bar)
        began, cpu = time.perf_counter() - began, time.process_time() - cpu
        feed = {model.test_images: digits.test.images, model.test_labels: digits.test.labels}
        seen, accuracy = sess.run([model.seen, model.accuracy], feed)
    print(f"{seen:,} digits in {began:.2f} s ({cpu:.2f} s of processor time)")
    print(f"test accuracy {accuracy:.2%}")
    return float(accuracy)


if __name__ == "__main__":
    main()
