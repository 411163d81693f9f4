"""Softmax regression as the graph that it is: a layer, its loss, the gradients (one box) and the updates, drawn from the live graph.

    python examples/draw_graph.py --output graph.svg

Any browser shows the file.  --all draws the ops of the gradients too.
"""
import argparse
from pathlib import Path

import minitf as tf
from minitf.course.pictures import draw


def softmax_regression():
    """The graph of y = softmax(images weights + biases), with one step of gradient descent."""
    images = tf.placeholder(tf.float32, [None, 784], name="images")
    labels = tf.placeholder(tf.float32, [None, 10], name="labels")
    weights = tf.Variable(tf.zeros([784, 10]), name="weights")
    biases = tf.Variable(tf.zeros([10]), name="biases")
    logits = tf.nn.bias_add(tf.matmul(images, weights), biases)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="Xent"), name="loss")
    tf.train.GradientDescentOptimizer(0.5, name="train").minimize(loss)


def main(argv=None):
    """Draws; returns the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("graph.svg"), help="the file to write (default %(default)s)")
    parser.add_argument("--direction", choices=["up", "right"], default="right", help="where the data flows (default %(default)s)")
    parser.add_argument("--all", action="store_true", help="every op of the gradients")
    options = parser.parse_args(argv)
    with tf.Graph().as_default() as graph:
        softmax_regression()
    collapse = ("Xent",) if options.all else ("Xent", "gradients")
    draw(graph, collapse=collapse, direction=options.direction).save(options.output)
    print(f"{len(graph.get_operations())} operations, drawn in {options.output}")
    return options.output


if __name__ == "__main__":
    main()
