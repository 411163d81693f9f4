"""What holds of every op type there is: a kernel for every dtype it allows, a gradient or a word that there is none, and its place in the wire form."""
import itertools

import pytest

import minitf as tf
from minitf.core import registry

# Ops that no kernel computes: the session replaces them, or they are data.
WITHOUT_KERNEL = {"Const", "Placeholder", "Argument", "RefArgument"}
OPS = [name for name in registry.op_types() if not name.startswith("_") and registry.op_def(name).shape_fn.__module__.startswith("minitf.")]


def combinations(definition):
    """Every choice of the attributes that are sets, with a stand-in for those that are not."""
    choices = {}
    for name, attr in definition.attrs.items():
        if attr.allowed is not None:
            choices[name] = attr.allowed
        elif attr.type == "type":
            choices[name] = [tf.float32, tf.float64, tf.int32, tf.int64, tf.bool]
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values))


@pytest.mark.parametrize("name", OPS)
def test_a_kernel_for_every_dtype_it_allows(name):
    definition = registry.op_def(name)
    if name in WITHOUT_KERNEL or registry.is_resource(name):
        assert not registry.kernels_of(name)
        return
    missing = [{k: getattr(v, "name", v) for k, v in attrs.items()} for attrs in combinations(definition) if registry.find_kernel(name, attrs) is None]
    assert not missing


@pytest.mark.parametrize("name", OPS)
def test_a_gradient_or_a_word_that_there_is_none(name):
    registry.gradient_of(name)
