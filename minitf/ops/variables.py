"""Variable: a tensor that keeps its value between steps."""
import numpy as np

from ..core.dtypes import as_dtype, string
from ..core.shapes import as_shape
from ..graph import (GraphKeys, colocate_with, control_dependencies, convert_to_tensor, device,
                     get_collection, get_default_graph, name_scope, outermost, register_tensor_conversion_function)
from . import conditions, constant_op, control_ops, gather_ops, logical_ops, state_ops
from .apply import apply_op
from .operators import install_operators


class Variable:
    """State that lives in the session's devices, with an initial value, a static shape and a dtype.

    Three nodes are made: `name` holds the state (VariableV2), `name/Assign` initialises it, and `name/read` is what other
    ops take as input.  They are made outside any control_dependencies block, so that the first use of a variable inside
    a block does not decide when it is read everywhere else.

    >>> w = tf.Variable(tf.zeros([2, 3]), name="w")
    >>> y = tf.matmul(x, w)               # reads w
    >>> step = w.assign_sub(0.1 * g)      # changes it when run
    """
    __array_priority__ = 100              # ndarray + variable is the variable's business

    def __init__(self, initial_value=None, trainable=True, collections=None, validate_shape=True, caching_device=None, name=None,
                 variable_def=None, dtype=None, expected_shape=None, import_scope=None):
        """initial_value   a tensor, what converts to one, or a function of no arguments that gives one
        trainable       whether optimizers change it by default (collection TRAINABLE_VARIABLES)
        collections     where it is listed; default [GraphKeys.GLOBAL_VARIABLES]
        validate_shape  False: the initial value's shape may be unknown, and later values may have other shapes
        caching_device  a device on which reads are kept
        expected_shape  what the initial value's shape must be, if given; ValueError if it is not
        ValueError without an initial value, or with one of unknown shape while validate_shape is true.

        Inside a branch of tf.cond or a tf.while_loop the variable is made outside it, once; then the initial value must not be
        a tensor from inside: a function makes it where the variable is made.
        """
        if variable_def is not None or import_scope is not None:
            raise ValueError("A Variable can not be made of a variable_def here; import_meta_graph brings variables back with their graph")
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        if collections is None:
            collections = [GraphKeys.GLOBAL_VARIABLES]
        if not isinstance(collections, (list, tuple, set)):
            raise ValueError(f"collections argument to Variable constructor must be a list, tuple, or set. Got {collections} of type {type(collections)}")
        if trainable and GraphKeys.TRAINABLE_VARIABLES not in collections:
            collections = [*collections, GraphKeys.TRAINABLE_VARIABLES]
        if not callable(initial_value) and getattr(getattr(initial_value, "graph", None), "outer", None) is not None:
            raise ValueError(f"Initializer for variable {name or 'Variable'} is from inside a control-flow construct, such as a loop or conditional. "
                             "When creating a variable inside a loop or conditional, use a lambda as the initializer.")
        with outermost(), control_dependencies(None), name_scope(name, "Variable", () if callable(initial_value) else (initial_value,)) as scope:
            self._create(initial_value, validate_shape, caching_device, scope, dtype)
        if expected_shape is not None and not self.get_shape().is_compatible_with(expected_shape):
            raise ValueError(f"The initial value's shape {self.get_shape()} is not compatible with the expected shape {as_shape(expected_shape)}")
        graph = self._variable.op.graph
        for key in collections:
            graph.add_to_collection(key, self)

    def _create(self, initial_value, validate_shape, caching_device, scope, dtype):
        graph = get_default_graph()
        made = ()
        if callable(initial_value):
            start = graph.version
            with name_scope("Initializer"), device(None):
                value = convert_to_tensor(initial_value(), dtype=dtype, name="initial_value")
            made = graph._operations[start:]
        else:
            value = convert_to_tensor(initial_value, dtype=dtype, name="initial_value")
        shape = value.get_shape()
        if validate_shape and not shape.is_fully_defined():
            raise ValueError(f"initial_value must have a shape specified: {value}")
        self._initial_value = value
        self._variable = apply_op("VariableV2", name=scope, shape=shape, dtype=value.dtype.base_dtype)
        for op in made:                    # the initial value is made where it will be kept
            op.colocation, op.device = op.colocation or [self._variable.op.name], self._variable.op.device
        with colocate_with(self._variable.op):
            self._initializer_op = state_ops.assign(self._variable, _reading_initialized(value), validate_shape, name="Assign").op
        if caching_device is not None:
            with device(caching_device):
                self._snapshot = apply_op("Identity", self._variable, name="read")
        else:
            with colocate_with(self._variable.op):
                self._snapshot = apply_op("Identity", self._variable, name="read")

    def __repr__(self):
        return f"<tf.Variable '{self.name}' shape={self.get_shape()} dtype={self.dtype.name}>"

    def __iter__(self):
        raise TypeError(f"'Variable' object is not iterable. (The variable is {self.name!r}.)")

    def __bool__(self):
        return bool(self._snapshot)

    def __array__(self, dtype=None, copy=None):
        return self._snapshot.__array__(dtype, copy)

    def _as_graph_element(self):
        return self._variable

    def _ref(self):
        return self._variable

    def value(self):
        """The tensor `name/read`: the value at the beginning of the step, unless control edges say otherwise."""
        return self._snapshot

    def read_value(self):
        """A new read, which obeys the control_dependencies blocks that are open here."""
        return apply_op("Identity", self._variable, name="read")

    @property
    def initial_value(self):
        """The tensor that initialises the variable.  Running it draws anew, if it is random."""
        return self._initial_value

    def initialized_value(self):
        """The value, or the initial value where there is none yet: for initialising another variable from this one.

        Where the initializer runs in the same step, the value is the one that it sets; the initializer is not run for this.
        """
        with control_dependencies(None), colocate_with(self._variable.op), name_scope(None, "initialized_value"):
            there = is_variable_initialized(self)
            value = conditions.cond(there, self.read_value, lambda: apply_op("Identity", self._initializer_op.inputs[1]))
        for op in (there.op, value.op):
            op.attrs["_after"] = self._initializer_op.name
        return value

    def assign(self, value, use_locking=False):
        """Set the variable; returns the reference, so that reading the result gives the new value."""
        return state_ops.assign(self._variable, value, use_locking=use_locking)

    def assign_add(self, delta, use_locking=False):
        return state_ops.assign_add(self._variable, delta, use_locking=use_locking)

    def assign_sub(self, delta, use_locking=False):
        return state_ops.assign_sub(self._variable, delta, use_locking=use_locking)

    def scatter_sub(self, sparse_delta, use_locking=False):
        """Subtract IndexedSlices."""
        return state_ops.scatter_sub(self._variable, sparse_delta.indices, sparse_delta.values, use_locking=use_locking)

    def count_up_to(self, limit):
        """The value, which then grows by 1; OutOfRangeError once it is `limit`.  For integer scalars."""
        return state_ops.count_up_to(self._variable, limit)

    def scatter_nd_add(self, indices, updates, name=None):
        return state_ops.scatter_nd_add(self._variable, indices, updates, name=name)

    def scatter_nd_sub(self, indices, updates, name=None):
        return state_ops.scatter_nd_sub(self._variable, indices, updates, name=name)

    def scatter_nd_update(self, indices, updates, name=None):
        return state_ops.scatter_nd_update(self._variable, indices, updates, name=name)

    def eval(self, session=None):
        """The value now, in `session` or the default session."""
        return self._snapshot.eval(session=session)

    def load(self, value, session=None):
        """Set the value from Python without adding an op to the graph."""
        self._initializer_op.run({self._initializer_op.inputs[1]: value}, session)

    def set_shape(self, shape):
        self._variable.set_shape(shape)
        self._snapshot.set_shape(shape)

    @property
    def name(self):
        return self._variable.name

    @property
    def initializer(self):
        """The operation that gives the variable its initial value."""
        return self._initializer_op

    @property
    def device(self):
        return self._variable.device

    @property
    def dtype(self):
        """The ref dtype: float32_ref for float32."""
        return self._variable.dtype

    @property
    def op(self):
        return self._variable.op

    @property
    def graph(self):
        return self._variable.graph

    @property
    def shape(self):
        return self._variable.get_shape()

    def get_shape(self):
        return self._variable.get_shape()


