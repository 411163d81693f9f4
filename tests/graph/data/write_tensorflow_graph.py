"""How tensorflow.pbtxt was made: run with a Python that has TensorFlow (it was 2.21)."""
import os

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [None, 4], name="x")
labels = tf.placeholder(tf.int32, [None], name="labels")
w = tf.Variable(tf.reshape(tf.range(12.) / 12., [4, 3]), name="w")
b = tf.Variable(tf.zeros([3]), name="b")
with tf.name_scope("layer"):
    logits = tf.add(tf.nn.bias_add(tf.matmul(x, w), b), 0.5, name="logits")
p = tf.nn.softmax(logits, name="p")
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")
with tf.control_dependencies([loss]), tf.device("/cpu:0"):
    tf.identity(p, name="after")
tf.global_variables_initializer()
tf.train.write_graph(tf.get_default_graph(), os.path.dirname(os.path.abspath(__file__)), "tensorflow.pbtxt")
with tf.Session() as sess:
    sess.run("init")
    print(sess.run([p, loss], {x: np.arange(8.).reshape(2, 4), labels: [1, 2]}))
