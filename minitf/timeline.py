"""tf.timeline: a traced step drawn.  In TensorFlow it is found as tensorflow.python.client.timeline."""
from .core.nearest import no_attribute as _no_attribute
from .session.timeline import Timeline
from .session.timeline_chrome import AllocationMaximum, StepStatsAnalysis


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
