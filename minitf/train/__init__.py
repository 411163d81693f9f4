"""Training: optimizers."""
from ..core.nearest import no_attribute as _no_attribute
from .adadelta import AdadeltaOptimizer
from .adagrad import AdagradDAOptimizer, AdagradOptimizer
from .adam import AdamOptimizer
from .event_files import summary_iterator
from .ftrl import FtrlOptimizer
from .gradient_descent import GradientDescentOptimizer
from .graph_io import write_graph
from .momentum import MomentumOptimizer
from .optimizer import Optimizer
from .proximal import ProximalAdagradOptimizer, ProximalGradientDescentOptimizer
from .rmsprop import RMSPropOptimizer


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
