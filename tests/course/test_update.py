"""make update: a pull that never conflicts with what the reader has written."""
import json
import shutil

import pytest

from minitf.course.update import git, pull

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git")
ONE, TWO = "exercises/01_ops/one.py", "exercises/01_ops/two.py"


def commit(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "a commit")


def record(**hashes):
    return json.dumps({f"01_ops/{name}.py": hash for name, hash in hashes.items()})


@pytest.fixture
def clones(tmp_path):
    """(the course, a reader's clone of it)."""
    course = tmp_path / "course"
    course.mkdir()
    git(course, "init", "-q")
    commit(course, {ONE: "stub\n", TWO: "stub\n", "README.md": "old\n", "exercises/.stubs.json": record(one="a", two="b"), ".gitignore": "/work/\n"})
    git(tmp_path, "clone", "-q", str(course), "mine")
    return course, tmp_path / "mine"


def test_an_edited_file_stays_though_its_stub_changed(clones):
    course, mine = clones
    (mine / ONE).write_text("my work\n")
    commit(course, {ONE: "another stub\n", TWO: "another too\n", "README.md": "new\n", "exercises/.stubs.json": record(one="c", two="d")})
    with pytest.raises(ValueError, match="git pull failed"):
        git(mine, "pull", "--ff-only")                                # what would happen without it
    assert pull(mine) == (["01_ops/one.py"], ["01_ops/one.py"])
    assert (mine / ONE).read_text() == "my work\n" and (mine / TWO).read_text() == "another too\n" and (mine / "README.md").read_text() == "new\n"
    saved, = (mine / "work" / "saved").rglob("one.py")
    assert saved.read_text() == "my work\n"
    assert git(mine, "show", f"HEAD:{ONE}") == "another stub\n"
    assert pull(mine) == (["01_ops/one.py"], [])


def test_when_git_can_not_pull_the_files_are_back(clones):
    course, mine = clones
    (mine / ONE).write_text("my work\n")
    shutil.rmtree(course)
    with pytest.raises(ValueError, match="git pull failed"):
        pull(mine)
    assert (mine / ONE).read_text() == "my work\n"


def test_a_deleted_file_comes_back_and_nothing_edited_is_nothing_kept(clones):
    course, mine = clones
    commit(course, {"README.md": "new\n"})
    assert pull(mine) == ([], []) and (mine / "README.md").read_text() == "new\n"
    (mine / TWO).unlink()
    assert pull(mine) == ([], [])


def test_no_repository(tmp_path):
    with pytest.raises(ValueError, match="git status failed"):
        pull(tmp_path)
