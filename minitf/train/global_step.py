"""The global step: an integer variable that counts updates, found again through its collection."""
from ..core.dtypes import int64
from ..graph import GraphKeys, Tensor, get_default_graph, name_scope
from ..ops.init_ops import zeros_initializer
from ..ops.variable_scope import get_variable
from ..ops.variables import Variable


def global_step(sess, global_step_tensor):
    """The value of the global step in a session, as an int.

    >>> step = tf.train.create_global_step()
    >>> sess.run(step.initializer)
    >>> tf.train.global_step(sess, step)
    0
    """
    return int(sess.run(global_step_tensor))


def get_global_step(graph=None):
    """The global step of the graph (by default the default graph): what collection GLOBAL_STEP holds, else `global_step:0`; None if there is none.

    TypeError if that is no integer scalar; ValueError if the collection holds several.
    """
    graph = graph or get_default_graph()
    found = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(found) > 1:
        raise ValueError(f"Multiple tensors in the global_step collection: {', '.join(str(t) for t in found)}")
    if found:
        step = found[0]
    else:
        try:
            step = graph.get_tensor_by_name("global_step:0")
        except KeyError:
            return None
        step = next((v for v in graph.get_collection(GraphKeys.GLOBAL_VARIABLES) if isinstance(v, Variable) and v.op is step.op), step)
    assert_global_step(step)
    return step


def create_global_step(graph=None):
    """A new global step: an int64 variable `global_step`, 0 at first.  ValueError if the graph has one."""
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists.')
    with graph.as_default(), name_scope(None):
        return get_variable(GraphKeys.GLOBAL_STEP, [], int64, zeros_initializer(), trainable=False,
                            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP])


def get_or_create_global_step(graph=None):
    """The graph's global step, made if it has none."""
    step = get_global_step(graph)
    return create_global_step(graph) if step is None else step


def assert_global_step(global_step_tensor):
    """TypeError unless the argument is an integer scalar, as a variable or a tensor."""
    if not isinstance(global_step_tensor, (Variable, Tensor)):
        raise TypeError(f'Existing "global_step" must be a Variable or Tensor: {global_step_tensor}.')
    if not global_step_tensor.dtype.base_dtype.is_integer:
        raise TypeError(f'Existing "global_step" does not have integer type: {global_step_tensor.dtype.name}')
    shape = global_step_tensor.get_shape()
    if shape.ndims != 0 and shape.is_fully_defined():
        raise TypeError(f'Existing "global_step" is not scalar: {shape}')
