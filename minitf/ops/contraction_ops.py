"""Sums of products over any axes: tensordot and einsum, made of transpositions, reshapes and matmul."""
import re

from ..graph import convert_to_tensor, name_scope
from . import array_ops, matmul_ops, reduction_ops
from .apply import apply_op


def tensordot(a, b, axes, name=None):
    """The sum of products of a and b over some axes of each: what is left of a's axes, then of b's.

    axes  a number n: the last n of a and the first n of b; or two lists (or two numbers), of a's axes and of b's, in pairs
    Ranks must be known while the graph is built; ValueError otherwise, or if the lists differ in length.

    >>> tf.tensordot(tf.ones([2, 3, 4]), tf.ones([4, 3, 5]), [[1, 2], [1, 0]])         # [2, 5], each element 12
    """
    with name_scope(name, "Tensordot", [a, b, axes]) as name:
        a = convert_to_tensor(a, name="a")
        b = convert_to_tensor(b, dtype=a.dtype.base_dtype, name="b")
        rank_a, rank_b = a.get_shape().ndims, b.get_shape().ndims
        if rank_a is None or rank_b is None:
            raise ValueError("tensordot needs tensors of known rank; set_shape tells it")
        axes_a, axes_b = _pairs_of_axes(axes, rank_a, rank_b)
        free_a, free_b = ([i for i in range(rank) if i not in own] for rank, own in ((rank_a, axes_a), (rank_b, axes_b)))
        sizes_a, sizes_b = _sizes(a), _sizes(b)
        inner = _product(sizes_a[i] for i in axes_a)
        left = _arranged(a, free_a + axes_a, [_product(sizes_a[i] for i in free_a), inner])
        right = _arranged(b, axes_b + free_b, [_product(sizes_b[i] for i in axes_b), _product(sizes_b[i] for i in free_b)])
        result = matmul_ops.matmul(left, right)
        return _reshaped(result, [sizes_a[i] for i in free_a] + [sizes_b[i] for i in free_b], name)


def _pairs_of_axes(axes, rank_a, rank_b):
    if isinstance(axes, int):
        if axes < 0:
            raise ValueError("'axes' must be at least 0.")
        if axes > min(rank_a, rank_b):
            raise ValueError(f"'axes' must not be larger than the number of dimensions of tensors of rank {rank_a} and {rank_b}, got {axes}")
        return list(range(rank_a - axes, rank_a)), list(range(axes))
    if not isinstance(axes, (list, tuple)) or len(axes) != 2:
        raise ValueError(f"'axes' must be an integer or have length 2, got {axes!r}")
    both = []
    for own, rank in zip(axes, (rank_a, rank_b)):
        own = [own] if isinstance(own, int) else list(own)
        if any(not -rank <= i < rank for i in own):
            raise ValueError(f"'axes' {own} must lie in the range [{-rank}, {rank})")
        both.append([i % rank for i in own])
    if len(both[0]) != len(both[1]):
        raise ValueError(f"Different number of contraction axes 'a' and 'b', {len(both[0])} != {len(both[1])}.")
    return both


def einsum(equation, *inputs, **kwargs):
    """The sum of products that an equation like "ij,jk->ik" describes: each letter is an axis, those absent on the right are summed over.

    Without "->", the letters that appear once are left, in alphabetical order.  Operands are joined from the left, two at a time.
    Ranks must be known while the graph is built.  ValueError where a letter stands twice in one operand, for what the equation and the
    operands do not agree on, and for "...".

    >>> tf.einsum("bij,bjk->bik", tf.ones([5, 2, 3]), tf.ones([5, 3, 4]))      # as matmul: [5, 2, 4]
    """
    name = kwargs.pop("name", None)
    if kwargs:
        raise TypeError("invalid keyword arguments for this function: " + ", ".join(sorted(kwargs)))
    with name_scope(name, "einsum", [equation, inputs]) as name:
        terms, output = _parse(equation, len(inputs))
        tensors = [convert_to_tensor(v) for v in inputs]
        sizes = {}
        for labels, tensor in zip(terms, tensors):
            shape = tensor.get_shape()
            if shape.ndims is None:
                raise ValueError("einsum needs tensors of known rank; set_shape tells it")
            if shape.ndims != len(labels):
                raise ValueError(f"'{labels}' names {len(labels)} axes, but the operand has shape {shape}, in {equation!r}")
            for label, size, known in zip(labels, _sizes(tensor), shape.tuple):
                have = sizes.setdefault(label, size)
                if isinstance(have, int) and known is not None and have != known:
                    raise ValueError(f"Axis '{label}' of {equation!r} has the sizes {have} and {known}")
                if known is not None:
                    sizes[label] = known
        labels, result = terms[0], tensors[0]
        for i in range(1, len(terms)):
            wanted = set(output).union(*terms[i + 1:])
            labels, result = _joined(labels, result, terms[i], tensors[i], wanted, sizes)
        labels, result = _summed(labels, result, set(output))
        return array_ops.transpose(result, [labels.index(label) for label in output], name=name)


