"""Queues: tensors that pass from step to step.

A queue belongs to the session, as a variable does, and its handle is a reference.  A step that must wait for a queue, because it is empty
or full, parks: its device serves other steps meanwhile.  Order within a step is decided by control edges, and between steps by the
order in which they arrive at the queue.
"""
import functools
import hashlib

from ..core.dtypes import as_dtype, int64
from ..core.registry import op_def, register_op
from ..core.shapes import Dimension, TensorShape, as_shape
from ..graph import Operation, colocate_with, control_dependencies, convert_to_tensor, name_scope
from ..graph.scopes import outermost
from .apply import apply_op
from .array_ops import identity
from .conditions import cond
from .control_flow import common_shape
from .control_ops import group
from .logging_ops import Assert
from .logical_ops import equal, greater_equal, less, logical_and
from .random_seed import get_seed
from .shape_fns import SCALAR, UNKNOWN, with_rank

_ELEMENTS = ["component_types: list(type) >= 1", "shapes: list(shape) = []", "capacity: int = -1"]
_SHARED = ["container: string = ''", "shared_name: string = ''"]

register_op("FIFOQueue", [], ["handle: Ref(string)"], _ELEMENTS + _SHARED, is_stateful=True)(lambda c: [SCALAR])
register_op("PaddingFIFOQueue", [], ["handle: Ref(string)"], _ELEMENTS + _SHARED, is_stateful=True)(lambda c: [SCALAR])
register_op("RandomShuffleQueue", [], ["handle: Ref(string)"],
            _ELEMENTS + ["min_after_dequeue: int = 0", "seed: int = 0", "seed2: int = 0"] + _SHARED, is_stateful=True)(lambda c: [SCALAR])
register_op("PriorityQueue", [], ["handle: Ref(string)"], ["component_types: list(type) = []", *_ELEMENTS[1:]] + _SHARED,
            is_stateful=True)(lambda c: [SCALAR])


def _component_shapes(c):
    """The shapes of the components of an element, as far as the queue's op tells them."""
    op_type, attrs = c.resource(0)
    shapes, types = attrs.get("shapes"), c.attrs["component_types"]
    if op_type == "PriorityQueue":
        shapes = (SCALAR, *shapes) if shapes or len(types) == 1 else None
    if not shapes or len(shapes) != len(types):
        return [UNKNOWN] * len(types)
    return list(shapes)


register_op("QueueEnqueue", ["handle: Ref(string)", "components: Tcomponents"], [], ["Tcomponents: list(type) >= 1", "timeout_ms: int = -1"],
            is_stateful=True)(lambda c: [])
register_op("QueueEnqueueMany", ["handle: Ref(string)", "components: Tcomponents"], [], ["Tcomponents: list(type) >= 1", "timeout_ms: int = -1"],
            is_stateful=True)(lambda c: [])
register_op("QueueDequeue", ["handle: Ref(string)"], ["components: component_types"], ["component_types: list(type) >= 1", "timeout_ms: int = -1"],
            is_stateful=True)(_component_shapes)


@register_op("QueueDequeueMany", ["handle: Ref(string)", "n: int32"], ["components: component_types"],
             ["component_types: list(type) >= 1", "timeout_ms: int = -1"], is_stateful=True)
def dequeue_many_shape(c):
    with_rank(c, 1, 0)
    n = c.constant(1)
    if n is not None and n < 0:
        raise ValueError(f"The number of elements must be >= 0, got {n}")
    return [TensorShape([None if n is None else int(n)]).concatenate(s) for s in _component_shapes(c)]


@register_op("QueueDequeueUpTo", ["handle: Ref(string)", "n: int32"], ["components: component_types"],
             ["component_types: list(type) >= 1", "timeout_ms: int = -1"], is_stateful=True)
def dequeue_up_to_shape(c):
    with_rank(c, 1, 0)
    return [TensorShape([None]).concatenate(s) for s in _component_shapes(c)]


register_op("QueueSize", ["handle: Ref(string)"], ["size: int32"], [], is_stateful=True)(lambda c: [SCALAR])
register_op("QueueIsClosed", ["handle: Ref(string)"], ["is_closed: bool"], [], is_stateful=True)(lambda c: [SCALAR])
register_op("QueueClose", ["handle: Ref(string)"], [], ["cancel_pending_enqueues: bool = False"], is_stateful=True)(lambda c: [])


