"""Nested structures of tensors: lists, tuples, named tuples and dicts, flattened and put together again.

A dict's values come in the order of its sorted keys.
"""


def flatten(structure):
    """The leaves, in order; what is no list, tuple or dict is a leaf itself."""
    children = _children(structure)
    return [structure] if children is None else [leaf for child in children for leaf in flatten(child)]


def pack(structure, leaves):
    """The structure with other leaves, as many as it has."""
    leaves = iter(leaves)
    return _pack(structure, leaves)


def same_structure(a, b):
    """Whether two structures differ in their leaves alone; a list and a tuple are not the same."""
    one, other = _children(a), _children(b)
    if one is None or other is None:
        return one is other
    if type(a) is not type(b) or len(one) != len(other) or isinstance(a, dict) and sorted(a) != sorted(b):
        return False
    return all(map(same_structure, one, other))


def _children(structure):
    if isinstance(structure, dict):
        return [structure[key] for key in sorted(structure)]
    return list(structure) if isinstance(structure, (list, tuple)) else None


def _pack(structure, leaves):
    if isinstance(structure, dict):
        values = {key: _pack(structure[key], leaves) for key in sorted(structure)}
        return type(structure)((key, values[key]) for key in structure)
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*[_pack(child, leaves) for child in structure])
    if isinstance(structure, (list, tuple)):
        return type(structure)([_pack(child, leaves) for child in structure])
    return next(leaves)
