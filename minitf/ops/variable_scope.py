"""get_variable and variable_scope: variables that are found again by name, so that layers can share them.

The name of a variable is that of its variable scopes, whatever name scopes are open, and every rule of sharing is about it:

    reuse False or None   the variable must be new
    reuse True            it must exist; inherited by inner scopes, which cannot switch it off
    reuse AUTO_REUSE      it is made where it does not exist
"""
import contextlib
import difflib
import enum
import inspect

from ..core.dtypes import as_dtype, float32
from ..core.shapes import as_shape
from ..graph import GraphKeys, add_to_collection, colocate_with, get_default_graph, name_scope
from . import init_ops
from .constant_op import as_array
from .partitioned_variables import PartitionedVariable, PartitionInfo, pieces_of
from .variables import Variable


class _Reuse(enum.Enum):
    AUTO_REUSE = 1


AUTO_REUSE = _Reuse.AUTO_REUSE
_STORE = "__variable_store"
_SCOPE = "__varscope"


class _VariableStore:
    """The variables of one graph that get_variable made, by name."""

    def __init__(self):
        self.variables = {}
        self.partitioned = {}
        self.scopes_opened = {}           # how often a scope name was opened, for default_name

    def get(self, name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device, validate_shape, partitioner=None):
        shape = as_shape(shape)
        if partitioner is not None and shape.ndims != 0:
            return self._get_partitioned(name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device, validate_shape,
                                         partitioner)
        if f"{name}/part_0" in self.variables:
            raise ValueError(f"No partitioner was provided, but a partitioned version of the variable was found: {name}/part_0. Perhaps a variable of "
                             "the same name was already created with partitioning?")
        found = self.variables.get(name)
        if found is None:
            if reuse is True:
                raise ValueError(f"Variable {name} does not exist, or was not created with tf.get_variable(). "
                                 f"Did you mean to set reuse=None in VarScope?{self._near(name)}")
            return self._create(name, shape, dtype, initializer, regularizer, trainable, collections, caching_device, validate_shape)
        if not reuse:
            raise ValueError(f"Variable {name} already exists, disallowed. Did you mean to set reuse=True in VarScope? "
                             f"Originally defined at:\n\n{_origin(found)}")
        if not shape.is_compatible_with(found.get_shape()):
            raise ValueError(f"Trying to share variable {name}, but specified shape {shape} and found shape {found.get_shape()}. "
                             f"Originally defined at:\n\n{_origin(found)}")
        if dtype.base_dtype is not found.dtype.base_dtype:
            raise ValueError(f"Trying to share variable {name}, but specified dtype {dtype.base_dtype.name} and found dtype {found.dtype.base_dtype.name}. "
                             f"Originally defined at:\n\n{_origin(found)}")
        return found

    def _get_partitioned(self, name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device, validate_shape, partitioner):
        """A PartitionedVariable whose pieces are variables of the store; the one that exists, where it is to be reused."""
        if not callable(partitioner):
            raise ValueError(f"Partitioner must be callable, but received: {partitioner}")
        if name in self.variables:
            raise ValueError(f"A partitioner was provided, but an unpartitioned version of the variable was found: {name}. Perhaps a variable of "
                             "the same name was already created without partitioning?")
        found = self.partitioned.get(name)
        if found is not None and reuse:
            if not shape.is_compatible_with(found.get_shape()):
                raise ValueError(f"Trying to reuse partitioned variable {name}, but specified shape {shape} and found shape {found.get_shape()}.")
            if not dtype.is_compatible_with(found.dtype):
                raise ValueError(f"Trying to reuse partitioned variable {name}, but specified dtype {dtype.name} and found dtype {found.dtype.name}.")
            return found
        if not shape.is_fully_defined():
            raise ValueError(f"Shape of a new partitioned variable ({name}) must be fully defined, but instead was {shape}.")
        if initializer is not None and not callable(initializer):
            raise ValueError(f"Partitioned variable {name} needs an initializer that can be called with the shape of a piece, got {initializer!r}")
        whole = shape.as_list()
        partitions = [int(n) for n in partitioner(shape=shape, dtype=dtype)]
        pieces = []
        for i, (offset, size) in enumerate(pieces_of(whole, partitions)):
            pieces.append(self.get(f"{name}/part_{i}", size, dtype, _for_piece(initializer or _default_initializer(name, dtype), dtype, PartitionInfo(whole, offset)),
                                   regularizer, reuse, trainable, collections, caching_device, validate_shape))
        self.partitioned[name] = PartitionedVariable(name, shape, dtype, pieces, partitions)
        return self.partitioned[name]

    def _create(self, name, shape, dtype, initializer, regularizer, trainable, collections, caching_device, validate_shape):
        if initializer is None:
            initializer = _default_initializer(name, dtype)
        if not callable(initializer):
            if shape.is_fully_defined():
                raise ValueError("If initializer is a constant, do not specify shape.")
            initial_value = initializer
        elif not shape.is_fully_defined():
            raise ValueError(f"Shape of a new variable ({name}) must be fully defined, but instead was {shape}.")
        else:
            if inspect.isclass(initializer):
                initializer = initializer(dtype=dtype)

            def initial_value():
                return initializer(shape.as_list(), dtype=dtype)
        variable = Variable(initial_value, trainable, collections, validate_shape, caching_device, name, dtype=dtype)
        self.variables[name] = variable
        if regularizer is not None:
            with colocate_with(variable.op), name_scope(name + "/Regularizer/"):
                loss = regularizer(variable)
            if loss is not None:
                add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
        return variable

    def _near(self, name):
        near = difflib.get_close_matches(name, self.variables, 3, cutoff=0.5)
        near = near or [n for n in self.variables if n.rpartition("/")[2] == name.rpartition("/")[2]][:3]
        return f" The nearest names are {', '.join(near)}." if near else ""