class QueueBase:
    """What all queues share.  Make a FIFOQueue, RandomShuffleQueue, PaddingFIFOQueue or PriorityQueue.

    dtypes     of the components of an element
    shapes     TensorShapes of these; unknown ones, if the queue does not fix them
    names      of the components, or None: with names, elements are dicts
    queue_ref  the handle, a reference of dtype string

    Run-time errors: CancelledError for an enqueue that comes when the queue is closed, or waits when it is closed with
    cancel_pending_enqueues, and for whatever waits when its session is closed; OutOfRangeError for a dequeue from a closed queue that
    holds too few elements.
    """

    def __init__(self, dtypes, shapes, names, queue_ref):
        self._dtypes = dtypes
        if shapes is not None and len(shapes) != len(dtypes):
            raise ValueError(f"Queue shapes must have the same length as dtypes, received len(shapes)={len(shapes)}, len(dtypes)={len(dtypes)}")
        self._shapes = [TensorShape(s) for s in shapes] if shapes is not None else [UNKNOWN] * len(dtypes)
        if names is not None and len(names) != len(dtypes):
            raise ValueError(f"Queue names must have the same length as dtypes, received len(names)={len(names)}, len(dtypes)={len(dtypes)}")
        self._names = names
        self._queue_ref = queue_ref
        self._name = queue_ref.op.name.rpartition("/")[2]

    @property
    def queue_ref(self):
        """The handle."""
        return self._queue_ref

    @property
    def name(self):
        """The name of the op that makes the queue."""
        return self._queue_ref.op.name

    @property
    def dtypes(self):
        return self._dtypes

    @property
    def shapes(self):
        return self._shapes

    @property
    def names(self):
        return self._names

    def __repr__(self):
        return f"<tf.{type(self).__name__} '{self.name}' of {', '.join(f'{d.name}{s}' for d, s in zip(self._dtypes, self._shapes))}>"

    @staticmethod
    def from_list(index, queues):
        """queues[index], where index is an int32 scalar that only the run tells: a queue whose ops act on the one that is chosen then.

        TypeError unless the queues have the same dtypes and names; InvalidArgumentError, in the run, if there is no such queue.
        """
        if not queues or not isinstance(queues, list) or not all(isinstance(q, QueueBase) for q in queues):
            raise TypeError("A list of queues expected")
        if not all(q.dtypes == queues[0].dtypes for q in queues):
            raise TypeError("Queues do not have matching component dtypes.")
        if not all(q.names == queues[0].names for q in queues):
            raise TypeError("Queues do not have matching component names.")
        return ChosenQueue(index, queues)

    def enqueue(self, vals, name=None):
        """Put one element in, waiting for room if need be.  Returns the operation.

        vals: a tensor, a list of tensors, or a dict where the components have names.  ValueError or TypeError if they do not fit.
        """
        with name_scope(name, f"{self._name}_enqueue", _values(vals)) as scope:
            tensors = self._tensors(vals)
            for tensor, shape in zip(tensors, self._shapes):
                tensor.get_shape().assert_is_compatible_with(shape)
            return self._apply("QueueEnqueue", tensors, name=scope, Tcomponents=self._dtypes)

    def enqueue_many(self, vals, name=None):
        """Put many elements in, one by one as there is room: row i of each tensor is a component of the i-th.  Returns the operation."""
        with name_scope(name, f"{self._name}_EnqueueMany", _values(vals)) as scope:
            tensors = self._tensors(vals)
            size = Dimension(None)
            for tensor, shape in zip(tensors, self._shapes):
                rows = tensor.get_shape().with_rank_at_least(1)
                size = size.merge_with(rows[0])
                rows[1:].assert_is_compatible_with(shape)
            return self._apply("QueueEnqueueMany", tensors, name=scope, Tcomponents=self._dtypes)

    def dequeue(self, name=None):
        """Take one element, waiting for one if need be: a tensor, a list of the components, or a dict of them if they have names."""
        return self._element(self._apply("QueueDequeue", name=name or f"{self._name}_Dequeue", component_types=self._dtypes), [])

    def dequeue_many(self, n, name=None):
        """Take n elements, waiting for them if need be, as one along a new first dimension.  The queue must have shapes.

        Of a queue that is closed and holds fewer, nothing is taken: OutOfRangeError.
        """
        tensors = self._apply("QueueDequeueMany", n, name=name or f"{self._name}_DequeueMany", component_types=self._dtypes)
        return self._element(tensors, [None])

    def dequeue_up_to(self, n, name=None):
        """As dequeue_many; but of a queue that is closed, what is left, if that is anything."""
        tensors = self._apply("QueueDequeueUpTo", n, name=name or f"{self._name}_DequeueUpTo", component_types=self._dtypes)
        return self._element(tensors, [None])

    def size(self, name=None):
        """The number of elements, an int32 scalar.  Those that a waiting dequeue_many has taken are not among them."""
        return self._apply("QueueSize", name=name or f"{self._name}_Size")

    def close(self, cancel_pending_enqueues=False, name=None):
        """Close the queue: later enqueues fail, and so do dequeues of more than what is left.  Returns the operation.

        It waits for the enqueues that wait already; with cancel_pending_enqueues, these are cancelled.
        """
        return self._apply("QueueClose", name=name or f"{self._name}_Close", cancel_pending_enqueues=cancel_pending_enqueues)

    def is_closed(self, name=None):
        """Whether the queue is closed, a bool scalar."""
        return self._apply("QueueIsClosed", name=name or f"{self._name}_Is_Closed")

    def _apply(self, op_type, *inputs, **attrs):
        """An op on the queue: it runs where the queue is, whatever device is asked for around it."""
        with colocate_with(self._queue_ref):
            return apply_op(op_type, self._queue_ref, *inputs, **attrs)

    def _tensors(self, vals):
        """The components of an element, in order, as tensors."""
        if isinstance(vals, dict):
            if not self._names:
                raise ValueError("Queue must have names to enqueue a dictionary")
            if sorted(self._names, key=str) != sorted(vals, key=str):
                raise ValueError("Keys in dictionary to enqueue do not match names of Queue.  "
                                 f"Dictionary: {sorted(vals, key=str)}, Queue: {sorted(self._names, key=str)}")
            vals = [vals[name] for name in self._names]
        elif self._names:
            raise ValueError("You must enqueue a dictionary in a Queue with names")
        elif not isinstance(vals, (list, tuple)):
            vals = [vals]
        if len(vals) != len(self._dtypes):
            raise ValueError(f"An element of {self!r} has {len(self._dtypes)} components, got {len(vals)}")
        return [convert_to_tensor(v, dtype=d, name=f"component_{i}") for i, (v, d) in enumerate(zip(vals, self._dtypes))]

    def _element(self, tensors, outer):
        tensors = tensors if isinstance(tensors, list) else [tensors]
        for tensor, shape in zip(tensors, self._shapes):
            tensor.set_shape(TensorShape(outer).concatenate(shape))
        if self._names:
            return dict(zip(self._names, tensors))
        return tensors[0] if len(tensors) == 1 else tensors


