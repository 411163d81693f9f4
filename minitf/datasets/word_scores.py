"""What word vectors are worth: neighbours, analogies, and how people judge.  Vectors are float [words, dim], words are in `vocabulary` by number."""
import numpy as np

from . import words

EVERYDAY = ("family", "gram1-adjective-to-adverb", "gram2-opposite", "gram3-comparative", "gram4-superlative", "gram5-present-participle",
            "gram7-past-tense", "gram8-plural", "gram9-plural-verbs")          # the other sections ask for capitals, currencies and nations
CHUNK = 500                     # analogies asked at once: their scores are that many rows as long as the vocabulary


def unit(vectors):
    """The same, each of length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length == 0, 1, length)


def nearest(vectors, vocabulary, word, n=8):
    """The n words whose vectors have the smallest angles with a word's, the nearest first.  ValueError if the word is unknown."""
    u = unit(vectors)
    at = vocabulary.index(word)
    order = np.argsort(-(u @ u[at]), kind="stable")
    return [vocabulary[i] for i in order[order != at][:n]]


def analogy_scores(vectors, vocabulary, sections=EVERYDAY):
    """{section: (right, asked, all)} of questions-words.txt; `sections` are the names of those to ask, None for all.

    a is to b as c is to what?  The answer is the word nearest to b - a + c, of vectors of length 1 and with a, b and c left out (Mikolov, Yih
    and Zweig, 2013); by chance one in len(vocabulary) - 3 is right.  Questions in which a word is unknown are not asked.
    """
    place, u = {word: i for i, word in enumerate(vocabulary)}, unit(vectors)
    result = {}
    for section, questions in words.analogies().items():
        if sections is None or section in sections:
            known = np.array([[place[w] for w in q] for q in questions if all(w in place for w in q)], int).reshape(-1, 4)
            right = sum(_right(u, known[i:i + CHUNK].T) for i in range(0, len(known), CHUNK))
            result[section] = right, len(known), len(questions)
    return result


def _right(u, questions):
    a, b, c, d = questions
    scores = (u[b] - u[a] + u[c]) @ u.T
    for given in (a, b, c):
        scores[np.arange(len(d)), given] = -np.inf
    return int((scores.argmax(1) == d).sum())


def similarity_score(vectors, vocabulary):
    """(Spearman's rank correlation of the cosines with people's judgements of wordsim353.tsv, pairs asked, all pairs); about 0 by chance."""
    place, u = {word: i for i, word in enumerate(vocabulary)}, unit(vectors)
    everything = words.similarities()
    known = [(place[a], place[b], score) for a, b, score in everything if a in place and b in place]
    a, b, scores = np.array(known).T
    cosines = (u[a.astype(int)] * u[b.astype(int)]).sum(1)
    return float(np.corrcoef(_ranks(cosines), _ranks(scores))[0, 1]), len(known), len(everything)


def report(vectors, vocabulary):
    """Both scores, in words."""
    scores = analogy_scores(vectors, vocabulary)
    lines = [f"{section:>26}: {right:4} of {asked:4} right ({everything:4} in the list)" for section, (right, asked, everything) in scores.items()]
    right, asked, _ = map(sum, zip(*scores.values()))
    rho, pairs, everything = similarity_score(vectors, vocabulary)
    return "\n".join([*lines, f"analogies: {right} of {asked} right, {right / max(asked, 1):.1%}; by chance {1 / max(len(vocabulary) - 3, 1):.4%}",
                      f"similarity: rank correlation with people's judgements {rho:.2f}, over {pairs} of {everything} pairs"])


def _ranks(values):
    """1 for the smallest; equal values share the mean of their ranks."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]
