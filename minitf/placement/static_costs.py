"""What an op costs, guessed from its type and shapes: multiply-adds of products and convolutions, bytes of everything else.

    work = operations(node)            (multiply-adds, bytes that are read and written), or None where a shape is not known
"""
import math

from ..core.errors import OpError
from ..core.registry import is_resource, op_def

ITERATIONS = 10               # that a loop is taken to make: nothing tells before it has run
NO_WORK = ("Const", "_ReadVariable", "_Feed", "_Import", "NoOp", "Identity", "StopGradient", "Placeholder", "PlaceholderWithDefault")


def is_free(node):
    """Whether nothing is computed: constants, variables and their snapshots, feeds, what only passes on or renames its input."""
    return node.values is not None or node.type in NO_WORK or is_resource(node.type) or node.type[0] != "_" and op_def(node.type).is_alias


def operations(node):
    """(multiply-adds, bytes read and written) of a node; None where a shape is not known."""
    inputs = [n.shapes[i] for n, i in node.inputs]
    if any(shape is None or None in shape for shape in (*inputs, *node.shapes)):
        return None
    if "_bodies" in node.attrs:
        return _of_bodies(node)
    dtypes = [*(n.dtypes[i] for n, i in node.inputs), *node.dtypes]
    nbytes = sum(math.prod(shape) * dtype.size for shape, dtype in zip((*inputs, *node.shapes), dtypes) if not dtype.is_ref_dtype)
    count = _COUNTS.get(node.type)
    return (count(node, inputs) if count is not None else 0), nbytes


def _of_bodies(node):
    """Of the dearer branch, or of some iterations of a loop; None if a body has an op whose shapes are not known."""
    costs = []
    for body in node.attrs["_bodies"]:
        try:
            nodes, _ = body.nodes(tuple([a.shape for a in body.arguments]), False)
        except OpError:
            return None
        inside = [operations(n) for n in nodes if not is_free(n)]
        if None in inside:
            return None
        costs.append((sum(count for count, _ in inside), sum(nbytes for _, nbytes in inside)))
    if "then_branch" in node.attrs:
        return max(costs)
    return ITERATIONS * sum(count for count, _ in costs), ITERATIONS * sum(nbytes for _, nbytes in costs)


def nbytes_of(node, index):
    """Bytes of an output; None where its shape is not known.  A control edge (index None) has none."""
    if index is None:
        return 0
    shape = node.shapes[index]
    return None if shape is None or None in shape else math.prod(shape) * node.dtypes[index].size


def _product(node, inputs):
    """Each element of the result is as long a sum as the inner dimension."""
    a = inputs[0]
    return math.prod(node.shapes[0]) * (a[-2] if node.attrs.get("transpose_a") or node.attrs.get("adj_x") else a[-1]) if len(a) > 1 else 0


def _convolution(filter_, outputs):
    """outputs: the shape of the convolution's result, in whichever direction it is run: each element sums a window of all input channels."""
    return math.prod(outputs) * math.prod(filter_[:3])


def _depthwise(filter_, outputs):
    return math.prod(outputs) * filter_[0] * filter_[1]


def _cell(node, inputs):
    """x and h times the weights of four gates."""
    return inputs[0][0] * math.prod(inputs[3])


def _solver(node, inputs):
    """Factorisations and inverses of n x n matrices: n^3, for each of a batch."""
    return math.prod(inputs[0]) * inputs[0][-1] if inputs[0] else 0


_COUNTS = {
    "MatMul": _product,
    "BatchMatMul": _product,
    "Conv2D": lambda n, s: _convolution(s[1], n.shapes[0]),
    "Conv2DBackpropInput": lambda n, s: _convolution(s[1], s[2]),
    "Conv2DBackpropFilter": lambda n, s: _convolution(n.shapes[0], s[2]),
    "DepthwiseConv2dNative": lambda n, s: _depthwise(s[1], n.shapes[0]),
    "DepthwiseConv2dNativeBackpropInput": lambda n, s: _depthwise(s[1], s[2]),
    "DepthwiseConv2dNativeBackpropFilter": lambda n, s: _depthwise(n.shapes[0], s[2]),
    "LSTMBlockCell": _cell,
    "LSTMBlockCellGrad": lambda n, s: 16 * math.prod(s[1]),          # element-wise: its products are ops of their own
    "SparseTensorDenseMatMul": lambda n, s: s[0][0] * n.shapes[0][1],
    **dict.fromkeys(("MatrixInverse", "Cholesky", "MatrixDeterminant", "LogMatrixDeterminant", "MatrixSolve", "MatrixTriangularSolve", "SelfAdjointEigV2",
                     "Svd", "Qr"), _solver),
}
