"""tf.models.rnn.rnn of 2015 (TensorFlow 0.5 and 0.6), which returned the states of all steps, and what tf.nn of 0.7 and 0.8 had instead."""
from ....nn.rnn import static_bidirectional_rnn, static_rnn, unroll


def rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """(outputs, states): a list of each, one per step, so states[-1] is the final one.  The arguments are tf.nn.static_rnn's; the scope is "RNN"."""
    return unroll(cell, inputs, initial_state, dtype, sequence_length, scope or "RNN")


def rnn_with_final_state(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """tf.nn.rnn of 0.7 and 0.8: (outputs, final state).  tf.nn.static_rnn of today, in the scope "RNN"."""
    return static_rnn(cell, inputs, initial_state, dtype, sequence_length, scope or "RNN")


def bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw=None, initial_state_bw=None, dtype=None, sequence_length=None, scope=None):
    """tf.nn.static_bidirectional_rnn of today, in the scope "BiRNN": (outputs, final state forwards, final state backwards)."""
    return static_bidirectional_rnn(cell_fw, cell_bw, inputs, initial_state_fw, initial_state_bw, dtype, sequence_length, scope or "BiRNN")
