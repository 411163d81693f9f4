"""What the course's commands do; __main__.py has their options."""
import difflib
import sys
import time
from pathlib import Path

from .exercises import EXERCISES, SOLUTIONS, digest, generate, is_edited, reset as reset_file, without_marks
from .grader import classroom
from .grader.grade import SEED, grade_all, grade_file
from .grader.process import ForkServer
from .outline import all_tasks, chapters, find_task
from .record import Record
from .table import chapter_table, course_table, indented, number, task_lines
from .update import pull


def grade(options):
    """Grade and print; with --submissions, a row per student."""
    if options.submissions:
        return classroom.grade(options.submissions, options.chapter, options.seed, options.csv, options.jobs)
    if not options.folder.is_dir():
        raise FileNotFoundError(f"there is no folder {options.folder}")
    tasks = [find_task(options.task)] if options.task else all_tasks(options.chapter)
    mine = options.folder.resolve() == EXERCISES
    record = Record() if mine else None
    results = grade_all([(t, options.folder) for t in tasks], options.jobs, seed=options.seed)
    passed_before = {t for t in tasks if record and (record.grade(t) or {}).get("state") == "passed"}
    newly = {r.task for r in results if r.state == "passed"} - passed_before if mine else set()
    hints = record.hints if record else lambda task: 0
    if options.task:
        print("\n".join(task_lines(results[0], hints(tasks[0]), True)))
    elif options.chapter:
        print(chapter_table(chapters(options.chapter)[0], results, options.seed, hints, newly))
    else:
        print(course_table({r.task: r.points for r in results}.get))
        begun = [r for r in results if r.state in ("partly", "failed")]
        if begun:
            print("\nBegun and not done: " + ", ".join(r.task.file for r in begun) + ".  make grade CH=NN says what is broken.")
    if mine:
        record.add_grades(results, options.folder)


def watch(options):
    """Grade what was saved, until Ctrl-C."""
    tasks = all_tasks(options.chapter)
    record = Record()
    seen = {t: _stamp(t) for t in tasks}
    print(f"Watching {len(tasks)} files in exercises/; each is graded when you save it.  Ctrl-C ends this.", flush=True)
    with ForkServer() as server:
        while True:
            for task in tasks:
                now = _stamp(task)
                if now != seen[task] and now is not None:
                    seen[task] = now
                    before = (record.grade(task) or {}).get("state")
                    result = grade_file(server, task, EXERCISES, seed=options.seed)
                    record.add_grades([result], EXERCISES)
                    print(time.strftime("%H:%M:%S") + f"  {task.chapter}")
                    print("\n".join(task_lines(result, record.hints(task), before != "passed")), flush=True)
            time.sleep(0.3)


def _stamp(task):
    try:
        status = (EXERCISES / task.file).stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size


def progress(options):
    """The course's table from the last grades; files that have changed since are named."""
    record = Record()
    print(course_table(lambda t: (record.grade(t) or {}).get("points")))
    since = [t.file for t in all_tasks() if (EXERCISES / t.file).exists() and is_edited(t)
             and digest((EXERCISES / t.file).read_text(encoding="utf-8", errors="replace")) != (record.grade(t) or {}).get("hash")]
    if since:
        print("\nEdited since they were graded: " + ", ".join(since))
    following = next((t for t in all_tasks() if (record.grade(t) or {}).get("state") != "passed"), None)
    print(f"\nNext: exercises/{following.file}, {following.title[0].lower()}{following.title[1:]} ({number(following.points)} points)" if following
          else "\nEverything is done.")


def hint(options):
    """The hints so far, and one more."""
    task, record = find_task(options.task), Record()
    record.add_hint(task)
    shown = min(record.hints(task), len(task.hints))
    print(f"exercises/{task.file}: {task.title}")
    for k in range(shown):
        print(indented(f"{k + 1}. ", task.hints[k], 2))
    if shown == len(task.hints):
        print("  That was the last one.  Nobody has to be stuck: solutions/ has an answer, and points are for learning.")


def reset(options):
    """The stub again."""
    task = find_task(options.task)
    saved = reset_file(task)
    print(f"exercises/{task.file} is as it was at the beginning." + (f"  Your version: {_near(saved)}" if saved else "  There was nothing to save."))


def diff(options):
    """Ours beside theirs; only once theirs passes."""
    task = find_task(options.task)
    result, = grade_all([(task, EXERCISES)], 1, seed=SEED)
    if result.state != "passed":
        print(f"exercises/{task.file} has {number(result.points)} of {number(task.points)} points.  The comparison is shown when it passes; "
              f"make hint TASK={task.chapter[:2]}/{task.name} helps on the way.")
        return 1
    mine = (EXERCISES / task.file).read_text(encoding="utf-8").splitlines(True)
    ours = without_marks((SOLUTIONS / task.file).read_text(encoding="utf-8")).splitlines(True)
    lines = list(difflib.unified_diff(mine, ours, f"exercises/{task.file} (yours)", f"solutions/{task.file} (ours)"))
    sys.stdout.writelines(lines or ["Yours is ours, letter by letter.\n"])
    print("\n" + indented("why: ", task.why, 0))


def update(options):
    """A newer version of the course; the reader's files stay as they are."""
    kept, changed = pull()
    print("The course is up to date." + (f"  {len(kept)} files of yours are as they were." if kept else ""))
    for file in changed:
        print(f"  exercises/{file}: what it asks for has changed; git show HEAD:exercises/{file} is the new stub")


def exercises(options):
    """Stubs from solutions."""
    written, kept = generate()
    print(f"{len(written)} of {len(all_tasks())} files written" + (": " + ", ".join(written) if written else ""))
    if kept:
        print("Left alone, because they have been edited: " + ", ".join(kept))


def _near(path):
    try:
        return Path(path).relative_to(Path.cwd())
    except ValueError:
        return path
