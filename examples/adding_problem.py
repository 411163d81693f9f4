"""A form of the adding problem of Hochreiter and Schmidhuber (1997): which recurrent cells learn to keep a number for many steps?

    python examples/adding_problem.py --steps 100 --seeds 5

A sequence of pairs: a random number between 0 and 1, and a mark, which is 1 for two of the pairs, one in either half, and 0 for the others.  The
answer is the sum of the two marked numbers.  For each cell and seed it prints after how many updates the mean squared error of a hundred
batches of 50 fell below 0.01; who says 1 every time, the mean of all sums, has 0.167.  Chapter 06 does the same in a notebook.

The rates are not the same: cells with gates learn at 0.02, those without at 0.003, for at 0.02 most of their trainings end about 0.167.
--rate is one for all.
"""
import argparse

import numpy as np

import minitf as tf

cells = tf.nn.rnn_cell


class IdentityRNN(cells.RNNCell):
    """max(0, x W + h U + b), where U begins as the identity: a state of positive numbers is kept as it is (Le, Jaitly and Hinton, 2015)."""
    state_size = output_size = 32

    def call(self, inputs, state):
        w = tf.get_variable("W", [2, 32], initializer=tf.random_normal_initializer(stddev=0.1))
        u = tf.get_variable("U", [32, 32], initializer=tf.constant_initializer(np.eye(32)))
        b = tf.get_variable("b", [32], initializer=tf.zeros_initializer())
        h = tf.nn.relu(tf.matmul(inputs, w) + tf.matmul(state, u) + b)
        return h, h


CELLS = {"rnn": lambda: cells.BasicRNNCell(32), "irnn": IdentityRNN, "gru": lambda: cells.GRUCell(32),
         **{f"lstm forget bias {bias}": lambda bias=bias: cells.BasicLSTMCell(32, forget_bias=float(bias)) for bias in (0, 1, 3, 5)}}


def additions(random, steps, batch=50):
    """(pairs [steps, batch, 2], sums [batch, 1])"""
    pairs, each = np.zeros((steps, batch, 2), np.float32), np.arange(batch)
    pairs[..., 0] = random.random((steps, batch))
    pairs[random.integers(0, steps // 2, batch), each, 1] = 1
    pairs[random.integers(steps // 2, steps, batch), each, 1] = 1
    return pairs, (pairs[..., 0] * pairs[..., 1]).sum(0)[:, np.newaxis]


def learn(make_cell, steps, rate, updates, seed):
    """The mean squared errors of the batches, until that of a hundred of them is below 0.01."""
    random, errors = np.random.default_rng(seed), []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        pairs, sums = tf.placeholder(tf.float32, [steps, 50, 2]), tf.placeholder(tf.float32, [50, 1])
        outputs, _ = tf.nn.static_rnn(make_cell(), tf.unstack(pairs), dtype=tf.float32)
        error = tf.reduce_mean(tf.square(tf.matmul(outputs[-1], tf.get_variable("V", [32, 1])) + tf.get_variable("bias", [1]) - sums))
        variables = tf.trainable_variables()
        grads, _ = tf.clip_by_global_norm(tf.gradients(error, variables), 1.0)
        train = tf.train.AdamOptimizer(rate).apply_gradients(zip(grads, variables))
        sess.run(tf.global_variables_initializer())
        while len(errors) < updates and (len(errors) < 100 or np.mean(errors[-100:]) > 0.01):
            errors.append(sess.run([error, train], dict(zip((pairs, sums), additions(random, steps))))[0])
    return errors


def main(argv=None):
    """Trains and prints; returns {cell: [updates of each seed, or None where it was not solved]}."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="length of the sequences (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=1, help="how many trainings of each cell (default %(default)s)")
    parser.add_argument("--updates", type=int, default=2000, help="when to give up (default %(default)s)")
    parser.add_argument("--rate", type=float, help="of Adam (default: 0.003 for rnn and irnn, 0.02 for the others)")
    parser.add_argument("--cells", default=",".join(CELLS), help="which, with commas between (default: %(default)s)")
    options = parser.parse_args(argv)
    found = {}
    for name in options.cells.split(","):
        if name not in CELLS:
            parser.error(f"there is no cell {name!r}; there are {', '.join(CELLS)}")
        told, found[name] = [], []
        rate = options.rate or (0.003 if name in ("rnn", "irnn") else 0.02)
        for seed in range(options.seeds):
            errors = learn(CELLS[name], options.steps, rate, options.updates, seed)
            found[name].append(len(errors) if np.mean(errors[-100:]) <= 0.01 else None)
            told.append(f"{len(errors):5}" if np.mean(errors[-100:]) <= 0.01 else f"no ({np.mean(errors[-100:]):.3f})")
            print(f"\r{name}: ", "  ".join(told), end="", flush=True)
        print()
    return found


if __name__ == "__main__":
    main()
