"""Clipping all gradients together (3 points)

Write `clip_by_global_norm`: a list of gradients, all scaled by the same factor, so that their global norm is at most clip_norm.  The global
norm is the length of all their elements put into one long vector; tf.global_norm(t_list) gives it.

    t_list      a list or tuple of tensors, IndexedSlices, and None where there is no gradient; float32, or float64
    clip_norm   a positive number or scalar tensor
    use_norm    a norm that is known already (a scalar tensor), taken in place of the global one
    returns     (clipped, norm): a list of the same length, and the norm before clipping as a tensor
    TypeError   "t_list should be a sequence" if it is no list or tuple (the lines that are there see to it)

Each tensor is multiplied by  clip_norm / max(norm, clip_norm): by 1 where nothing is to be done.  Of IndexedSlices the values are scaled,
and they stay IndexedSlices with their indices and dense_shape.  None stays None.  A norm that is infinite or NaN says that the step has
gone wrong: then every element of every tensor, and every value of IndexedSlices, becomes NaN, so that nobody trains on without noticing.

Example: [3.0], None, [4.0] have norm 5.  With clip_norm 2.5 the factor is 2.5 / 5, and the result [1.5], None, [2.0].  With clip_norm 10
nothing changes.

Replaces minitf.ops.clip_ops.clip_by_global_norm.     make grade CH=04
"""
import minitf as tf


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(clipped tensors, norm)"""
    if not isinstance(t_list, (list, tuple)):
        raise TypeError("t_list should be a sequence")
    with tf.name_scope(name, "clip_by_global_norm"):
        norm = tf.global_norm(t_list) if use_norm is None else tf.convert_to_tensor(use_norm)
        dtype = norm.dtype.base_dtype
        clip_norm = tf.constant(clip_norm, dtype) if isinstance(clip_norm, (int, float)) else tf.cast(clip_norm, dtype)
        raise NotImplementedError("write this")
