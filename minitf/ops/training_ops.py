"""The optimizers' ops: Apply* changes a variable and its slots with a gradient, SparseApply* those rows that `indices` name.

The formulas stand beside the kernels, in kernels/cpu/train_*.pyx.  There are no public functions: tf.train has the optimizers.
"""
from ..core.registry import register_op
from .shape_fns import FLOAT, INDEX, merge_dims, merge_shapes, show, with_rank

# op -> the variable's slots, then hyper-parameters and the gradient; further attributes
UPDATES = {
    "ApplyMomentum": (("accum",), "lr grad momentum", ["use_nesterov: bool = False"]),
    "ApplyAdagrad": (("accum",), "lr grad", ["update_slots: bool = True"]),
    "ApplyRMSProp": (("ms", "mom"), "lr rho momentum epsilon grad", []),
    "ApplyCenteredRMSProp": (("mg", "ms", "mom"), "lr rho momentum epsilon grad", []),
    "ApplyAdadelta": (("accum", "accum_update"), "lr rho epsilon grad", []),
    "ApplyFtrl": (("accum", "linear"), "grad lr l1 l2 lr_power", []),
    "ApplyFtrlV2": (("accum", "linear"), "grad lr l1 l2 l2_shrinkage lr_power", []),
    "ApplyProximalGradientDescent": ((), "alpha l1 l2 delta", []),
    "ApplyProximalAdagrad": (("accum",), "lr l1 l2 grad", []),
    "ApplyAdagradDA": (("gradient_accumulator", "gradient_squared_accumulator"), "grad lr l1 l2 global_step", []),
}


def update_shape(n_states, grad, sparse):
    """The shape function of an op whose first n_states inputs are refs of one shape and whose input `grad` is the gradient."""
    def shape(c):
        result = c.inputs[0]
        for i in range(1, n_states):
            result = result.merge_with(merge_shapes(c, 0, i))
        for i in range(n_states, len(c.inputs)):
            if i != grad and not (sparse and i == grad + 1):
                with_rank(c, i, 0)
        if not sparse:
            return [result.merge_with(merge_shapes(c, 0, grad))]
        rows = c.inputs[grad]
        indices = with_rank(c, grad + 1, 1)
        if 0 in (result.ndims, rows.ndims) or not result[1:].is_compatible_with(rows[1:]):
            raise ValueError(f"The gradient's rows must have the shape of the variable's, got var: {show(result)}, grad: {show(rows)}")
        merge_dims(c, indices[0], rows[0].value, grad + 1, grad)
        return [result]
    return shape


def _register(name, slots, others, attrs, prefixes=("", "Sparse")):
    others = others.split()
    for prefix in prefixes:
        names = [n if n != "delta" or not prefix else "grad" for n in others]
        grad = names.index("delta" if "delta" in names else "grad")
        inputs = ["var: Ref(T)"] + [f"{slot}: Ref(T)" for slot in slots]
        inputs += [f"{n}: {'int64' if n == 'global_step' else 'T'}" for n in names]
        if prefix:
            inputs.insert(1 + len(slots) + grad + 1, "indices: Tindices")
        register_op(prefix + name, inputs, ["out: Ref(T)"],
                    [f"T: {FLOAT}", *([f"Tindices: {INDEX}"] if prefix else []), "use_locking: bool = False", *attrs],
                    is_stateful=True)(update_shape(1 + len(slots), 1 + len(slots) + grad, bool(prefix)))


for _name, (_slots, _others, _attrs) in UPDATES.items():
    _register(_name, _slots, _others, _attrs)
_register("ApplyAdam", ("m", "v"), "beta1_power beta2_power lr beta1 beta2 epsilon grad", [], ["Sparse"])     # the dense one: state_ops.py
