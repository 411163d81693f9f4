"""tf.summary: what TensorBoard is told."""
from .core.nearest import no_attribute as _no_attribute
from .core.protos import proto as _proto
from .ops.summary_ops import audio, histogram, image, merge, merge_all, scalar, text
from .train.event_files import FileWriter, FileWriterCache

_MESSAGES = ("Event", "SessionLog", "Summary", "TaggedRunMetadata")


def __getattr__(name):
    if name in _MESSAGES:
        return _proto(name)
    raise _no_attribute(__name__, name, globals())
