"""The exercises of chapter 06, from warm-up to really hard."""
ORDER = ["bits", "lengths", "gru", "peepholes", "backwards", "sample", "streams", "cell_gradient"]
