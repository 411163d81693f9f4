"""Training: optimizers."""
from ..core.nearest import no_attribute as _no_attribute
from .adam import AdamOptimizer
from .event_files import summary_iterator
from .gradient_descent import GradientDescentOptimizer
from .graph_io import write_graph
from .optimizer import Optimizer


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
