"""tf.python_io: record files."""
from ..core.nearest import no_attribute as _no_attribute
from .records import TFRecordCompressionType, TFRecordOptions, TFRecordWriter, tf_record_iterator


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