class FIFOQueue(QueueBase):
    """A queue that gives elements in the order in which it got them.

    capacity     elements that it holds at most; negative: any number
    dtypes       of the components of an element: a list, or one dtype
    shapes       fully defined shapes of the components; without them elements may differ in shape, and dequeue_many is not possible
    names        of the components: elements are dicts then
    shared_name  queues of one session with the same shared name are one queue

    >>> q = tf.FIFOQueue(10, tf.float32, [[]])
    >>> put, two = q.enqueue_many([[1., 2., 3.]]), q.dequeue_many(2)
    """

    def __init__(self, capacity, dtypes, shapes=None, names=None, shared_name=None, name="fifo_queue"):
        dtypes = _types(dtypes)
        shapes, names = _fixed_shapes(shapes), _names(names, dtypes)
        super().__init__(dtypes, shapes, names, _queue("FIFOQueue", dtypes, shapes, capacity, shared_name, name))


class RandomShuffleQueue(QueueBase):
    """A queue that gives its elements in random order.

    min_after_dequeue  elements that stay in it while it is open: the more, the better they are mixed
    seed               with a seed, on one thread, two runs of a program get the same order
    The other arguments are those of FIFOQueue.  InvalidArgumentError, in the run, unless 0 <= min_after_dequeue < capacity.
    """

    def __init__(self, capacity, min_after_dequeue, dtypes, shapes=None, names=None, seed=None, shared_name=None, name="random_shuffle_queue"):
        dtypes = _types(dtypes)
        shapes, names = _fixed_shapes(shapes), _names(names, dtypes)
        seed1, seed2 = get_seed(seed)
        if seed1 is None and seed2 is None:
            seed1, seed2 = 0, 0
        elif seed is None and shared_name is not None:    # all that share it must have the same seeds
            seed2 = int(hashlib.md5((str(seed1) + shared_name).encode()).hexdigest()[:8], 16) & 0x7FFFFFFF
        super().__init__(dtypes, shapes, names, _queue("RandomShuffleQueue", dtypes, shapes, capacity, shared_name, name,
                                                       min_after_dequeue=min_after_dequeue, seed=seed1, seed2=seed2))


