"""The exercises of chapter 08, from warm-up to really hard."""
ORDER = ["meet", "learn", "urgent", "late", "circle", "rendezvous", "room"]
