"""Training: optimizers, schedules, moving averages, the global step; checkpoints, graphs and events in files; input from queues."""
from ..core.nearest import no_attribute as _no_attribute
from .adadelta import AdadeltaOptimizer
from .adagrad import AdagradDAOptimizer, AdagradOptimizer
from .adam import AdamOptimizer
from .checkpoint_management import (CheckpointState, checkpoint_exists, generate_checkpoint_state_proto, get_checkpoint_mtimes,
                                    get_checkpoint_state, latest_checkpoint, remove_checkpoint, update_checkpoint_state)
from .checkpoint_utils import NewCheckpointReader, list_variables, load_checkpoint, load_variable
from .coordinator import Coordinator, LooperThread
from .event_files import summary_iterator
from .ftrl import FtrlOptimizer
from .global_step import assert_global_step, create_global_step, get_global_step, get_or_create_global_step, global_step
from .gradient_descent import GradientDescentOptimizer
from .graph_io import write_graph
from .input_batches import (batch, batch_join, maybe_batch, maybe_batch_join, maybe_shuffle_batch, maybe_shuffle_batch_join, shuffle_batch,
                            shuffle_batch_join)
from .input_producers import (input_producer, limit_epochs, match_filenames_once, range_input_producer, slice_input_producer,
                              string_input_producer)
from .learning_rate_decay import (cosine_decay, cosine_decay_restarts, exponential_decay, inverse_time_decay, linear_cosine_decay, natural_exp_decay,
                                  noisy_linear_cosine_decay, piecewise_constant, polynomial_decay)
from .meta_graph import MetaGraphDef, export_meta_graph
from .momentum import MomentumOptimizer
from .moving_averages import ExponentialMovingAverage
from .optimizer import Optimizer
from .proximal import ProximalAdagradOptimizer, ProximalGradientDescentOptimizer
from .queue_runner import QueueRunner, add_queue_runner, start_queue_runners
from .random_streams import RandomStreams
from .rmsprop import RMSPropOptimizer
from .saver import Saver, import_meta_graph
from .saver_ops import SaverDef

piecewise_constant_decay = piecewise_constant


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
