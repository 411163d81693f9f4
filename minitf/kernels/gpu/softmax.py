"""Softmax, its logarithm and its losses, and InTopK: row by row, along the last axis."""
import numpy as np

from ...core.dtypes import int32, int64
from ...core.errors import InvalidArgumentError
from .call import FLOATS, register_gpu_kernel, typed
from .teams import team_for


@register_gpu_kernel("Softmax", source="softmax.cu", in_place=True, T=FLOATS)
def softmax(call):
    _map("softmax", call)


@register_gpu_kernel("LogSoftmax", source="softmax.cu", in_place=True, T=FLOATS)
def log_softmax(call):
    _map("log_softmax", call)


def _map(name, call):
    x, y = call.inputs[0], call.outputs[0]
    n = x.shape[-1] if x.shape else 1
    rows = x.size // max(1, n)
    team = team_for(rows, n)
    call.launch(typed(f"{name}_{team.name}", x.dtype), team.blocks, team.threads, x, y, rows, n, team.lanes)


@register_gpu_kernel("SoftmaxCrossEntropyWithLogits", source="cross_entropy.cu", T=FLOATS)
def cross_entropy(call):
    """features, labels [rows, classes] -> loss [rows], backprop [rows, classes]."""
    x, labels = call.inputs
    loss, grad = call.outputs
    rows, n = x.shape
    team = team_for(rows, n)
    call.launch(typed(f"cross_entropy_{team.name}", x.dtype), team.blocks, team.threads, x, labels, loss, grad, rows, n, team.lanes)


@register_gpu_kernel("SparseSoftmaxCrossEntropyWithLogits", source="cross_entropy.cu", T=FLOATS)
def sparse_cross_entropy(call):
    """features [rows, classes], labels [rows] -> loss [rows], backprop [rows, classes]; InvalidArgumentError if a label is no class."""
    x, labels = call.inputs
    loss, grad = call.outputs
    rows, n = x.shape
    if n == 0:
        raise InvalidArgumentError(None, None, f"Must have at least one class, but got logits shape {list(x.shape)}")
    team = team_for(rows, n)
    flag = call.flag(f"Received a label value of {{value}} which is outside the valid range of [0, {n}).")
    name = typed(f"{typed('sparse_cross_entropy', labels.dtype)}_{team.name}", x.dtype)
    call.launch(name, team.blocks, team.threads, x, labels, loss, grad, rows, n, team.lanes, flag)


@register_gpu_kernel("InTopK", source="in_top_k.cu", T=[int32, int64])
def in_top_k(call):
    """predictions float32 [rows, classes], targets [rows] -> bool [rows]."""
    x, targets = call.inputs
    rows, n = x.shape
    team = team_for(rows, n)
    call.launch(typed(f"in_top_k_{team.name}", targets.dtype), team.blocks, team.threads, x, targets, call.outputs[0], rows, n,
                np.int64(call.attrs["k"]), team.lanes)