def _for_piece(initializer, dtype, info):
    """An initializer for one piece, which tells the given one what it is a piece of, if that wants to know."""
    if inspect.isclass(initializer):
        initializer = initializer(dtype=dtype)
    try:
        parameters = inspect.signature(initializer).parameters.values()
    except (TypeError, ValueError):
        return initializer
    if any(p.name == "partition_info" or p.kind is p.VAR_KEYWORD for p in parameters):
        return lambda shape, dtype=None: initializer(shape, dtype=dtype, partition_info=info)
    return initializer


def _origin(variable):
    frames = variable.op.source.frames[:3]
    return "\n".join(f'  File "{file}", line {line}, in {function}' for file, line, function in frames)


def _default_initializer(name, dtype):
    if dtype.is_floating:
        return init_ops.glorot_uniform_initializer()
    if dtype.is_integer or dtype.is_bool:
        return init_ops.zeros_initializer()
    raise ValueError(f"An initializer for variable {name} of {dtype.base_dtype.name} is required")


class VariableScope:
    """What get_variable assumes inside a scope: the prefix of names, whether to reuse, and defaults for its arguments."""

    def __init__(self, reuse, name="", initializer=None, regularizer=None, caching_device=None, custom_getter=None, name_scope="",
                 dtype=float32, partitioner=None):
        self._name, self._reuse, self._initializer, self._regularizer = name, reuse, initializer, regularizer
        self._caching_device, self._custom_getter, self._name_scope, self._dtype = caching_device, custom_getter, name_scope, dtype
        self._partitioner = partitioner

    name = property(lambda self: self._name)
    original_name_scope = property(lambda self: self._name_scope)
    reuse = property(lambda self: self._reuse)
    initializer = property(lambda self: self._initializer)
    regularizer = property(lambda self: self._regularizer)
    caching_device = property(lambda self: self._caching_device)
    partitioner = property(lambda self: self._partitioner)
    custom_getter = property(lambda self: self._custom_getter)
    dtype = property(lambda self: self._dtype)

    def reuse_variables(self):
        """From here on in this scope, variables must exist."""
        self._reuse = True

    def set_initializer(self, initializer):
        self._initializer = initializer

    def set_regularizer(self, regularizer):
        self._regularizer = regularizer

    def set_caching_device(self, caching_device):
        self._caching_device = caching_device

    def set_partitioner(self, partitioner):
        self._partitioner = partitioner

    def set_custom_getter(self, custom_getter):
        self._custom_getter = custom_getter

    def set_dtype(self, dtype):
        self._dtype = as_dtype(dtype)

    def get_variable(self, name, shape=None, dtype=None, initializer=None, regularizer=None, reuse=None, trainable=True, collections=None,
                     caching_device=None, validate_shape=True, custom_getter=None, partitioner=None):
        """get_variable with this scope's prefix and defaults."""
        if not name:
            raise ValueError("get_variable needs a name")
        initializer = self._initializer if initializer is None else initializer
        if dtype is None:
            dtype = self._dtype
            if initializer is not None and not callable(initializer):
                # A value brings its own dtype; a Python number converts as it does everywhere.
                dtype = getattr(initializer, "dtype", None) or as_array(initializer).dtype
        arguments = dict(
            shape=shape, dtype=as_dtype(dtype), initializer=initializer,
            regularizer=self._regularizer if regularizer is None else regularizer,
            reuse=self._reuse if reuse is None else reuse, trainable=trainable, collections=collections,
            caching_device=self._caching_device if caching_device is None else caching_device, validate_shape=validate_shape,
            partitioner=self._partitioner if partitioner is None else partitioner)
        full_name = f"{self._name}/{name}" if self._name else name
        getter = custom_getter or self._custom_getter
        with name_scope(None):             # the variable's nodes bear its name, not that of the open name scopes
            if getter is not None:
                return getter(_store().get, full_name, **arguments)
            return _store().get(full_name, **arguments)


