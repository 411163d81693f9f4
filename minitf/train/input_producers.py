"""Producers: tensors turned row by row into a queue, in order or shuffled, once or many times.

A producer's queue is filled by a QueueRunner in the collection GraphKeys.QUEUE_RUNNERS, so nothing comes out of it before
tf.train.start_queue_runners().  num_epochs counts in a local variable, which needs tf.local_variables_initializer().
"""
from ..core.dtypes import float32, int64, string
from ..graph import GraphKeys, Tensor, control_dependencies, convert_to_tensor, name_scope
from ..ops import array_ops, gather_ops, io_ops, logging_ops, logical_ops, math_ops, random_ops, sequence_ops, summary_ops
from ..ops.constant_op import constant
from ..ops.data_flow_ops import FIFOQueue
from ..ops.variables import Variable
from .queue_runner import QueueRunner, add_queue_runner

NOTHING = "string_input_producer requires a non-null input tensor"


def match_filenames_once(pattern, name=None):
    """A local variable that is initialised to the names of the files that match a pattern or a vector of patterns, sorted.

    >>> files = tf.train.string_input_producer(tf.train.match_filenames_once("data/*.csv"))
    """
    with name_scope(name, "matching_filenames", [pattern]) as name:
        return Variable(io_ops.matching_files(pattern), trainable=False, validate_shape=False, name=name,
                        collections=[GraphKeys.LOCAL_VARIABLES])


def limit_epochs(tensor, num_epochs=None, name=None):
    """`tensor`, which can be computed num_epochs times; then it is an OutOfRangeError.  None: without end.

    Counts in the local variable `epochs`.  ValueError unless num_epochs is above 0.
    """
    if num_epochs is None:
        return tensor
    if num_epochs <= 0:
        raise ValueError(f"num_epochs must be > 0 not {num_epochs}.")
    with name_scope(name, "limit_epochs", [tensor]) as name:
        epochs = Variable(constant(0, int64), trainable=False, name="epochs", collections=[GraphKeys.LOCAL_VARIABLES])
        with control_dependencies([epochs.count_up_to(num_epochs)]):
            return array_ops.identity(tensor, name=name)


def input_producer(input_tensor, element_shape=None, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None,
                   summary_name=None, name=None, cancel_op=None):
    """A queue of the rows of input_tensor.

    input_tensor   of rank 1 or more
    element_shape  of a row, if it does not follow from input_tensor's static shape; ValueError if neither tells
    num_epochs     how often each row comes before the queue is closed; None: without end
    shuffle        put the rows into another order each time, drawn with `seed`
    capacity       of the queue
    shared_name    under which sessions of a server share the queue
    summary_name   of a scalar summary, the part of the queue that is full; None: none
    cancel_op      for the QueueRunner, in place of the queue's own

    >>> queue = tf.train.input_producer(tf.constant([[1, 2], [3, 4]]), num_epochs=1, shuffle=False)
    >>> row = queue.dequeue()             # [1, 2], then [3, 4], then OutOfRangeError
    """
    with name_scope(name, "input_producer", [input_tensor]):
        input_tensor = convert_to_tensor(input_tensor, name="input_tensor")
        element_shape = input_tensor.get_shape()[1:].merge_with(element_shape)
        if not element_shape.is_fully_defined():
            raise ValueError("Either `input_tensor` must have a fully defined shape or `element_shape` must be specified; got "
                             f"{input_tensor}")
        if shuffle:
            input_tensor = random_ops.random_shuffle(input_tensor, seed=seed)
        input_tensor = limit_epochs(input_tensor, num_epochs)
        queue = FIFOQueue(capacity, [input_tensor.dtype.base_dtype], [element_shape], shared_name=shared_name, name=name)
        add_queue_runner(QueueRunner(queue, [queue.enqueue_many([input_tensor])], cancel_op=cancel_op))
        if summary_name is not None:
            summary_ops.scalar(summary_name, math_ops.cast(queue.size(), float32) * (1. / capacity))
        return queue


def string_input_producer(string_tensor, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None,
                          cancel_op=None):
    """A queue of the strings of a vector, such as names of files; the other arguments as for input_producer.

    ValueError for an empty list; an empty tensor is an InvalidArgumentError of the run.
    """
    if not isinstance(string_tensor, (Tensor, Variable)) and len(string_tensor) == 0:
        raise ValueError(NOTHING)
    with name_scope(name, "input_producer", [string_tensor]) as name:
        string_tensor = convert_to_tensor(string_tensor, dtype=string)
        with control_dependencies([logging_ops.Assert(logical_ops.greater(array_ops.size(string_tensor), 0), [NOTHING])]):
            string_tensor = array_ops.identity(string_tensor)
        return input_producer(string_tensor, [], num_epochs, shuffle, seed, capacity, shared_name, f"fraction_of_{capacity}_full", name,
                              cancel_op)


def range_input_producer(limit, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None):
    """A queue of the integers from 0 to limit - 1 (int32); the other arguments as for input_producer."""
    with name_scope(name, "input_producer", [limit]) as name:
        return input_producer(sequence_ops.range(limit), [], num_epochs, shuffle, seed, capacity, shared_name,
                              f"fraction_of_{capacity}_full", name)


def slice_input_producer(tensor_list, num_epochs=None, shuffle=True, seed=None, capacity=32, shared_name=None, name=None):
    """One row of each tensor, the same of all: a list of tensors that are another example each time they are computed.

    tensor_list   tensors of one first dimension; ValueError without one, and where static shapes tell that they differ
    The other arguments as for input_producer; it is the numbers of the rows that are queued.  OutOfRangeError in the run after num_epochs.

    >>> image, label = tf.train.slice_input_producer([images, labels], num_epochs=8)
    >>> images, labels = tf.train.batch([image, label], batch_size=100)
    """
    with name_scope(name, "input_producer", tensor_list):
        tensor_list = [convert_to_tensor(t) for t in tensor_list]
        if not tensor_list:
            raise ValueError("Expected at least one tensor in slice_input_producer().")
        rows = {t.get_shape()[0].value for t in tensor_list if t.get_shape().ndims is not None} - {None}
        if len(rows) > 1:
            raise ValueError(f"Every tensor in slice_input_producer() must have the same size in the first dimension, got {tensor_list}")
        count = array_ops.shape(tensor_list[0])[0]
        queue = range_input_producer(count, num_epochs, shuffle, seed, capacity, shared_name)
        row = queue.dequeue()
        return [gather_ops.gather(t, row) for t in tensor_list]
