"""tf.models.rnn of 2015:

    from minitf.v0.models.rnn import rnn, rnn_cell
"""
from . import rnn, rnn_cell
