"""The gated recurrent unit (3 points)

Cho and others (2014) asked whether a cell can do with less than the LSTM has, and left out the separate memory.  The state is one vector,
and two gates act on it: r, the reset gate, says how much of the state the candidate may look at; u, the update gate, how much of the state
stays.

Write `gru_step`: one step.

    inputs, state                        float tensors [batch, depth] and [batch, n]
    gate_kernel, gate_bias               [depth + n, 2n] and [2n]: the columns of r first, then those of u
    candidate_kernel, candidate_bias     [depth + n, n] and [n]
    activation                           a function of a tensor: tf.tanh, tf.nn.relu, ...
    returns                              the new state [batch, n]

    r, u       = sigmoid of [inputs, state] gate_kernel + gate_bias
    candidate  = activation of [inputs, r * state] candidate_kernel + candidate_bias
    new state  = u * state + (1 - u) * candidate

where [a, b] are a and b side by side.  The rows of a kernel are those of the inputs first, then those of the state.

Example: one unit, depth 1, inputs 1, state 0.5, kernels of ones, biases of zeros, tanh: both gates have 1.5 in them, so r = u = 0.8176; the
candidate is tanh(1 + 0.8176 * 0.5) = 0.8872; the new state 0.8176 * 0.5 + 0.1824 * 0.8872 = 0.5706.

Useful: tf.concat(list, 1), tf.split(t, 2, axis=1).  batch may be unknown.     Replaces minitf.nn.cells.gru_step.     make grade CH=06
"""
import minitf as tf


def gru_step(inputs, state, gate_kernel, gate_bias, candidate_kernel, candidate_bias, activation):
    """The new state."""
    ### BEGIN SOLUTION
    n = gate_kernel.get_shape().as_list()[1] // 2
    gates = tf.sigmoid(tf.matmul(tf.concat([inputs, state], 1), gate_kernel) + gate_bias)
    reset, update = gates[:, :n], gates[:, n:]
    seen = tf.concat([inputs, reset * state], 1)
    candidate = activation(tf.matmul(seen, candidate_kernel) + candidate_bias)
    return update * state + (1 - update) * candidate
    ### END SOLUTION
