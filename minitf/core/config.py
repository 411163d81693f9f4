"""What a session and a single run can be told, and what a run tells back.

The fields are those of TensorFlow's config.proto, checked when they are set:

    config = tf.ConfigProto(device_count={"CPU": 2}, allow_soft_placement=True)
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    sess.run(fetches, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
"""
import copy
import difflib


class _Field:
    """A checked attribute.

    kind     bool, int, float, str, list (of str), dict (of str to int), a class of options, or object for anything
    choices  the numbers that an int field may have, with their names
    """

    def __init__(self, kind, default=None, choices=None):
        self.kind, self.default, self.choices = kind, default, choices

    def __set_name__(self, owner, name):
        self.name = name
        self.owner = owner.__name__

    def __get__(self, options, owner):
        return self if options is None else options.__dict__[self.name]

    def __set__(self, options, value):
        options.__dict__[self.name] = self.checked(value)

    def initial(self):
        made = self.kind in (list, dict) or issubclass(self.kind, _Options)
        return self.kind() if made else self.default

    def checked(self, value):
        """The value as the field holds it; TypeError or ValueError for one that it cannot hold."""
        accepts, wanted, convert = _KINDS.get(self.kind) or (lambda v: isinstance(v, self.kind), self.kind.__name__, lambda v: v)
        if not accepts(value):
            raise TypeError(f"{self.owner}.{self.name} must be {wanted}; got {value!r} of type {type(value).__name__}")
        value = convert(value)
        if self.choices and value not in self.choices:
            names = ", ".join(f"{name}={number}" for number, name in self.choices.items())
            raise ValueError(f"{self.owner}.{self.name} must be one of {names}; got {value!r}")
        return value


def _is_int(value):
    return hasattr(value, "__index__") and not isinstance(value, bool)


# kind -> (what it accepts, what the error calls that, how it is kept)
_KINDS = {
    bool: (lambda v: isinstance(v, bool) or _is_int(v) and v in (0, 1), "bool", bool),
    int: (_is_int, "int", int),
    float: (lambda v: isinstance(v, float) or _is_int(v), "float", float),
    list: (lambda v: isinstance(v, (list, tuple)) and all(isinstance(x, str) for x in v), "a list of str", list),
    dict: (lambda v: isinstance(v, dict) and all(isinstance(k, str) and _is_int(x) for k, x in v.items()), "a dict of str to int",
           lambda v: {k: int(x) for k, x in v.items()}),
}


class _Options:
    """A record of checked fields.  Copies are deep, and two records are equal if their fields are."""

    def __init__(self, **fields):
        """ValueError for a name that is no field, TypeError for a value of another type."""
        for name, field in self._fields().items():
            self.__dict__[name] = field.initial()
        for name, value in fields.items():
            if name not in self._fields():
                raise ValueError(self._no_such_field(name))
            setattr(self, name, value)

    @classmethod
    def _fields(cls):
        return {name: field for name, field in vars(cls).items() if isinstance(field, _Field)}

    def _no_such_field(self, name):
        near = difflib.get_close_matches(name, self._fields(), 3, 0.5)
        hint = f"the nearest names are {', '.join(near)}" if near else f"it has {', '.join(self._fields())}"
        return f"{type(self).__name__} has no field {name!r}; {hint}"

    def __setattr__(self, name, value):
        if name not in self._fields():
            raise AttributeError(self._no_such_field(name))
        super().__setattr__(name, value)

    def __getattr__(self, name):
        raise AttributeError(self._no_such_field(name))

    def CopyFrom(self, other):
        """Replace all fields by copies of those of `other`, a record of the same class."""
        if type(other) is not type(self):
            raise TypeError(f"Parameter to CopyFrom() must be {type(self).__name__}, got {type(other).__name__}")
        self.__dict__.update(copy.deepcopy(other.__dict__))

    def __eq__(self, other):
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    __hash__ = None

    def __copy__(self):
        return copy.deepcopy(self)

    def __repr__(self):
        set_fields = [f"{name}={self.__dict__[name]!r}" for name, field in self._fields().items()
                      if self.__dict__[name] != field.initial()]
        return f"{type(self).__name__}({', '.join(set_fields)})"