def _to_tensor(variable, dtype=None, name=None, as_ref=False):
    if dtype is not None and variable.dtype.base_dtype is not as_dtype(dtype).base_dtype:
        raise ValueError(f"Incompatible type conversion requested to type '{as_dtype(dtype).name}' for variable of type "
                         f"'{variable.dtype.base_dtype.name}' ({variable.name}); tf.cast does it")
    return variable._variable if as_ref else variable._snapshot


register_tensor_conversion_function(Variable, _to_tensor, 10)
install_operators(Variable, Variable.value)


def _reading_initialized(value):
    """The tensor `value`, computed from initialised variables: each read that it depends on becomes that variable's initialized_value().

    All initializers run in one step, in no order but that of their edges; so without this a variable whose initial value
    is computed from another's would read that one too early.  The ops between such a read and `value` are copied.
    """
    graph = value.op.graph
    ancestors, queue, reads_variable = {value.op}, [value.op], False
    while queue:
        op = queue.pop()
        reads_variable |= op.type == "VariableV2"
        for t in op.inputs:
            if t.op not in ancestors:
                ancestors.add(t.op)
                queue.append(t.op)
    if not reads_variable:
        return value
    owners = {v.op: v for key in (GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES) for v in graph.get_collection(key) if isinstance(v, Variable)}
    replaced = {}                         # tensor -> tensor
    for op in sorted(ancestors, key=lambda op: op._id):
        if op.type == "Identity" and op.inputs[0].op in owners:
            if not any(c.type in ("Assign", "AssignAdd", "AssignSub") for c in op.control_inputs):
                replaced[op.outputs[0]] = owners[op.inputs[0].op].initialized_value()
        elif any(t in replaced for t in op.inputs):
            inputs = [replaced.get(t, t) for t in op.inputs]
            copy = graph.create_op(op.type, inputs, op.attrs, name=op.name.rpartition("/")[2], control_inputs=op.control_inputs)
            replaced.update(zip(op.outputs, copy.outputs))
    return replaced.get(value, value)


