"""The course's own tools: grading, hints, swap-in of the reader's code, pictures for the notebooks."""
