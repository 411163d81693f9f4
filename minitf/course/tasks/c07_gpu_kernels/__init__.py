"""The exercises of chapter 07, from warm-up to hard."""
ORDER = ["saxpy", "transpose"]