def _store():
    found = get_default_graph().get_collection_ref(_STORE)
    if not found:
        found.append(_VariableStore())
    return found[0]


def get_variable_scope():
    """The innermost open variable scope of the default graph."""
    found = get_default_graph().get_collection_ref(_SCOPE)
    if not found:
        found.append(VariableScope(False))
    return found[0]


def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True, collections=None, caching_device=None,
                 partitioner=None, validate_shape=True, use_resource=None, custom_getter=None, constraint=None):
    """The variable of that name in the current variable scope: a new one, or with `reuse` the one that exists.

    initializer   a function of (shape, dtype), by default the scope's, else Glorot uniform for floats and zeros otherwise;
                  or a value, which then says shape and dtype
    regularizer   a function of the variable whose result is added to collection REGULARIZATION_LOSSES
    partitioner   a function of (shape, dtype) that says into how many pieces to cut it: the result is a PartitionedVariable then
    use_resource  accepted for programs that ask for resource variables: reads are snapshots here anyway
    ValueError where the rules of reuse are broken; the message says where the variable was made first.
    """
    if constraint is not None:
        raise ValueError("get_variable: constraints on variables are not implemented; assign the projected value after the update")
    return get_variable_scope().get_variable(name, shape, dtype, initializer, regularizer, None, trainable, collections, caching_device,
                                             validate_shape, custom_getter, partitioner)


def get_local_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=False, collections=None, caching_device=None,
                       partitioner=None, validate_shape=True, use_resource=None, custom_getter=None, constraint=None):
    """get_variable of a variable of this process alone: in collection LOCAL_VARIABLES, and not trainable."""
    collections = [*(collections or ()), GraphKeys.LOCAL_VARIABLES]
    return get_variable(name, shape, dtype, initializer, regularizer, False, collections, caching_device, partitioner, validate_shape,
                        use_resource, custom_getter, constraint)


def no_regularizer(_):
    """A regularizer that adds nothing: for one variable in a scope that has another."""
    return None


def create_partitioned_variables(shape, slicing, initializer, dtype=float32, trainable=True, collections=None, name=None, reuse=None):
    """The list of the pieces of a new variable: slicing says how many along each axis.  An old form of get_variable's partitioner.

    >>> tf.create_partitioned_variables([10, 4], [3, 1], tf.zeros_initializer())     # pieces of 4, 3 and 3 rows
    """
    if len(shape) != len(slicing):
        raise ValueError(f"The 'shape' and 'slicing' of a partitioned Variable must have the length: shape: {shape}, slicing: {slicing}")
    with variable_scope(name, "PartitionedVariable", reuse=reuse):
        return list(get_variable("part", shape, dtype, initializer, trainable=trainable, collections=collections,
                                 partitioner=lambda **unused: list(slicing)))


