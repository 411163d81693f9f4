"""A network in functions, with flags, summaries and checkpoints, as one wrote it with TensorFlow 0.6."""
import math
import os

import numpy as np

import minitf.v0 as tf

flags = tf.app.flags
FLAGS = flags.FLAGS
flags.DEFINE_float("learning_rate", 0.1, "Initial learning rate.")
flags.DEFINE_integer("max_steps", 60, "Number of steps to run.")
flags.DEFINE_integer("hidden1", 16, "Units in the hidden layer.")
flags.DEFINE_string("train_dir", "data", "Where logs and checkpoints go.")
flags.DEFINE_boolean("verbose", False, "Whether to print every step.")


def inference(points, hidden):
    with tf.name_scope("hidden1") as scope:
        weights = tf.Variable(tf.truncated_normal([2, hidden], stddev=1.0 / math.sqrt(2.0), seed=1), name="weights")
        biases = tf.Variable(tf.zeros([hidden]), name="biases")
        layer = tf.nn.relu(tf.nn.bias_add(tf.matmul(points, weights), biases), name=scope)
    with tf.variable_scope("softmax_linear"):
        weights = tf.get_variable("weights", [hidden, 2], initializer=tf.random_normal_initializer(0.0, 0.3, seed=2))
        biases = tf.get_variable("biases", [2], initializer=tf.constant_initializer(0.0))
        return tf.add(tf.matmul(layer, weights), biases)


def loss_of(logits, labels):
    labels = tf.expand_dims(labels, 1)
    indices = tf.expand_dims(tf.range(0, tf.size(labels), 1), 1)
    onehot = tf.sparse_to_dense(tf.concat(1, [indices, labels]), tf.pack([tf.size(labels), 2]), 1.0, 0.0)
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits, onehot, name="xentropy"), name="xentropy_mean")


def main(_):
    if tf.gfile.Exists(FLAGS.train_dir):
        tf.gfile.DeleteRecursively(FLAGS.train_dir)
    tf.gfile.MakeDirs(FLAGS.train_dir)
    rng = np.random.RandomState(3)
    data = rng.randn(400, 2).astype(np.float32)
    answers = (data[:, 0] * data[:, 1] > 0).astype(np.int32)
    with tf.Graph().as_default():
        tf.set_random_seed(4)
        points, labels = tf.placeholder(tf.float32, shape=(100, 2)), tf.placeholder(tf.int32, shape=(100,))
        logits = inference(points, FLAGS.hidden1)
        loss = loss_of(logits, labels)
        tf.scalar_summary(loss.op.name, loss)
        global_step = tf.Variable(0, name="global_step", trainable=False)
        rate = tf.train.exponential_decay(FLAGS.learning_rate, global_step, 20, 0.9, staircase=True)
        train_op = tf.train.MomentumOptimizer(rate, 0.9).minimize(loss, global_step=global_step)
        correct = tf.reduce_sum(tf.cast(tf.nn.in_top_k(logits, labels, 1), tf.int32))
        summary_op, saver = tf.merge_all_summaries(), tf.train.Saver()
        sess = tf.Session()
        sess.run(tf.initialize_all_variables())
        writer = tf.train.SummaryWriter(FLAGS.train_dir, graph_def=sess.graph_def)
        for step in range(FLAGS.max_steps):
            rows = slice(step % 4 * 100, step % 4 * 100 + 100)
            feed_dict = {points: data[rows], labels: answers[rows]}
            _, loss_value = sess.run([train_op, loss], feed_dict=feed_dict)
            assert not np.isnan(loss_value)
            if step % 10 == 0:
                writer.add_summary(sess.run(summary_op, feed_dict=feed_dict), step)
                writer.flush()
        path = saver.save(sess, os.path.join(FLAGS.train_dir, "checkpoint"), global_step=step)
        first = sess.run(correct, feed_dict=feed_dict)
        sess.run(tf.initialize_all_variables())
        found = tf.train.get_checkpoint_state(FLAGS.train_dir)
        saver.restore(sess, found.model_checkpoint_path)
        assert found.model_checkpoint_path == path and sess.run(correct, feed_dict=feed_dict) == first
        print("correct:", first, "of 100 at step", sess.run(global_step))


if __name__ == "__main__":
    tf.app.run()
