"""tf.nn.rnn_cell: the cells of recurrent networks, and the wrappers around them."""
from ..core.nearest import no_attribute as _no_attribute
from .cell_wrappers import (DeviceWrapper, DropoutWrapper, EmbeddingWrapper, InputProjectionWrapper, MultiRNNCell, OutputProjectionWrapper,
                            ResidualWrapper)
from .cells import BasicRNNCell, GRUCell, RNNCell
from .lstm_cells import BasicLSTMCell, LSTMBlockCell, LSTMCell, LSTMStateTuple


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
