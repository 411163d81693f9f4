"""Training in functions, watched and saved: two hidden layers on MNIST, summaries for TensorBoard, checkpoints that a later run goes on from.

    python examples/fully_connected_feed.py --log-dir /tmp/digits
    tensorboard --logdir /tmp/digits

inference() makes the logits, loss() the loss, training() the op that learns, evaluation() the count of digits read rightly: each adds its part to
the graph, and the loop feeds them.  Run it again with a larger --steps, and it goes on where the last checkpoint was written.
"""
import argparse
import time
from pathlib import Path

import minitf as tf
from minitf.datasets import mnist


def layer(x, units, name, activation=None):
    """A dense layer with weights and biases under a name of its own."""
    with tf.name_scope(name):
        inputs = x.get_shape()[1].value
        weights = tf.Variable(tf.truncated_normal([inputs, units], stddev=inputs ** -0.5), name="weights")
        biases = tf.Variable(tf.zeros([units]), name="biases")
        tf.summary.histogram("weights", weights)
        y = tf.matmul(x, weights) + biases
        return activation(y) if activation else y


def inference(images, hidden1, hidden2):
    """Logits [n, 10] of images [n, 784]."""
    return layer(layer(layer(images, hidden1, "hidden1", tf.nn.relu), hidden2, "hidden2", tf.nn.relu), 10, "softmax")


def loss(logits, labels):
    """The mean cross entropy; labels: int64 [n]."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")


def training(loss, learning_rate):
    """One step of gradient descent, counted in a variable global_step."""
    tf.summary.scalar("loss", loss)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    return tf.train.GradientDescentOptimizer(learning_rate).minimize(loss, global_step=global_step), global_step


def evaluation(logits, labels):
    """How many of the digits get their own label the greatest logit."""
    return tf.reduce_sum(tf.cast(tf.nn.in_top_k(logits, labels, 1), tf.int32))


def precision(sess, right, images, labels, data):
    """The part of a data set that is read rightly."""
    return sess.run(right, {images: data.images, labels: data.labels}) / data.num_examples


def main(argv=None):
    """Trains, or goes on training; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="in all, those of earlier runs counted (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=100, help="digits a step (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.1, help="(default %(default)s)")
    parser.add_argument("--hidden1", type=int, default=128, help="units of the first hidden layer (default %(default)s)")
    parser.add_argument("--hidden2", type=int, default=32, help="units of the second (default %(default)s)")
    parser.add_argument("--log-dir", type=Path, default=Path("logs"), help="folder of summaries and checkpoints (default %(default)s)")
    options = parser.parse_args(argv)
    digits = mnist()

    images = tf.placeholder(tf.float32, [None, 784], name="images")
    labels = tf.placeholder(tf.int64, [None], name="labels")
    logits = inference(images, options.hidden1, options.hidden2)
    mean_loss = loss(logits, labels)
    train, global_step = training(mean_loss, options.learning_rate)
    right = evaluation(logits, labels)
    summaries = tf.summary.merge_all()
    saver = tf.train.Saver()
    checkpoint = str(options.log_dir / "model.ckpt")

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        last = tf.train.latest_checkpoint(str(options.log_dir))
        if last:
            saver.restore(sess, last)
            print(f"going on from {last}")
        writer = tf.summary.FileWriter(str(options.log_dir), sess.graph)
        began = time.perf_counter()
        for step in range(sess.run(global_step) + 1, options.steps + 1):
            x, y = digits.train.next_batch(options.batch_size)
            feed = {images: x, labels: y}
            _, value = sess.run([train, mean_loss], feed)
            if step % 100 == 0:
                print(f"step {step:5}: loss {value:.3f} ({(time.perf_counter() - began) * 10:.2f} ms a step)")
                writer.add_summary(sess.run(summaries, feed), step)
                began = time.perf_counter()
            if step % 1000 == 0 or step == options.steps:
                saver.save(sess, checkpoint, global_step=step)
                print(f"            validation accuracy {precision(sess, right, images, labels, digits.validation):.2%}; checkpoint written")
        writer.close()
        result = precision(sess, right, images, labels, digits.test)
    print(f"test accuracy {result:.2%}")
    return float(result)


if __name__ == "__main__":
    main()
