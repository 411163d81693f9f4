"""Batches: examples that are computed one by one, or a few at a time, queued, and taken many at a time.

Each function makes a queue, a QueueRunner whose threads compute examples and put them in, and the dequeue op that is returned.  The end
of the input passes through: the runner closes its queue when it meets OutOfRangeError, and whoever dequeues meets it when too few are left.
The maybe_ forms put in only the examples for which keep_input is true.
"""
from ..core.dtypes import float32
from ..core.shapes import TensorShape
from ..graph import constant_value, convert_to_tensor, name_scope
from ..ops import conditions, control_ops, math_ops, parts_ops, summary_ops
from ..ops.data_flow_ops import FIFOQueue, PaddingFIFOQueue, RandomShuffleQueue
from ..ops.sparse_tensor import SparseTensor
from .queue_runner import QueueRunner, add_queue_runner


def batch(tensors, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
          allow_smaller_final_batch=False, shared_name=None, name=None):
    """Batches of examples, in the order in which they are computed.

    tensors       a list or dict of tensors, one example: of shapes [x, y]; the results are as many, of shapes [batch_size, x, y]
    num_threads   how many compute examples at once; with more than one the order is left to chance
    capacity      how many examples the queue holds
    enqueue_many  `tensors` are several examples: of shapes [n, x, y], with one n for all
    shapes        of an example's tensors, where their static shapes do not tell
    dynamic_pad   dimensions may be unknown: shorter examples of a batch are filled up with zeros or empty strings
    allow_smaller_final_batch
                  what is left at the end is a smaller batch; else it is dropped.  The results' first dimension is then unknown.
    shared_name   under which sessions of a server share the queue
    Returns a list or dict as `tensors`; for a list of one tensor, the tensor itself.
    ValueError if the shapes are not known.  In the run, OutOfRangeError when the input has ended.

    >>> images, labels = tf.train.batch([image, label], batch_size=100)
    """
    return maybe_batch(tensors, True, batch_size, num_threads, capacity, enqueue_many, shapes, dynamic_pad, allow_smaller_final_batch,
                       shared_name, name)


def maybe_batch(tensors, keep_input, batch_size, num_threads=1, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
                allow_smaller_final_batch=False, shared_name=None, name=None):
    """batch() of the examples for which keep_input, a bool scalar, or with enqueue_many a bool vector, is true."""
    return _in_order("batch", [tensors], num_threads, capacity, shared_name, keep_input, batch_size, enqueue_many, shapes, dynamic_pad,
                     allow_smaller_final_batch, name)


def batch_join(tensors_list, batch_size, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
               allow_smaller_final_batch=False, shared_name=None, name=None):
    """batch() from several sources: one thread for each list or dict of tensors in tensors_list, all of the same dtypes and shapes.

    >>> sources = [read(queue_of_files) for _ in range(4)]
    >>> images, labels = tf.train.batch_join(sources, batch_size=100)
    """
    return maybe_batch_join(tensors_list, True, batch_size, capacity, enqueue_many, shapes, dynamic_pad, allow_smaller_final_batch,
                            shared_name, name)


def maybe_batch_join(tensors_list, keep_input, batch_size, capacity=32, enqueue_many=False, shapes=None, dynamic_pad=False,
                     allow_smaller_final_batch=False, shared_name=None, name=None):
    """batch_join() of the examples for which keep_input is true."""
    return _in_order("batch_join", tensors_list, None, capacity, shared_name, keep_input, batch_size, enqueue_many, shapes, dynamic_pad,
                     allow_smaller_final_batch, name)


def shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, num_threads=1, seed=None, enqueue_many=False, shapes=None,
                  allow_smaller_final_batch=False, shared_name=None, name=None):
    """Batches of examples drawn at random from those in the queue.

    min_after_dequeue  how many examples must stay in the queue, until the input ends: the more, the better they are mixed.  Below capacity.
    seed               of the drawing
    The other arguments as for batch().

    >>> images, labels = tf.train.shuffle_batch([image, label], batch_size=100, capacity=3000, min_after_dequeue=1000)
    """
    return maybe_shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, True, num_threads, seed, enqueue_many, shapes,
                               allow_smaller_final_batch, shared_name, name)


