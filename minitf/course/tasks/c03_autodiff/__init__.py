"""The exercises of chapter 03, from warm-up to hard."""
ORDER = ["rsqrt", "gather", "checker", "stretched_axes", "standardize", "aggregate", "paths"]
