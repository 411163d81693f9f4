"""get_variable and variable_scope: variables that are found again by name, so that layers can share them.

The name of a variable is that of its variable scopes, whatever name scopes are open, and every rule of sharing is about it:

    reuse False or None   the variable must be new
    reuse True            it must exist; inherited by inner scopes, which cannot switch it off
    reuse AUTO_REUSE      it is made where it does not exist
"""
import contextlib
import enum
import re

from ..core.dtypes import as_dtype, float32
from ..graph import GraphKeys, get_collection, get_default_graph, graph_of, name_scope
from .constant_op import as_array
from .variable_store import VariableStore


class _Reuse(enum.Enum):
    AUTO_REUSE = 1


AUTO_REUSE = _Reuse.AUTO_REUSE
_STORE = "__variable_store"
_SCOPE = "__varscope"


class VariableScope:
    """What get_variable assumes inside a scope: the prefix of names, whether to reuse, and defaults for its arguments."""

    def __init__(self, reuse, name="", initializer=None, regularizer=None, caching_device=None, custom_getter=None, name_scope="",
                 dtype=float32, partitioner=None, use_resource=None):
        self._name, self._reuse, self._initializer, self._regularizer = name, reuse, initializer, regularizer
        self._caching_device, self._custom_getter, self._name_scope, self._dtype = caching_device, custom_getter, name_scope, dtype
        self._partitioner, self._use_resource = partitioner, use_resource

    name = property(lambda self: self._name)
    original_name_scope = property(lambda self: self._name_scope)
    reuse = property(lambda self: self._reuse)
    initializer = property(lambda self: self._initializer)
    regularizer = property(lambda self: self._regularizer)
    caching_device = property(lambda self: self._caching_device)
    partitioner = property(lambda self: self._partitioner)
    custom_getter = property(lambda self: self._custom_getter)
    use_resource = property(lambda self: self._use_resource)
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

    def set_use_resource(self, use_resource):
        self._use_resource = use_resource

    def set_custom_getter(self, custom_getter):
        self._custom_getter = custom_getter

    def set_dtype(self, dtype):
        self._dtype = as_dtype(dtype)

    def get_collection(self, name):
        """The members of a collection whose names begin with this scope's."""
        return get_collection(name, re.escape(self._name + "/") if self._name else None)

    def global_variables(self):
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self):
        return self.get_collection(GraphKeys.LOCAL_VARIABLES)

    def trainable_variables(self):
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def get_variable(self, name, shape=None, dtype=None, initializer=None, regularizer=None, reuse=None, trainable=True, collections=None,
                     caching_device=None, validate_shape=True, custom_getter=None, partitioner=None, use_resource=None):
        """get_variable with this scope's prefix and defaults."""
        if not isinstance(name, str) or not name:
            raise ValueError(f"get_variable needs a name, got {name!r}")
        initializer = self._initializer if initializer is None else initializer
        if dtype is None:
            dtype = self._dtype
            if initializer is not None and not callable(initializer):
                # A value brings its own dtype; a Python number converts as it does everywhere.
                dtype = getattr(initializer, "dtype", None) or as_array(initializer).dtype
        elif not callable(initializer) and hasattr(initializer, "dtype"):
            if as_dtype(initializer.dtype).base_dtype is not as_dtype(dtype).base_dtype:
                raise ValueError(f"Initializer type '{as_dtype(initializer.dtype).base_dtype}' and explicit dtype '{as_dtype(dtype)}' don't match.")
        arguments = dict(
            shape=shape, dtype=as_dtype(dtype), initializer=initializer,
            regularizer=self._regularizer if regularizer is None else regularizer,
            reuse=self._reuse if reuse is None else reuse, trainable=trainable, collections=collections,
            caching_device=self._caching_device if caching_device is None else caching_device, validate_shape=validate_shape,
            partitioner=self._partitioner if partitioner is None else partitioner,
            use_resource=self._use_resource if use_resource is None else use_resource)
        full_name = f"{self._name}/{name}" if self._name else name
        getter = custom_getter or self._custom_getter
        with name_scope(None):             # the variable's nodes bear its name, not that of the open name scopes
            if getter is not None:
                return getter(_store().get, full_name, **arguments)
            return _store().get(full_name, **arguments)


def _store():
    found = get_default_graph().get_collection_ref(_STORE)
    if not found:
        found.append(VariableStore())
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
                  or a value, or a function without arguments that gives one, which then says shape and dtype
    regularizer   a function of the variable whose result is added to collection REGULARIZATION_LOSSES
    partitioner   a function of (shape, dtype) that says into how many pieces to cut it: the result is a PartitionedVariable then
    use_resource  accepted for programs that ask for resource variables: reads are snapshots here anyway
    ValueError where the rules of reuse are broken; the message says where the variable was made first.
    """
    if constraint is not None:
        raise ValueError("get_variable: constraints on variables are not implemented; assign the projected value after the update")
    return get_variable_scope().get_variable(name, shape, dtype, initializer, regularizer, None, trainable, collections, caching_device,
                                             validate_shape, custom_getter, partitioner, use_resource)


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
                   partitioner=None, custom_getter=None, reuse=None, dtype=None, use_resource=None, auxiliary_name_scope=True):
    """A scope for get_variable, and a name scope of the same name.

    name_or_scope  the name, appended to the enclosing scope's; or a VariableScope, which is entered again as it is
    default_name   where name_or_scope is None: a name that is made unique by _1, _2, ...
    reuse          see the head of this file
    auxiliary_name_scope  False: no name scope is opened
    The other arguments are defaults of get_variable inside.

    >>> with tf.variable_scope("layer") as scope:
    ...     w = tf.get_variable("w", [2, 3])              # layer/w
    >>> with tf.variable_scope("layer", reuse=True):
    ...     same = tf.get_variable("w", [2, 3])
    """
    if name_or_scope is None and default_name is None:
        raise TypeError("If default_name is None then name_or_scope is required")
    if name_or_scope is None and reuse:
        raise ValueError("reuse=True cannot be used without a name_or_scope")
    if name_or_scope is not None and not isinstance(name_or_scope, (str, VariableScope)):
        raise TypeError(f"VariableScope: name_or_scope must be a string or VariableScope, got {name_or_scope!r}.")
    graph = graph_of(values or ())
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
            if last and auxiliary_name_scope:
                opened = stack.enter_context(name_scope(last if name_or_scope is not None else default_name))
            else:
                opened = graph.get_name_scope() and graph.get_name_scope() + "/"
            scope = VariableScope(
                (reuse or outer.reuse) if base is outer else base.reuse if reuse is None else reuse, name,
                base.initializer if initializer is None else initializer, base.regularizer if regularizer is None else regularizer,
                base.caching_device if caching_device is None else caching_device, _nested(custom_getter, base.custom_getter),
                base.original_name_scope if base is name_or_scope else opened, base.dtype if dtype is None else as_dtype(dtype),
                base.partitioner if partitioner is None else partitioner, base.use_resource if use_resource is None else use_resource)
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
