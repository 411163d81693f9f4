"""n-gram models of sequences of numbers: what a recurrent network has to beat.

An n-gram model says how likely the next token is after the n - 1 before it, by counting.  Most long histories were never seen, so each order
is mixed with the next shorter one:

    Witten-Bell   p(w | h) = (c(h, w) + T(h) p(w | shorter h)) / (c(h) + T(h)), where T(h) is how many different tokens followed h
                  (Witten and Bell, 1991).  After "th", seen 10 times, 8 times before "e" and twice before "a", T is 2, and if p(e | h) is
                  0.4, then p(e | th) = (8 + 2 * 0.4) / 12 = 0.733.
    Kneser-Ney    p(w | h) = (c(h, w) - D) / c(h) + (what all D's took) p(w | shorter h), the counts of the shorter histories being in how many different
                  surroundings h w was seen; three D's, for counts of 1, 2 and more (Kneser and Ney, 1995; Chen and Goodman, 1998, section 3).

Both take arrays of ids, and answer with the probability of each token of a text.  Counting is sorting: 4 million characters of order 6
take some seconds.
"""
import numpy as np


def witten_bell(train, text, order, vocabulary):
    """The probability of each token of `text` after those before it, float64 [n], from the counts in `train`.

    train, text  ints in [0, vocabulary); order: n, 1 and more (1 looks at no history)
    """
    return _interpolated(train, text, order, vocabulary, _witten_bell_mix, continuation=False)


def kneser_ney(train, text, order, vocabulary):
    """As witten_bell, by interpolated Kneser-Ney smoothing with three discounts: the better one for words."""
    return _interpolated(train, text, order, vocabulary, _kneser_ney_mix, continuation=True)


def bits_per_token(p):
    """The mean of -log2 p: bits per character, where tokens are characters."""
    return float(-np.mean(np.log2(p)))


def perplexity(p):
    """2 to the power of bits_per_token: among how many equally likely words the model chooses on average."""
    return float(2 ** bits_per_token(p))


def _interpolated(train, text, order, vocabulary, mix, continuation):
    train, text = np.asarray(train, np.int64), np.asarray(text, np.int64)
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    for name, ids in (("train", train), ("text", text)):
        if ids.ndim != 1 or not ids.size or ids.min() < 0 or ids.max() >= vocabulary:
            raise ValueError(f"{name} must be a vector of ids in [0, {vocabulary}), got shape {ids.shape}"
                             + (f", from {ids.min()} to {ids.max()}" if ids.size else ""))
    levels = _levels(train, text, order, vocabulary)
    p = np.full(text.size, 1 / vocabulary)
    for k, (grams, counts, first, found, history) in enumerate(levels):
        if continuation and k + 1 < order:
            # Each different longer n-gram counts once for the one that it ends with.
            counts = np.bincount(np.searchsorted(grams, levels[k].of_train[levels[k + 1].first]), minlength=grams.size)
        p = mix(p, counts, grams // vocabulary, found, history)
    return p


class _Level:
    """The n-grams of one order: histories are numbered, and an n-gram is history * vocabulary + token."""

    def __init__(self, of_train, of_text, history, known):
        self.of_train = of_train
        self.grams, self.first, self.counts = np.unique(of_train, return_index=True, return_counts=True)
        place = np.searchsorted(self.grams, of_text).clip(max=self.grams.size - 1)
        self.found = np.where((self.grams[place] == of_text) & known, place, -1)      # of each token of the text: its n-gram, or -1
        self.history = np.where(known, history, -1)                                   # and its history, or -1

    def __iter__(self):
        return iter((self.grams, self.counts, self.first, self.found, self.history))


def _levels(train, text, order, vocabulary):
    """The orders 1 to `order`.  A history of k tokens is known by the number of its k - 1 newest ones, and the one before them."""
    levels, start = [], order - 1                                       # every order counts the same positions of train
    of_train, of_text = np.zeros(train.size - start, np.int64), np.zeros(text.size, np.int64)
    known = np.ones(text.size, bool)
    for k in range(order):
        if k:
            older = np.concatenate([np.zeros(k, np.int64), text[:-k]])[:text.size]
            keys, of_train = np.unique(of_train * vocabulary + train[start - k:train.size - k], return_inverse=True)
            wanted = of_text * vocabulary + older
            of_text = np.searchsorted(keys, wanted).clip(max=keys.size - 1)
            known = known & (keys[of_text] == wanted) & (np.arange(text.size) >= k)
        levels.append(_Level(of_train * vocabulary + train[start:], of_text * vocabulary + text, of_text, known))
    return levels


def _witten_bell_mix(p, counts, history_of_gram, found, history):
    n = history_of_gram[-1] + 1
    total, types = np.bincount(history_of_gram, counts, n)[history], np.bincount(history_of_gram, minlength=n)[history]
    seen = np.where(found >= 0, counts[found], 0)
    return np.where(history >= 0, (seen + types * p) / (total + types), p)


def _kneser_ney_mix(p, counts, history_of_gram, found, history):
    n1, n2, n3, n4 = (max(1, np.count_nonzero(counts == c)) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    discounts = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]).clip(0, (0, 1, 2, 3))[np.minimum(counts, 3)]
    n = history_of_gram[-1] + 1
    total, taken = np.bincount(history_of_gram, counts, n)[history], np.bincount(history_of_gram, discounts, n)[history]
    seen = np.where(found >= 0, (counts - discounts)[found], 0)
    return np.where(history >= 0, (seen + taken * p) / np.maximum(total, 1), p)
