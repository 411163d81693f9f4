"""The course's commands.  `make grade`, `make watch` and the others call these.

    python -m minitf.course grade [CHAPTER]                  points, and what is broken
    python -m minitf.course grade --submissions DIR          a CSV row for every student
    python -m minitf.course watch [CHAPTER]                  grades a task whenever its file is saved
    python -m minitf.course progress                         what is done so far
    python -m minitf.course hint TASK                        one hint more each time
    python -m minitf.course reset TASK                       the stub again; your version is kept in work/saved
    python -m minitf.course diff TASK                        your version beside ours, once yours passes
    python -m minitf.course update                           git pull that keeps your files
    python -m minitf.course exercises                        (for authors) makes exercises/ from solutions/
"""
import argparse
import sys
from pathlib import Path

from . import commands
from .exercises import EXERCISES, FormError
from .grader.grade import SEED


def parser():
    top = argparse.ArgumentParser(prog="python -m minitf.course", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, run, **options):
        made = sub.add_parser(name, **options)
        made.set_defaults(run=run)
        return made

    grade = command("grade", commands.grade, help="points for your files, or for a folder of submissions")
    grade.add_argument("chapter", nargs="?", help="such as 3, 03 or 03_autodiff; all of them by default")
    grade.add_argument("--task", help="only this one, such as 03/gather")
    grade.add_argument("--folder", type=Path, default=EXERCISES, help="where the files are (default: exercises)")
    grade.add_argument("--seed", type=int, default=SEED, help="of the random inputs and their shapes (default: %(default)s)")
    grade.add_argument("--submissions", type=Path, metavar="DIR", help="a folder with one folder per student")
    grade.add_argument("--csv", type=Path, help="where the rows go (default: grades.csv beside the submissions)")
    grade.add_argument("--jobs", type=int, help="how many at a time (default: one a core)")
    watch = command("watch", commands.watch, help="grade a task whenever its file is saved; Ctrl-C ends it")
    watch.add_argument("chapter", nargs="?")
    watch.add_argument("--seed", type=int, default=SEED)
    command("progress", commands.progress, help="what is done so far")
    for name, run, text in (("hint", commands.hint, "one hint more each time"), ("reset", commands.reset, "the stub again; your version is kept"),
                            ("diff", commands.diff, "your version beside ours, once yours passes")):
        command(name, run, help=text).add_argument("task", help="such as 03/gather")
    command("update", commands.update, help="git pull that keeps your files")
    command("exercises", commands.exercises, help="make exercises/ from solutions/; edited files are left alone")
    return top


def main(argv=None):
    options = parser().parse_args(argv)
    try:
        return options.run(options) or 0
    except (ValueError, FormError, FileNotFoundError, NotADirectoryError) as error:
        print(f"minitf.course {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
