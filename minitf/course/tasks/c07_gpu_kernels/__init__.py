"""The exercises of chapter 07, from warm-up to hard."""
ORDER = ["grid", "saxpy", "transpose", "row_max", "softmax_rows", "matmul_tile"]
