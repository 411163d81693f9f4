from ...task import Task, equal, expect

task = Task(
    "Unique names, in scopes", function="unique_name",
    hints=["""First find out which name is wanted: with the scope in front, or, if it ends in a slash, as it is and without the slash.
              From then on scopes play no part.""",
           """`used` may map every name that was given to a number: how often that name has been asked for again. Then the next number
              to try is known, and is not looked for from 1.""",
           """The next number may be taken all the same, by somebody who asked for "add_1" by that very name. So count up in a loop
              until the name is free, and enter the name that you return, too: it may be asked for later."""],
    why="""Names are how a graph is saved, restored, drawn and debugged, so they have to be the same every time the program runs: a
           counter for each name gives that, where a random suffix would not. The counter also keeps building linear. A graph that looks
           for a free name from _1 on takes seconds for its first ten thousand additions and minutes for the next hundred thousand.""")


def names_of(mine, wanted):
    used = {}
    return [mine.unique_name(used, scope, name) for scope, name in wanted]


def last_names(mine, count):
    """How many equal names were made until all were or a second was over, and the last three of them."""
    import time
    used, names, began = {}, [], time.process_time()
    while len(names) < count and time.process_time() - began < 1:
        names.append(mine.unique_name(used, "deep/", "add"))
    return len(names), names[-3:]


def _agree(run, random, names):
    """Sixty names in a row, in random scopes."""
    for _ in range(10):
        scopes = ["", "", "h/", "h/g/"]
        wanted = [(scopes[random.integers(4)], names[random.integers(len(names))]) for _ in range(60)]
        taken, right = set(), []
        for scope, name in wanted:
            full = name[:-1] if name.endswith("/") else scope + name
            right.append(next(n for n in [full] + [f"{full}_{k}" for k in range(1, 100)] if n not in taken))
            taken.add(right[-1])
        got = run(names_of, wanted)
        equal(len(got), len(right), "the number of names")
        for (scope, name), mine, ours in zip(wanted, got, right):
            equal(mine, ours, f"{name!r} in the scope {scope!r}, after other names")


@task.check(1, "a taken name gets the next free number, in each scope by itself",
            hint="""Somebody may ask for "add_1" by that very name, before or after you gave it out. Is every name that you return known
                    to the next call as taken?""")
def numbers(run, random):
    _agree(run, random, ["add", "add", "h", "add_1", "add_1_1", "mul", "add_2"])


@task.check(0.5, "a scope's own name is taken as it is, and takes part in the numbering",
            hint="""Which of `scope` and `name` matter when the name ends in a slash? And "h" asked for after "h/" is asked for twice.""")
def own(run, random):
    _agree(run, random, ["add", "h", "h/", "h/g/", "h_1/", "g/"])


@task.check(0.5, "the ten-thousandth of a name does not take longer than the first",
            hint="""How many names do you try before you find the free one, when 9,999 are taken? What could the call before have left in
                    `used` for this one?""")
def fast(run, random):
    count = 10000 + int(random.integers(100))
    made, last = run(last_names, count)
    expect(made == count, f"in a second {made:,} of {count:,} equal names were made")
    equal(last, [f"deep/add_{count - k}" for k in (3, 2, 1)], f"the last of {count:,} equal names")