def maybe_shuffle_batch(tensors, batch_size, capacity, min_after_dequeue, keep_input, num_threads=1, seed=None, enqueue_many=False,
                        shapes=None, allow_smaller_final_batch=False, shared_name=None, name=None):
    """shuffle_batch() of the examples for which keep_input is true."""
    return _shuffled("shuffle_batch", [tensors], num_threads, capacity, min_after_dequeue, seed, shared_name, keep_input, batch_size,
                     enqueue_many, shapes, allow_smaller_final_batch, name)


def shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, seed=None, enqueue_many=False, shapes=None,
                       allow_smaller_final_batch=False, shared_name=None, name=None):
    """shuffle_batch() from several sources, as batch_join()."""
    return maybe_shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, True, seed, enqueue_many, shapes,
                                    allow_smaller_final_batch, shared_name, name)


def maybe_shuffle_batch_join(tensors_list, batch_size, capacity, min_after_dequeue, keep_input, seed=None, enqueue_many=False, shapes=None,
                             allow_smaller_final_batch=False, shared_name=None, name=None):
    """shuffle_batch_join() of the examples for which keep_input is true."""
    return _shuffled("shuffle_batch_join", tensors_list, None, capacity, min_after_dequeue, seed, shared_name, keep_input, batch_size,
                     enqueue_many, shapes, allow_smaller_final_batch, name)


def _in_order(function, sources, threads, capacity, shared_name, keep_input, batch_size, enqueue_many, shapes, dynamic_pad, allow_smaller,
              name):
    def make_queue(dtypes, shapes):
        return (PaddingFIFOQueue if dynamic_pad else FIFOQueue)(capacity, dtypes, shapes, shared_name=shared_name)

    def summarise(queue):
        summary_ops.scalar(f"fraction_of_{capacity}_full", math_ops.cast(queue.size(), float32) * (1. / capacity))
    return _queued(function, sources, threads, make_queue, summarise, keep_input, batch_size, enqueue_many, shapes, dynamic_pad,
                   allow_smaller, name)


def _shuffled(function, sources, threads, capacity, least, seed, shared_name, keep_input, batch_size, enqueue_many, shapes, allow_smaller,
              name):
    if capacity <= least:
        raise ValueError(f"capacity {capacity} must be bigger than min_after_dequeue {least}.")

    def make_queue(dtypes, shapes):
        return RandomShuffleQueue(capacity, least, dtypes, shapes, seed=seed, shared_name=shared_name)

    def summarise(queue):
        over = math_ops.maximum(0, queue.size() - least)
        summary_ops.scalar(f"fraction_over_{least}_of_{capacity - least}_full", math_ops.cast(over, float32) * (1. / (capacity - least)))
    return _queued(function, sources, threads, make_queue, summarise, keep_input, batch_size, enqueue_many, shapes, False, allow_smaller,
                   name)


def _queued(function, sources, threads, make_queue, summarise, keep_input, batch_size, enqueue_many, shapes, dynamic_pad, allow_smaller,
            name):
    """The queue, what fills it, and the op that takes from it.  threads: for a single source; None: one for each of the sources."""
    keys, lists = _as_lists(sources, function)
    with name_scope(name, function, [t for tensors in lists for t in tensors] + [keep_input]) as scope:
        lists = [[_tensor(t, function) for t in tensors] for tensors in lists]
        keep_input = _checked(keep_input, enqueue_many)
        queue = make_queue(_dtypes(lists), _shapes(lists, enqueue_many, dynamic_pad) if shapes is None else shapes)
        enqueue = [_enqueue(queue, tensors, enqueue_many, keep_input) for tensors in lists]
        add_queue_runner(QueueRunner(queue, enqueue if threads is None else enqueue * threads))
        summarise(queue)
        taken = (queue.dequeue_up_to if allow_smaller else queue.dequeue_many)(batch_size, name=scope)
    if keys is None:
        return taken
    return dict(zip(keys, taken if len(keys) > 1 else [taken]))


