"""A two-layer LSTM unrolled by hand and by tf.nn.rnn, in the manner of the language models of 2015; it learns to say what came two steps before."""
import numpy as np

import minitf.v0 as tf

batch, steps, words, size = 20, 8, 6, 24


class Model(object):
    def __init__(self, is_training, by_hand):
        self.input_data = tf.placeholder(tf.int32, [batch, steps])
        self.targets = tf.placeholder(tf.int32, [batch, steps])
        lstm_cell = tf.nn.rnn_cell.BasicLSTMCell(size, forget_bias=0.0)
        if is_training:
            lstm_cell = tf.nn.rnn_cell.DropoutWrapper(lstm_cell, output_keep_prob=0.9)
        cell = tf.nn.rnn_cell.MultiRNNCell([lstm_cell] * 2)
        self.initial_state = cell.zero_state(batch, tf.float32)
        with tf.device("/cpu:0"):
            embedding = tf.get_variable("embedding", [words, size])
            inputs = tf.nn.embedding_lookup(embedding, self.input_data)
        if by_hand:
            outputs, state = [], self.initial_state
            with tf.variable_scope("RNN"):
                for time_step in range(steps):
                    if time_step > 0:
                        tf.get_variable_scope().reuse_variables()
                    (cell_output, state) = cell(inputs[:, time_step, :], state)
                    outputs.append(cell_output)
        else:
            inputs = [tf.squeeze(input_, [1]) for input_ in tf.split(1, steps, inputs)]
            outputs, states = tf.models.rnn.rnn.rnn(cell, inputs, initial_state=self.initial_state)
            with tf.variable_scope(tf.get_variable_scope(), True):
                again, state = tf.nn.rnn(cell, inputs, initial_state=self.initial_state)
            self.same = tf.reduce_max(tf.abs(states[-1] - state))
        output = tf.reshape(tf.concat(1, outputs), [-1, size])
        logits = tf.nn.xw_plus_b(output, tf.get_variable("softmax_w", [size, words]), tf.get_variable("softmax_b", [words]))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(logits, tf.reshape(self.targets, [-1]))
        self.cost = tf.reduce_sum(losses) / batch / steps
        self.final_state = state
        if is_training:
            tvars = tf.trainable_variables()
            grads, _ = tf.clip_by_global_norm(tf.gradients(self.cost, tvars), 5)
            self.train_op = tf.train.AdamOptimizer(0.02).apply_gradients(zip(grads, tvars))


with tf.Graph().as_default(), tf.Session() as session:
    tf.set_random_seed(1)
    with tf.variable_scope("model", reuse=None, initializer=tf.random_uniform_initializer(-0.1, 0.1)):
        m = Model(True, by_hand=True)
    with tf.variable_scope("model", reuse=True):
        mtest = Model(False, by_hand=False)
    tf.initialize_all_variables().run()
    rng = np.random.RandomState(0)
    state = m.initial_state.eval()
    for i in range(200):
        x = rng.randint(words, size=(batch, steps))
        y = np.concatenate([x[:, :2], x[:, :-2]], 1)
        session.run(m.train_op, {m.input_data: x, m.targets: y, m.initial_state: state})
    cost, same = session.run([mtest.cost, mtest.same], {mtest.input_data: x, mtest.targets: y})
    names = [v.op.name for v in tf.trainable_variables()]
    print("cost %.3f difference %g shape %s" % (cost, same, mtest.final_state.get_shape()))
    print(sorted(names))