class OptimizerOptions(_Options):
    """How a graph is changed before it runs: L0 runs it as it was built, L1 folds constants, merges equal ops and fuses."""
    L1 = 0
    L0 = -1
    opt_level = _Field(int, L1, {L1: "L1", L0: "L0"})


class GraphOptions(_Options):
    """optimizer_options: see there.  enable_bfloat16_sendrecv: floats are cut to 16 bits on their way between processes."""
    optimizer_options = _Field(OptimizerOptions)
    enable_bfloat16_sendrecv = _Field(bool, False)


class GPUOptions(_Options):
    """visible_device_list              '1,0' makes GPU 1 the first device and GPU 0 the second; '' means all of them in order
    per_process_gpu_memory_fraction  how much of a GPU's memory may be used; 0: all.  GPUs are the process's: what its first session says counts
    allow_growth                     accepted for programs written for TensorFlow; memory is taken as it is needed in any case
    """
    per_process_gpu_memory_fraction = _Field(float, 0.0)
    allow_growth = _Field(bool, False)
    visible_device_list = _Field(str, "")


class ConfigProto(_Options):
    """What a session is made with.

    device_count                  {'CPU': 2}: how many devices of a type this process has; of GPUs the first so many of those there are
    intra_op_parallelism_threads  threads of one kernel; 0: OMP_NUM_THREADS, or as many as the machine has cores
    inter_op_parallelism_threads  threads that the session's devices share, and so ops that run at once; 0: one for each device
    use_per_session_threads       whether the session has threads of its own rather than the process's
    cost_model                    a tf.placement.CostModel: ops go where a simulated execution ends them first.  None: to the first device that can
    placement_period              every so many steps of a run its costs are measured, and it is placed again, until nothing moves.  0: never
    device_filters                in a cluster, the (partial) names of the only devices that the session sees
    allow_soft_placement          an op whose device or kernel does not exist is placed elsewhere
    log_device_placement          print where each op is placed
    operation_timeout_in_ms       longest wait of one operation; 0: for ever
    """
    device_count = _Field(dict)
    intra_op_parallelism_threads = _Field(int, 0)
    inter_op_parallelism_threads = _Field(int, 0)
    use_per_session_threads = _Field(bool, False)
    cost_model = _Field(object)
    placement_period = _Field(int, 0)
    device_filters = _Field(list)
    gpu_options = _Field(GPUOptions)
    allow_soft_placement = _Field(bool, False)
    log_device_placement = _Field(bool, False)
    graph_options = _Field(GraphOptions)
    operation_timeout_in_ms = _Field(int, 0)


class RunOptions(_Options):
    """What one run is told.

    trace_level               NO_TRACE, or how much of the step run_metadata.step_stats records
    timeout_in_ms             longest time of the step; 0: for ever
    inter_op_thread_pool      which of the session's thread pools runs the step
    output_partition_graphs   whether run_metadata.partition_graphs gets the graphs that each device ran
    """
    NO_TRACE = 0
    SOFTWARE_TRACE = 1
    HARDWARE_TRACE = 2
    FULL_TRACE = 3
    trace_level = _Field(int, NO_TRACE, {NO_TRACE: "NO_TRACE", SOFTWARE_TRACE: "SOFTWARE_TRACE",
                                         HARDWARE_TRACE: "HARDWARE_TRACE", FULL_TRACE: "FULL_TRACE"})
    timeout_in_ms = _Field(int, 0)
    inter_op_thread_pool = _Field(int, 0)
    output_partition_graphs = _Field(bool, False)


class RunMetadata(_Options):
    """What one run tells: the session fills the fields that RunOptions ask for.

    step_stats         which op ran where and when; None if the step was not traced
    cost_graph         the same as a graph with times and sizes (core/cost_graph.py), or None
    partition_graphs   the graph of each device: str() lists it, as_graph_def() gives a GraphDef
    """
    step_stats = _Field(object)
    cost_graph = _Field(object)
    partition_graphs = _Field(object, ())
