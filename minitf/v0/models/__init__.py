"""tf.models of 2015: what came with TensorFlow beside its core."""
from . import rnn
