"""Gradients of reversal, of gathering and scattering by coordinates, and of parts put together."""
from ..core.registry import not_differentiable, register_gradient
from ..graph import convert_to_tensor
from ..ops import array_ops, gather_ops, math_ops, nd_ops, parts_ops, reverse_ops, sequence_ops
from ..ops.apply import apply_op
from .broadcasting import shape_of

for _op_type in ("ListDiff", "UniqueWithCounts", "BroadcastArgs", "Bitcast"):
    not_differentiable(_op_type)


@register_gradient("ReverseV2")
def _reverse(op, grad):
    return reverse_ops.reverse(grad, op.inputs[1]), None


@register_gradient("ReverseSequence")
def _reverse_sequence(op, grad):
    return apply_op("ReverseSequence", grad, op.inputs[1], seq_dim=op.attrs["seq_dim"], batch_dim=op.attrs["batch_dim"]), None


@register_gradient("GatherNd")
def _gather_nd(op, grad):
    params, indices = op.inputs
    shape = math_ops.cast(convert_to_tensor(shape_of(params)), indices.dtype.base_dtype)
    return nd_ops.scatter_nd(indices, grad, shape), None


@register_gradient("ScatterNd")
def _scatter_nd(op, grad):
    return None, nd_ops.gather_nd(grad, op.inputs[0]), None


@register_gradient("DynamicPartition")
def _dynamic_partition(op, *grads):
    """Each slice's gradient goes back to where the slice stood: the numbers of the places are partitioned alike."""
    data, partitions = op.inputs
    places = array_ops.reshape(sequence_ops.range(array_ops.size(partitions)), array_ops.shape(partitions))
    parts = parts_ops.dynamic_partition(places, partitions, op.attrs["num_partitions"])
    return array_ops.reshape(parts_ops.dynamic_stitch(parts, list(grads)), shape_of(data)), None


@register_gradient("DynamicStitch")
def _dynamic_stitch(op, grad):
    """As in TensorFlow, of slices put at one place each gets the gradient, though the last alone was kept."""
    n = op.attrs["N"]
    return [None] * n + [gather_ops.gather(grad, indices) for indices in op.inputs[:n]]
