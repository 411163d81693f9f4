"""The exercises of chapter 05, from warm-up to hard."""
ORDER = ["window_count", "receptive_field", "avg_pool", "batch_norm", "max_pool_grad", "image_gradient", "tile"]
