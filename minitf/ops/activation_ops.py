"""Activation functions beyond relu and softplus."""
from ..core.registry import register_op
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .shape_fns import FLOAT, NUMBER, same_shape, unchanged
from .slice_ops import concat

for _name, _types, _second in (("Relu6", NUMBER, "features"), ("Elu", FLOAT, "outputs"), ("Selu", FLOAT, "outputs"), ("Softsign", FLOAT, "features")):
    register_op(_name, ["features: T"], ["activations: T"], [f"T: {_types}"])(unchanged)
    register_op(_name + "Grad", ["gradients: T", f"{_second}: T"], ["backprops: T"], [f"T: {_types}"])(same_shape)


def relu6(features, name=None):
    """min(max(features, 0), 6) (Krizhevsky, 2010)."""
    return apply_op("Relu6", features, name=name)


def elu(features, name=None):
    """exp(features) - 1 where they are negative, features elsewhere (Clevert, Unterthiner and Hochreiter, 2016)."""
    return apply_op("Elu", features, name=name)


def selu(features, name=None):
    """scale * (alpha * (exp(features) - 1) where they are negative, features elsewhere), with which layers keep mean 0 and variance 1.

    scale = 1.0507..., alpha = 1.6732... (Klambauer, Unterthiner, Mayr and Hochreiter, 2017).
    """
    return apply_op("Selu", features, name=name)


def softsign(features, name=None):
    """features / (1 + |features|)"""
    return apply_op("Softsign", features, name=name)


def leaky_relu(features, alpha=0.2, name=None):
    """alpha * features where they are negative, features elsewhere, for alpha below 1 (Maas, Hannun and Ng, 2013)."""
    with name_scope(name, "LeakyRelu", [features, alpha]) as name:
        features = convert_to_tensor(features, name="features")
        if features.dtype.is_integer:
            features = apply_op("Cast", features, DstT="float32")
        return apply_op("Maximum", apply_op("Mul", features, alpha), features, name=name)


def crelu(features, name=None, axis=-1):
    """relu of features and of -features, joined along `axis`, which gets twice as long (Shang, Sohn, Almeida and Lee, 2016)."""
    with name_scope(name, "CRelu", [features]) as name:
        features = convert_to_tensor(features, name="features")
        return apply_op("Relu", concat([features, apply_op("Neg", features)], axis), name=name)
