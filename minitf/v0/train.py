"""tf.train of 2015: the writer of event files lived here."""
import minitf.train as _train

from ..core.nearest import no_attribute as _no_attribute
from ..train.event_files import FileWriter as _FileWriter


class SummaryWriter(_FileWriter):
    """tf.summary.FileWriter of today.  The second argument is a Graph, or, as in 0.6, a GraphDef."""

    def __init__(self, logdir, graph=None, max_queue=10, flush_secs=120, graph_def=None):
        super().__init__(logdir, graph, max_queue, flush_secs, graph_def)


def __getattr__(name):
    try:
        return getattr(_train, name)
    except AttributeError:
        raise _no_attribute(__name__, name, {**vars(_train), **globals()}) from None
