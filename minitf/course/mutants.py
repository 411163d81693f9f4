"""Mutants: wrong solutions, planted to see that the grader takes the points that it should.

tests/mutants/NN_name.py lists them for a chapter:

    MUTANTS = [Mutant("gather", "keeps only the last of two equal indices", "old text", "new text", loses=["duplicates"]), ...]
"""
from collections import namedtuple

from .exercises import without_marks

Mutant = namedtuple("Mutant", "task mistake old new loses")
Mutant.__doc__ = """task: a task's name; mistake: in words, where it was seen; old, new: what is exchanged in the solution's text (old stands there once);
loses: the names of the checks that fail with it, exactly."""


def mutated(mutant, text):
    """The solution's text with the mistake in it; ValueError unless `old` stands there exactly once."""
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.task}: {mutant.old!r} stands in the solution {text.count(mutant.old)} times, not once")
    return without_marks(text.replace(mutant.old, mutant.new))
