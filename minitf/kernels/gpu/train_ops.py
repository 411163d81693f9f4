"""Gradient descent and the updates that scale it by what past gradients were: momentum, Adagrad, RMSProp, Adadelta.

The .cu files have the formulas.
"""
from .slot_update import register_update

register_update("ApplyGradientDescent", "gradient_descent.cu", "gradient_descent", 1, "var alpha delta", prefixes=[""])
register_update("ApplyMomentum", "momentum.cu", "momentum", 2, "var accum lr grad momentum",
                lambda call: [call.attrs.get("use_nesterov", False)])
register_update("ApplyAdagrad", "adagrad.cu", "adagrad", 2, "var accum lr grad", lambda call: [call.attrs.get("update_slots", True)])
register_update("ApplyRMSProp", "rmsprop.cu", "rmsprop", 3, "var ms mom lr rho momentum epsilon grad")
register_update("ApplyCenteredRMSProp", "rmsprop.cu", "centered_rmsprop", 4, "var mg ms mom lr rho momentum epsilon grad")
register_update("ApplyAdadelta", "adadelta.cu", "adadelta", 3, "var accum accum_update lr rho epsilon grad")
