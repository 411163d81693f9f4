"""Lists that a graph keeps by name: its variables, its summaries, its queue runners."""
import re


class GraphKeys:
    """Names of the standard collections."""
    GLOBAL_VARIABLES = "variables"
    VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    MODEL_VARIABLES = "model_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    SUMMARIES = "summaries"
    QUEUE_RUNNERS = "queue_runners"
    TABLE_INITIALIZERS = "table_initializer"
    ASSET_FILEPATHS = "asset_filepaths"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    SAVERS = "savers"
    WEIGHTS = "weights"
    BIASES = "biases"
    ACTIVATIONS = "activations"
    UPDATE_OPS = "update_ops"
    LOSSES = "losses"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    READY_OP = "ready_op"
    SUMMARY_OP = "summary_op"
    GLOBAL_STEP = "global_step"
    TRAIN_OP = "train_op"


class Collections:
    """The part of Graph that keeps lists; _collections is {name: list}."""

    def add_to_collection(self, name, value):
        """Append value to the list of that name."""
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names, value):
        for name in (names,) if isinstance(names, str) else dict.fromkeys(names):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name):
        """The list itself: changes to it stay."""
        return self._collections.setdefault(name, [])

    def get_collection(self, name, scope=None):
        """A copy of the list; with scope, only the elements whose name matches that regular expression at its start."""
        values = self._collections.get(name, [])
        if scope is None:
            return list(values)
        return [v for v in values if hasattr(v, "name") and re.match(scope, v.name)]

    @property
    def collections(self):
        """The names of all collections that have members."""
        return self.get_all_collection_keys()

    def get_all_collection_keys(self):
        return [name for name, values in self._collections.items() if values]

    def clear_collection(self, name):
        self._collections.pop(name, None)