class PaddingFIFOQueue(QueueBase):
    """A FIFOQueue whose elements may differ in the dimensions that are None in `shapes`: dequeue_many pads them, with zeros or empty strings,
    to the largest among those that it takes.  shapes is required, and the ranks must be known.
    """

    def __init__(self, capacity, dtypes, shapes, names=None, shared_name=None, name="padding_fifo_queue"):
        dtypes = _types(dtypes)
        if not isinstance(shapes, (list, tuple)) or not shapes or any(s is None or isinstance(s, int) for s in shapes):
            raise ValueError("When providing partial shapes, a list of shapes must be provided.")
        shapes = [as_shape(s) for s in shapes]
        if any(s.ndims is None for s in shapes):
            raise ValueError(f"All shapes must have a defined rank: {shapes}")
        names = _names(names, dtypes)
        if len(dtypes) != len(shapes):
            raise ValueError(f"Shapes must be provided for all components, but received {len(dtypes)} dtypes and {len(shapes)} shapes.")
        super().__init__(dtypes, shapes, names, _queue("PaddingFIFOQueue", dtypes, shapes, capacity, shared_name, name))


class PriorityQueue(QueueBase):
    """A queue that gives the element of the least priority first, and among equals the one that came first.

    The priority is a further component of an element, the first: an int64 scalar (for enqueue_many, a vector).  types and shapes are those of
    the others; names, if given, has one for the priority too.
    """

    def __init__(self, capacity, types, shapes=None, names=None, shared_name=None, name="priority_queue"):
        types = _types(types)
        shapes = _fixed_shapes(shapes)
        ref = _queue("PriorityQueue", types, shapes, capacity, shared_name, name)
        super().__init__([int64, *types], [SCALAR, *shapes] if shapes else None if types else [SCALAR], names, ref)


class ChosenQueue(QueueBase):
    """One of several queues: each op is a branch per queue, of which one runs.  Made by QueueBase.from_list."""

    def __init__(self, index, queues):
        self.queues, self._index = queues, convert_to_tensor(index, name="index")
        shapes = [functools.reduce(common_shape, several) for several in zip(*[q.shapes for q in queues])]
        super().__init__(queues[0].dtypes, shapes, queues[0].names, queues[0].queue_ref)

    def _apply(self, op_type, *inputs, name=None, **attrs):
        with name_scope(name, op_type) as scope:
            index = self._index
            with control_dependencies([Assert(logical_and(greater_equal(index, 0), less(index, len(self.queues))),
                                              [f"there are {len(self.queues)} queues, and the index is", index])]):
                index = identity(index)

            def choose(k):
                act = lambda: self.queues[k]._apply(op_type, *inputs, **attrs)
                return act() if k == len(self.queues) - 1 else cond(equal(index, k), act, lambda: choose(k + 1), strict=True)
            result = choose(0)
            if op_def(op_type).outputs:
                return result
            return result if isinstance(result, Operation) else group(result, name=scope)


def _queue(op_type, dtypes, shapes, capacity, shared_name, name, **attrs):
    with outermost(), control_dependencies(None):          # it is there, whatever waits and wherever it was made
        return apply_op(op_type, name=name, component_types=dtypes, shapes=shapes or [], capacity=capacity, shared_name=shared_name or "", **attrs)


def _types(dtypes):
    return [as_dtype(d).base_dtype for d in (dtypes if isinstance(dtypes, (list, tuple)) else [dtypes])]


def _fixed_shapes(shapes):
    """A list of TensorShapes, each fully defined, from what a user gives: a list of shapes, or the shape of a single component."""
    if shapes is None:
        return None
    if isinstance(shapes, TensorShape):
        shapes = [shapes]
    if not isinstance(shapes, (tuple, list)):
        raise TypeError(f"Shapes must be a TensorShape or a list or tuple of TensorShapes, got {type(shapes)} instead.")
    if all(s is None or isinstance(s, int) for s in shapes):
        shapes = [shapes]
    shapes = [as_shape(s) for s in shapes]
    if not all(s.is_fully_defined() for s in shapes):
        raise ValueError(f"All shapes must be fully defined: {shapes}")
    return shapes


def _names(names, dtypes):
    if names is None:
        return None
    names = list(names) if isinstance(names, (list, tuple)) else [names]
    if len(names) != len(dtypes):
        raise ValueError(f"List of names must have the same length as the list of dtypes, received len(names)={len(names)},len(dtypes)={len(dtypes)}")
    return names


def _values(vals):
    return list(vals.values()) if isinstance(vals, dict) else list(vals) if isinstance(vals, (list, tuple)) else [vals]
