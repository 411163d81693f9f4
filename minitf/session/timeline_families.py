"""Families of ops: a step's instructions in a few colours that can be told apart, by those too who see red and green alike."""
import re

from ..kernels.cpu.elementwise import program_of

# Tints of Okabe and Ito's colours, dark enough for a bar of one pixel and light enough for a name in black.
FAMILIES = {
    "products": "#5fa8d8", "element-wise": "#4fb896", "reductions": "#eda63a", "moving data": "#b9a7e0", "variables": "#e2875a",
    "control flow": "#d59bbd", "queues and files": "#b5c95a", "transfers": "#59636d", "other": "#b4bbc1",
}

# Tried from top to bottom; the first that an op's type begins with.
_PATTERNS = [(family, re.compile(pattern)) for family, pattern in (
    ("transfers", "Send$|Recv$"),
    ("products", "(Batch|Sparse)?MatMul|(Depthwise)?Conv|SparseTensorDenseMatMul|LSTMBlock|MatrixInverse|MatrixSolve|MatrixTriang|"
                 "MatrixDet|LogMatrixDet|Cholesky|Qr$|Svd|SelfAdjoint|(Batch)?I?FFT"),
    ("queues and files", ".*Queue|.*Accumulator|.*Summary|Save|Restore|Decode|Encode|ReadFile|WriteFile|"
                         "MatchingFiles|.*Reader|Print|Assert|PyFunc"),
    ("variables", "Assign|(Resource|Sparse)?Apply|Scatter(Nd)?(Add|Sub|Mul|Div|Min|Max|Update)|ReadVariable|Variable|CountUpTo|IsVariable"),
    ("control flow", "(Stateless)?(If|While)$|History|NoHistory|NoOp"),
    ("reductions", "(Sum|Mean|Max|Min|Prod|All|Any)$|Arg(Max|Min)|(Log)?Softmax|.*CrossEntropy|BiasAddGrad|L2Loss|(Max|Avg)Pool|LRN|"
                   "FusedBatchNorm|(Sparse|Unsorted)?Segment|TopK|InTopK|Cum(sum|prod)|Bincount|Histogram"),
    ("moving data", "Concat|(Strided)?Slice|Pack|Unpack|Split|Transpose|Reshape|Tile|Gather|ScatterNd|Pad|MirrorPad|Reverse|"
                    "Dynamic(Partition|Stitch)|Broadcast|ExpandDims|Squeeze|(Space|Batch|Depth)To|Identity|OneHot|Fill|Range|Shape|"
                    "Size|Rank|Where|Diag|Matrix(Diag|Band|SetDiag)|Unique|ListDiff|SparseToDense|SparseReorder|Bitcast|Resize|"
                    "InvertPermutation"),
    ("element-wise", "Fused|AddN|BiasAdd|Cast|Relu|CheckNumerics"),
)]


def family_of(stats):
    """The family of an instruction's NodeExecStats: a key of FAMILIES."""
    for family, pattern in _PATTERNS:
        if pattern.match(stats.op):
            return family
    return "element-wise" if program_of(stats.op, len(stats.inputs)) is not None else "other"