def _as_lists(sources, function):
    """(the keys if the sources are dicts, else None; a list of tensors for each source)."""
    if not isinstance(sources, (list, tuple)):
        raise TypeError(f"{function}() takes a list of lists or dicts of tensors, got {sources!r}")
    if not sources:
        raise ValueError(f"Expected at least one set of tensors in {function}().")
    if isinstance(sources[0], dict):
        keys = sorted(sources[0], key=str)
        if any(not isinstance(s, dict) or s.keys() != sources[0].keys() for s in sources):
            raise ValueError("All dictionaries in tensors_list must have the same keys")
        lists = [[s[k] for k in keys] for s in sources]
    else:
        keys, lists = None, sources
    for tensors in lists:
        if not isinstance(tensors, (list, tuple)):
            raise TypeError(f"{function}() takes a list or dict of tensors, got {tensors!r}")
        if len(tensors) == 0:
            raise ValueError(f"Expected at least one tensor in {function}().")
        if len(tensors) != len(lists[0]):
            raise ValueError(f"Every source of {function}() must have as many tensors as the first, {len(lists[0])}; one has "
                             f"{len(tensors)}")
    return keys, lists


def _tensor(value, function):
    if isinstance(value, SparseTensor):
        raise TypeError(f"{function}() takes dense tensors; got {value!r}. tf.sparse_tensor_to_dense makes it one.")
    return convert_to_tensor(value)


def _checked(keep_input, enqueue_many):
    keep_input = convert_to_tensor(keep_input)
    rank = keep_input.get_shape().ndims
    if rank is None:
        raise ValueError("`keep_input` dimensions must be known at graph construction.")
    if rank == 1 and not enqueue_many:
        raise ValueError("`keep_input` cannot be a vector when `enqueue_many=False`.")
    if rank > 1:
        raise ValueError("`keep_input` must be 0 or 1 dimensions.")
    return keep_input


def _dtypes(lists):
    types = [[t.dtype.base_dtype for t in tensors] for tensors in lists]
    for other in types[1:]:
        if other != types[0]:
            raise TypeError(f"Expected types to be consistent: {', '.join(t.name for t in types[0])} vs. "
                            f"{', '.join(t.name for t in other)}.")
    return types[0]


def _shapes(lists, enqueue_many, dynamic_pad):
    """The shapes of one example, as far as the sources' static shapes tell."""
    return [_common_shape(column, enqueue_many, dynamic_pad) for column in zip(*lists)]


def _common_shape(tensors, enqueue_many, dynamic_pad):
    shapes = []
    for t in tensors:
        if t.get_shape().ndims is None:
            raise ValueError(f"Cannot infer Tensor's rank: {t}")
        shapes.append(t.get_shape().with_rank_at_least(1)[1:] if enqueue_many else t.get_shape())
    common = shapes[0]
    for shape in shapes[1:]:
        common = common.merge_with(shape)
    if dynamic_pad:                           # what one source does not tell can differ, though another tells
        common = TensorShape([None if any(s.as_list()[i] is None for s in shapes) else d for i, d in enumerate(common.as_list())])
    return common


def _enqueue(queue, tensors, enqueue_many, keep_input):
    """The operation that puts one source's examples into the queue, where keep_input says so."""
    put = queue.enqueue_many if enqueue_many else queue.enqueue
    if keep_input.get_shape().ndims == 1:
        which = math_ops.cast(keep_input, "int32")
        return put([parts_ops.dynamic_partition(t, which, 2)[1] for t in tensors])
    known = constant_value(keep_input)
    if known is None:
        return conditions.cond(keep_input, lambda: put(tensors), control_ops.no_op).op
    return put(tensors) if known else control_ops.no_op()