@contextlib.contextmanager
def variable_scope(name_or_scope, default_name=None, values=None, initializer=None, regularizer=None, caching_device=None,
                   partitioner=None, custom_getter=None, reuse=None, dtype=None):
    """A scope for get_variable, and a name scope of the same name.

    name_or_scope  the name, appended to the enclosing scope's; or a VariableScope, which is entered again as it is
    default_name   where name_or_scope is None: a name that is made unique by _1, _2, ...
    reuse          see the head of this file

    >>> with tf.variable_scope("layer") as scope:
    ...     w = tf.get_variable("w", [2, 3])              # layer/w
    >>> with tf.variable_scope("layer", reuse=True):
    ...     same = tf.get_variable("w", [2, 3])
    """
    if name_or_scope is None and default_name is None:
        raise TypeError("If default_name is None then name_or_scope is required")
    if name_or_scope is None and reuse:
        raise ValueError("reuse=True cannot be used without a name_or_scope")
    graph = _graph_of(values)
    with graph.as_default():
        store, outer = _store(), get_variable_scope()
        if isinstance(name_or_scope, VariableScope):
            base, name = name_or_scope, name_or_scope.name
            last = name.rpartition("/")[2]
        elif name_or_scope is not None:
            base, last = outer, name_or_scope
            name = f"{outer.name}/{last}" if outer.name else last
        else:
            base = outer
            last = _unique(store, outer.name, default_name)
            name = f"{outer.name}/{last}" if outer.name else last
        with contextlib.ExitStack() as stack:
            opened = stack.enter_context(name_scope(last if name_or_scope is not None else default_name)) if last else graph.get_name_scope()
            scope = VariableScope(
                (reuse or outer.reuse) if base is outer else base.reuse if reuse is None else reuse, name,
                base.initializer if initializer is None else initializer, base.regularizer if regularizer is None else regularizer,
                base.caching_device if caching_device is None else caching_device, _nested(custom_getter, base.custom_getter),
                base.original_name_scope if base is name_or_scope else opened, base.dtype if dtype is None else as_dtype(dtype), base.partitioner if partitioner is None else partitioner)
            if base is not name_or_scope:
                store.scopes_opened[name] = store.scopes_opened.get(name, 0) + 1
            opened_before = dict(store.scopes_opened)
            current = graph.get_collection_ref(_SCOPE)
            current[:] = [scope]
            try:
                yield scope
            finally:
                current[:] = [outer]
                # What was opened inside does not count when this scope is entered again: its inner names must come out the same.
                store.scopes_opened = opened_before


def _graph_of(values):
    for value in values or ():
        graph = getattr(value, "graph", None)
        if graph is not None:
            return graph
    return get_default_graph()


def _unique(store, prefix, name):
    path = f"{prefix}/{name}" if prefix else name
    if path not in store.scopes_opened:
        return name
    n = 1
    while f"{path}_{n}" in store.scopes_opened:
        n += 1
    return f"{name}_{n}"


def _nested(inner, outer):
    """A custom getter that calls the inner one, whose getter is the outer one."""
    if inner is None or outer is None:
        return inner or outer

    def both(getter, *args, **kwargs):
        def through_outer(*a, **k):
            return outer(getter, *a, **k)
        return inner(through_outer, *args, **kwargs)
    return both


@contextlib.contextmanager
def variable_op_scope(values, name_or_scope, default_name=None, initializer=None, regularizer=None, caching_device=None, partitioner=None,
                      custom_getter=None, reuse=None, dtype=None):
    """An old form of variable_scope, with the values first."""
    with variable_scope(name_or_scope, default_name, values, initializer, regularizer, caching_device, partitioner, custom_getter, reuse, dtype) as scope:
        yield scope


def op_scope(values, name, default_name=None):
    """An old form of name_scope, with the values first."""
    return name_scope(name, default_name, values)
