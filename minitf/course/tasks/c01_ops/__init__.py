"""The tasks of the chapter, in the order in which they are meant to be done."""
ORDER = ["softplus", "reduction_shape", "log_softmax", "concat_shape", "accurate_sum", "packed_product"]
