"""Products of an unrolled network: fewer and larger ones.

A matrix that is used at every step t has the gradient sum over t of a_t' b_t, as autodiff writes it: as many products of a few rows
each as there are steps, every one as large as the matrix, and an AddN that reads them all.  But a sum of products is one product:

    a_1' b_1 + a_2' b_2 + ...  =  [a_1; a_2; ...]' [b_1; b_2; ...]        (the rows one below the other)

which is computed once, out of registers, and stored once.  For 50 steps of an LSTM of 128 units the sum is 26 MB of products; its
operands are 7.5 MB.  (As cuDNN and PyTorch do it inside their LSTM of all steps: Appleyard and others, arXiv 1604.01946, section 3.2.)

The rows stay where they are where the sum is small enough for a cache (_MatMulSum, kernels/cpu/matmul_sums.pyx).  Elsewhere, and where
other sides are turned, they are stacked first.

And x w', for many x and one w, is cheaper with w turned once.
"""
import numpy as np

from ..core.devices import device_type_of
from ..core.dtypes import float32, float64, int32
from ..core.registry import find_kernel
from ..graph.program import Node
from ..kernels.cpu.matmul import MatMul
from .optimise import uses_of
from .specialise import is_known

FEWEST = 3                    # products with the same right side for which it is turned once
NEAR = 2 << 20                # bytes of a sum that stays in the L2 cache
MOST_ROWS = 256               # of x: a product of more rows is so long that turning w does not show


def stack_products(nodes, kept):
    """The nodes, with sums of products in AddN made one product of stacked operands where that moves fewer bytes.

    kept: pairs (node, output number) that must exist after the run.
    """
    adders = [n for n in nodes if n.type == "AddN" and n.values is None]
    if not adders:
        return nodes
    uses = uses_of(nodes)
    before, stacks = {}, {}
    for adder in adders:
        groups = {}
        for pair in adder.inputs:
            product = pair[0]
            if product.type == "MatMul" and uses[pair] == 1 and pair not in kept and _is_thin(product, adder.level):
                groups.setdefault(_sides(product), []).append(product)
        for (turned_a, turned_b), products in groups.items():
            if len(products) < 2:
                continue
            made = before.setdefault(adder, [])
            left, right = [p.inputs[0] for p in products], [p.inputs[1] for p in products]
            if _is_added_in_place(products[0]):
                type, attrs, inputs = "_MatMulSum", {"N": len(products), "T": products[0].dtypes[0], "products": [p.name for p in products]}, left + right
            else:
                type, attrs = "MatMul", products[-1].attrs
                inputs = [_stack(left, 0 if turned_a else 1, adder, stacks, made), _stack(right, 1 if turned_b else 0, adder, stacks, made)]
            if len(products) == len(adder.inputs):                      # the product takes the sum's place
                adder.type, adder.attrs, adder.inputs = type, attrs, inputs
                continue
            whole = Node(f"{adder.name}/stacked", type, attrs, inputs, [], adder.device, products[-1].op, list(adder.dtypes), list(adder.shapes))
            whole.level = adder.level
            gone = set(products)
            adder.inputs = [pair for pair in adder.inputs if pair[0] not in gone] + [(whole, 0)]
            made.append(whole)
    return _with(nodes, before)


def turn_once(nodes):
    """The nodes, with x w' written as x times a transposed copy of w where several products have the same w."""
    turned = {}
    for node in nodes:
        if node.type == "MatMul" and node.values is None and node.attrs.get("transpose_b") and not node.attrs.get("transpose_a") \
                and is_known(node.shapes[0]) and 0 < node.shapes[0][0] <= MOST_ROWS and node.dtypes[0].is_floating:
            turned.setdefault((node.inputs[1], node.level), []).append(node)
    before = {}
    for ((source, index), level), products in turned.items():
        if len(products) < FEWEST or source.values is not None or not is_known(source.shapes[index]):
            continue
        first = products[0]
        copy = Node(f"{source.name}/turned", "Transpose", {"T": first.dtypes[0], "Tperm": int32}, [(source, index), _constant([1, 0], first.device)],
                    [], first.device, first.op, [first.dtypes[0]], [source.shapes[index][::-1]])
        copy.level = level
        before[first] = [copy]
        for product in products:
            product.inputs = [product.inputs[0], (copy, 0)]
            product.attrs = {**product.attrs, "transpose_b": False}
    return _with(nodes, before)


def _is_added_in_place(product):
    (m, n), dtype = product.shapes[0], product.dtypes[0]
    kernel_def = find_kernel("MatMul", product.attrs, device_type_of(product.device))      # another device's or a user's kernel must be called
    return _sides(product) == (True, False) and dtype in (float32, float64) and m * n * dtype.size <= NEAR and \
        kernel_def is not None and kernel_def.kernel is MatMul


def _sides(product):
    return bool(product.attrs.get("transpose_a")), bool(product.attrs.get("transpose_b"))


def _is_thin(product, level):
    """Whether the product is larger than its operands, and may move to where it is added."""
    (a, i), (b, j) = product.inputs
    if product.controls or product.values is not None or product.level != level or not all(map(is_known, (a.shapes[i], b.shapes[j], product.shapes[0]))):
        return False
    return np.prod(a.shapes[i]) + np.prod(b.shapes[j]) <= np.prod(product.shapes[0])


def _stack(pairs, axis, adder, stacks, made):
    """The pair that holds these matrices one behind the other along `axis`; the same for the same matrices."""
    key = tuple(pairs), axis, adder.level
    if key not in stacks:
        shapes = [n.shapes[i] for n, i in pairs]
        shape = tuple(sum(s[axis] for s in shapes) if d == axis else shapes[0][d] for d in range(2))
        dtype = pairs[0][0].dtypes[pairs[0][1]].base_dtype
        stack = Node(f"{adder.name}/rows" if axis == 0 else f"{adder.name}/columns", "ConcatV2", {"N": len(pairs), "T": dtype},
                     [*pairs, _constant(axis, adder.device)], [], adder.device, adder.op, [dtype], [shape])
        stack.level = adder.level
        stacks[key] = stack
        made.append(stack)
    return stacks[key], 0


def _constant(value, device):
    array = np.asarray(value, np.int32)
    node = Node("axes", "Const", {"value": array}, [], [], device, None, [int32], [array.shape])
    node.values = [array]
    return node, 0


def _with(nodes, before):
    """The nodes, each with what was made for it in front of it."""
    return [n for node in nodes for n in (*before.get(node, ()), node)] if before else nodes
