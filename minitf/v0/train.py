"""tf.train of 2015: the writer of event files lived here, and input producers counted their epochs in global variables."""
import functools

import minitf.train as _train

from ..core.nearest import no_attribute as _no_attribute
from ..graph import GraphKeys as _GraphKeys, get_collection as _get_collection, add_to_collection as _add_to_collection
from ..train.event_files import FileWriter as _FileWriter


class SummaryWriter(_FileWriter):
    """tf.summary.FileWriter of today.  The second argument is a Graph, or, as in 0.6, a GraphDef."""

    def __init__(self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None):
        super().__init__(logdir, graph, max_queue, flush_secs, graph_def)


def _counted_globally(producer):
    """The producer, its epochs counted in a variable that is global too: tf.initialize_all_variables() was enough until 0.7."""
    @functools.wraps(producer)
    def produce(*arguments, **options):
        before = set(_get_collection(_GraphKeys.LOCAL_VARIABLES))
        produced = producer(*arguments, **options)
        for variable in _get_collection(_GraphKeys.LOCAL_VARIABLES):
            if variable not in before:
                _add_to_collection(_GraphKeys.GLOBAL_VARIABLES, variable)
        return produced
    return produce


def _renamed(function, old, new):
    """The function, taking the argument `new` by its name until 0.8 too."""
    @functools.wraps(function)
    def call(*arguments, **options):
        if old in options:
            options[new] = options.pop(old)
        return function(*arguments, **options)
    return call


limit_epochs, match_filenames_once = _counted_globally(_train.limit_epochs), _counted_globally(_train.match_filenames_once)
string_input_producer = _counted_globally(_train.string_input_producer)
range_input_producer = _counted_globally(_train.range_input_producer)
slice_input_producer = _counted_globally(_train.slice_input_producer)
batch, shuffle_batch = _renamed(_train.batch, "tensor_list", "tensors"), _renamed(_train.shuffle_batch, "tensor_list", "tensors")
batch_join = _renamed(_train.batch_join, "tensor_list_list", "tensors_list")
shuffle_batch_join = _renamed(_train.shuffle_batch_join, "tensor_list_list", "tensors_list")


def __getattr__(name):
    try:
        return getattr(_train, name)
    except AttributeError:
        raise _no_attribute(__name__, name, {**vars(_train), **globals()}) from None
