"""Update: `git pull` in a checkout whose exercises the reader has edited.

The reader's files are laid aside, git pulls into a tree that is as it was committed, and they are laid back.  So nothing ever
conflicts, and a copy of everything stays in work/saved whatever happens on the way.
"""
import shutil
import subprocess
import time

from .exercises import ROOT, recorded


def git(root, *arguments):
    """What a git command prints; ValueError with its own words if it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=600)
    except FileNotFoundError:
        raise ValueError("git is not installed") from None
    if done.returncode:
        raise ValueError(f"git {arguments[0]} failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def pull(root=ROOT):
    """Returns (the reader's files, those among them whose stub has changed).  ValueError if git can not pull; the files are back then too."""
    changed = git(root, "status", "--porcelain", "-z", "--untracked-files=no", "--", "exercises").split("\0")
    files = [line[3:] for line in changed if line and (root / line[3:]).exists()]
    before = recorded(root / "exercises")
    aside = root / "work" / "saved" / time.strftime("update_%Y-%m-%d_%H%M%S")
    for file in files:
        (aside / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / file, aside / file)
    try:
        if files:
            git(root, "checkout", "HEAD", "--", *files)
        git(root, "pull", "--ff-only")
    finally:
        for file in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(aside / file, root / file)
    after, names = recorded(root / "exercises"), [f.removeprefix("exercises/") for f in files]
    return names, [f for f in names if before.get(f) != after.get(f)]
