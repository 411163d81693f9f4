"""What README says of the course is what the course is."""
import re

from minitf.course.exercises import ROOT
from minitf.course.outline import CHAPTERS, tasks_of

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_chapters():
    rows = re.findall(r"^\| (\d\d) \| \[(.*?)\]\((.*?)\) \| (.*?) \| .*? \| (\d+) \| (\d+) \|$", README, re.M)
    assert [(number, title, link, builds, int(hours), int(points)) for number, title, link, builds, hours, points in rows] \
        == [(c.folder[:2], c.title, f"chapters/{c.folder}.ipynb", c.builds, c.hours, sum(t.points for t in tasks_of(c.folder))) for c in CHAPTERS]


def test_every_file_that_it_links_to_is_there():
    for text in (README, (ROOT / "solutions" / "README.md").read_text(encoding="utf-8")):
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (ROOT / link).exists(), link
        for name in re.findall(r"`((?:minitf|tests|chapters|exercises|solutions|examples)/[\w./]+)`", text):
            assert (ROOT / name).exists() or (ROOT / name.rstrip("/")).exists(), name


def test_the_swap_command_of_readme_names_a_chapter():
    found = re.findall(r"MINITF_SWAP=exercises/(\w+) \.venv/bin/python (\S+)", README)
    assert found and all(folder in {c.folder for c in CHAPTERS} and (ROOT / program).exists() for folder, program in found)
