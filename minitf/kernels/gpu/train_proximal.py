"""The updates for a loss with l1 |w| + l2 w^2: FTRL-Proximal, the proximal step, dual averaging.  See ftrl.cu and proximal.cu."""
from .slot_update import register_update

LR = "lr is not a positive scalar: {float}"
L1 = "l1 regularization strength is not a non-negative scalar: {float}"
L2 = "l2 regularization strength is not a non-negative scalar: {float}"
SHRINKAGE = "l2 shrinkage regularization strength is not a non-negative scalar: {float}"
POWER = "lr_power is not a non-positive scalar: {float}"


def flags(*messages):
    """A function that gives a call's update a flag for each message."""
    return lambda call: [call.flag(message) for message in messages]


register_update("ApplyFtrl", "ftrl.cu", "ftrl", 3, "var accum linear grad lr l1 l2 lr_power", flags(LR, L1, L2, POWER))
register_update("ApplyFtrlV2", "ftrl.cu", "ftrl_v2", 3, "var accum linear grad lr l1 l2 l2_shrinkage lr_power",
                flags(LR, L1, L2, SHRINKAGE, POWER))
register_update("ApplyProximalGradientDescent", "proximal.cu", "proximal", 1, "var alpha l1 l2 delta", flags(L1, L2))
register_update("ApplyProximalAdagrad", "proximal.cu", "proximal_adagrad", 2, "var accum lr l1 l2 grad", flags(LR, L1, L2))
register_update("ApplyAdagradDA", "proximal.cu", "adagrad_da", 3,
                "var gradient_accumulator gradient_squared_accumulator grad lr l1 l2 global_step")