def _parse(equation, n_operands):
    """(the operands' letters, the output's letters) of an equation."""
    equation = equation.replace(" ", "")
    if "." in equation:
        raise ValueError(f"Subscripts '...' are not supported: {equation!r}")
    if not re.fullmatch(r"[a-zA-Z]*(,[a-zA-Z]*)*(->[a-zA-Z]*)?", equation):
        raise ValueError(f"Indices have incorrect format: {equation!r}")
    left, arrow, output = equation.partition("->")
    terms = left.split(",")
    if len(terms) != n_operands:
        raise ValueError(f"Got {n_operands} arguments for equation {equation!r}, expecting {len(terms)}")
    for labels in terms + [output]:
        if len(set(labels)) != len(labels):
            raise ValueError(f"Subscript not supported: an axis appears more than once in '{labels}' of {equation!r}")
    if not arrow:
        output = "".join(sorted(label for label in set(left) - {","} if left.count(label) == 1))
    missing = set(output) - set(left)
    if missing:
        raise ValueError(f"The axes {sorted(missing)} of the output appear in no operand of {equation!r}")
    return terms, output


def _joined(labels_a, a, labels_b, b, wanted, sizes):
    """(letters, tensor) of the product of two operands, summed over the letters that nobody wants any more."""
    labels_a, a = _summed(labels_a, a, wanted | set(labels_b))
    labels_b, b = _summed(labels_b, b, wanted | set(labels_a))
    shared = [label for label in labels_a if label in labels_b]
    batch, inner = [label for label in shared if label in wanted], [label for label in shared if label not in wanted]
    free_a, free_b = [label for label in labels_a if label not in shared], [label for label in labels_b if label not in shared]
    outer = [sizes[label] for label in batch]
    rows, depth, columns = (_product(sizes[label] for label in some) for some in (free_a, inner, free_b))
    left = _arranged(a, [labels_a.index(label) for label in batch + free_a + inner], outer + [rows, depth])
    right = _arranged(b, [labels_b.index(label) for label in batch + inner + free_b], outer + [depth, columns])
    result = _reshaped(matmul_ops.matmul(left, right), outer + [sizes[label] for label in free_a + free_b])
    return "".join(batch + free_a + free_b), result


def _summed(labels, x, wanted):
    """(letters, tensor) without the axes that nobody wants."""
    axes = [i for i, label in enumerate(labels) if label not in wanted]
    if not axes:
        return labels, x
    return "".join(label for label in labels if label in wanted), reduction_ops.reduce_sum(x, axes)


def _sizes(x):
    """The sizes of x: ints where they are known, else scalar tensors."""
    dims = x.get_shape().tuple
    run_time = array_ops.shape(x) if None in dims else None
    return [run_time[i] if d is None else d for i, d in enumerate(dims)]


def _product(sizes):
    """The product of ints and scalar tensors; an int as long as it can be."""
    known, rest = 1, None
    for size in sizes:
        if isinstance(size, int):
            known *= size
        else:
            rest = size if rest is None else rest * size
    return known if rest is None else rest if known == 1 else rest * known


def _arranged(x, perm, sizes):
    """x with its axes in another order and then in another shape, by as few ops as that takes."""
    if perm != list(range(len(perm))):
        x = array_ops.transpose(x, perm)
    return _reshaped(x, sizes)


def _reshaped(x, sizes, name=None):
    if all(isinstance(size, int) for size in sizes) and list(x.get_shape().tuple) == sizes:
        return x if name is None else apply_op("Identity", x, name=name)
    return array_ops.reshape(x, sizes, name=name)
