"""n-gram probabilities: against a plain loop over counts, and that they are probabilities."""
from collections import Counter

import numpy as np
import pytest

from minitf.datasets import ngram

random = np.random.RandomState(0)
V = 6
TRAIN = np.cumsum(random.randint(0, 3, 400)) % V
TEXT = np.concatenate([TRAIN[37:60], random.randint(0, V, 60)])
MODELS = {"witten_bell": ngram.witten_bell, "kneser_ney": ngram.kneser_ney}


def grams_of(train, order):
    """For k = 1 to order, the counts of the k-grams, as tuples, that end where the longest ones do."""
    ends = range(order - 1, len(train))
    return [Counter(tuple(train[e - k + 1:e + 1]) for e in ends) for k in range(1, order + 1)]


def witten_bell_by_loops(train, history, word, order):
    p = 1 / V
    for counts in grams_of(train, order):
        h = tuple(history[len(history) - (len(next(iter(counts))) - 1):])
        followers = {g[-1]: n for g, n in counts.items() if g[:-1] == h}
        if len(h) == len(next(iter(counts))) - 1 and followers:
            p = (followers.get(word, 0) + len(followers) * p) / (sum(followers.values()) + len(followers))
    return p


def kneser_ney_by_loops(train, history, word, order):
    p, levels = 1 / V, grams_of(train, order)
    for k, counts in enumerate(levels):
        if k + 1 < order:
            counts = Counter(g[1:] for g in levels[k + 1])
        of = Counter(min(n, 4) for n in counts.values())
        n1, n2, n3, n4 = (max(1, sum(n == c for n in counts.values())) for c in (1, 2, 3, 4))
        assert of
        y = n1 / (n1 + 2 * n2)
        d = {1: min(max(1 - 2 * y * n2 / n1, 0), 1), 2: min(max(2 - 3 * y * n3 / n2, 0), 2), 3: min(max(3 - 4 * y * n4 / n3, 0), 3)}
        h = tuple(history[len(history) - k:])
        followers = {g[-1]: n for g, n in counts.items() if g[:-1] == h}
        if len(h) == k and followers:
            total = sum(followers.values())
            seen = followers.get(word, 0)
            p = ((seen - d[min(seen, 3)] if seen else 0) + sum(d[min(n, 3)] for n in followers.values()) * p) / total
    return p


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("model, by_loops", [("witten_bell", witten_bell_by_loops), ("kneser_ney", kneser_ney_by_loops)])
def test_against_loops(model, by_loops, order):
    train, text = [int(i) for i in TRAIN], [int(i) for i in TEXT]
    expected = [by_loops(train, text[:i], text[i], order) for i in range(len(text))]
    np.testing.assert_allclose(MODELS[model](TRAIN, TEXT, order, V), expected, rtol=1e-12)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("history", [[], [1], [3, 3, 4], [5, 0, 0, 1]])
def test_the_probabilities_of_all_tokens_are_1(model, history):
    for order in (1, 3, 5):
        assert sum(MODELS[model](TRAIN, np.array([*history, w]), order, V)[-1] for w in range(V)) == pytest.approx(1, abs=1e-12)


def test_the_worked_number_of_witten_bell():
    """ "th" 10 times, 8 of them before "e": of the 22 characters behind the first two, 8 are "e", 2 "a", 10 "h" and so on."""
    text = "".join("th" + c for c in "eeeeeeeeaa")
    ids = np.array(["theaz".index(c) for c in text])
    p = ngram.witten_bell(ids, np.array([0, 1, 2]), 3, 5)
    shorter = ngram.witten_bell(ids[1:], np.array([1, 2]), 2, 5)[-1]
    assert p[2] == pytest.approx((8 + 2 * shorter) / 12)


def test_measures_and_what_is_refused():
    assert ngram.bits_per_token(np.array([.5, .125])) == 2 and ngram.perplexity(np.array([.5, .125])) == 4
    for model in MODELS.values():
        assert ngram.bits_per_token(model(TRAIN, TRAIN, 3, V)) < 1.6 < ngram.bits_per_token(model(TRAIN, random.randint(0, V, 200), 3, V))
        with pytest.raises(ValueError, match="order must be at least 1"):
            model(TRAIN, TEXT, 0, V)
        with pytest.raises(ValueError, match=r"text must be a vector of ids in \[0, 6\), got shape \(1,\), from 6 to 6"):
            model(TRAIN, [6], 2, V)
        with pytest.raises(ValueError, match=r"train must be"):
            model([], TEXT, 2, V)
