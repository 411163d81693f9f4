"""tf.layers: functions that make a layer of a network, with its variables."""
from .core.nearest import no_attribute as _no_attribute
from .nn.layers import average_pooling2d, conv2d, dense, dropout, flatten, max_pooling2d, separable_conv2d
from .nn.normalization_layer import batch_normalization


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
