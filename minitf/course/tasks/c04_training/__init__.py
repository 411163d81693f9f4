"""The exercises of chapter 04, from warm-up to hard."""
ORDER = ["staircase", "fans", "clip", "duplicates", "moving_average", "lazy_adam", "aside"]
