"""Training: optimizers, checkpoints."""
from ..core.nearest import no_attribute as _no_attribute
from .adam import AdamOptimizer
from .checkpoint_management import (CheckpointState, checkpoint_exists, generate_checkpoint_state_proto, get_checkpoint_mtimes,
                                    get_checkpoint_state, latest_checkpoint, remove_checkpoint, update_checkpoint_state)
from .checkpoint_utils import NewCheckpointReader, list_variables, load_checkpoint, load_variable
from .event_files import summary_iterator
from .gradient_descent import GradientDescentOptimizer
from .graph_io import write_graph
from .meta_graph import MetaGraphDef, export_meta_graph, import_meta_graph
from .optimizer import Optimizer
from .saver import Saver
from .saver_ops import SaverDef


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
