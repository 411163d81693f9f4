"""Gradient descent and the updates that scale it by what past gradients were: momentum, Adagrad, RMSProp, Adadelta.  See train_ops.cu."""
from .slot_update import register_update

SOURCE = "train_ops.cu"

register_update("ApplyGradientDescent", SOURCE, "gradient_descent", 1, "var alpha delta", prefixes=[""])
register_update("ApplyMomentum", SOURCE, "momentum", 2, "var accum lr grad momentum", lambda call: [call.attrs.get("use_nesterov", False)])
register_update("ApplyAdagrad", SOURCE, "adagrad", 2, "var accum lr grad", lambda call: [call.attrs.get("update_slots", True)])
register_update("ApplyRMSProp", SOURCE, "rmsprop", 3, "var ms mom lr rho momentum epsilon grad")
register_update("ApplyCenteredRMSProp", SOURCE, "centered_rmsprop", 4, "var mg ms mom lr rho momentum epsilon grad")
register_update("ApplyAdadelta", SOURCE, "adadelta", 3, "var accum accum_update lr rho epsilon grad")
