"""The tasks of the chapter, in the order in which they are meant to be done."""
ORDER = ["unique_name", "live_maximum", "topological", "flatten", "unordered_writes", "merge_equal", "assign_offsets"]
