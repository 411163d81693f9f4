"""Softmax regression as one wrote it in November 2015."""
import numpy as np

import minitf.v0 as tf

rng = np.random.RandomState(0)
centers = rng.randn(3, 4) * 3
classes = rng.randint(0, 3, 600)
points = (centers[classes] + rng.randn(600, 4)).astype(np.float32)
answers = np.eye(3, dtype=np.float32)[classes]

x = tf.placeholder("float", [None, 4])
y_ = tf.placeholder("float", [None, 3])
W = tf.Variable(tf.zeros([4, 3]))
b = tf.Variable(tf.zeros([3]))
y = tf.nn.softmax(tf.matmul(x, W) + b)
cross_entropy = -tf.reduce_sum(y_ * tf.log(y + 1e-10))
train_step = tf.train.GradientDescentOptimizer(0.01).minimize(cross_entropy)
correct_prediction = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
accuracy = tf.reduce_mean(tf.cast(correct_prediction, "float"))

init = tf.initialize_all_variables()
sess = tf.Session()
sess.run(init)
for i in range(100):
    batch = slice(i * 50 % 600, i * 50 % 600 + 50)
    sess.run(train_step, feed_dict={x: points[batch], y_: answers[batch]})
result = sess.run(accuracy, feed_dict={x: points, y_: answers})
print(result)