def global_variables():
    """All variables that are shared by the sessions of a cluster: those made by default."""
    return get_collection(GraphKeys.GLOBAL_VARIABLES)


def trainable_variables():
    """The variables made with trainable=True: those that optimizers change by default."""
    return get_collection(GraphKeys.TRAINABLE_VARIABLES)


def local_variables():
    """Variables of this process alone: counters and the like, which checkpoints leave out."""
    return get_collection(GraphKeys.LOCAL_VARIABLES)


def model_variables():
    return get_collection(GraphKeys.MODEL_VARIABLES)


def moving_average_variables():
    return get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES)


def variables_initializer(var_list, name="init"):
    """An op that runs the initializers of all variables in var_list."""
    return control_ops.group(*[v.initializer for v in var_list], name=name)


def global_variables_initializer():
    """An op that initialises all global variables."""
    return variables_initializer(global_variables())


def local_variables_initializer():
    """An op that initialises all local variables."""
    return variables_initializer(local_variables())


# Their names until 0.12.
all_variables, initialize_variables = global_variables, variables_initializer
initialize_all_variables, initialize_local_variables = global_variables_initializer, local_variables_initializer


def is_variable_initialized(variable):
    """A bool tensor: whether the variable has a value."""
    return state_ops.is_variable_initialized(variable)


def assert_variables_initialized(var_list=None):
    """An op that fails with FailedPreconditionError unless all variables have values (default: global and local ones); None without any.

    report_uninitialized_variables tells which they are.
    """
    var_list = global_variables() + local_variables() if var_list is None else var_list
    return control_ops.group(*[v.read_value() for v in var_list], name="assert_variables_initialized") if var_list else None


def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables"):
    """The names of the variables that have no value yet, a vector of strings (default: of global and local ones)."""
    var_list = global_variables() + local_variables() if var_list is None else list(var_list)
    with name_scope(name):
        names = constant_op.constant(np.array([v.op.name for v in var_list], object).reshape(-1), string)
        if not var_list:
            return names
        missing = [logical_ops.logical_not(is_variable_initialized(v)) for v in var_list]
        return gather_ops.boolean_mask(names, apply_op("Pack", missing))
