from ...task import Task, equal

task = Task(
    "A rendezvous that calls back", function="Rendezvous",
    hints=["""A key is in one of four states: nobody came, its value lies there, somebody waits for it, it is over. Two dicts hold the
              middle two. What tells the first from the last?""",
           """Two sets, of the keys that were ever sent and ever received, tell a first time from a second. Ask for the presence of a key,
              not for the truth of its value: None and 0 are values.""",
           """Take the function out of the dict before you call it; in abort, set the error first, and put an empty dict in the place of the
              one whose functions you go through. Then whatever they call finds everything in order."""],
    why="""This is the contract of TensorFlow's rendezvous: that a Send never waits keeps the cut graph free of deadlocks, and that an abort
           reaches those who come later too is what ends a step on thirty devices when one of them fails. To call foreign code while one's
           own house is half in order is the classic mistake of such classes; with a lock held, it is a deadlock.""")


def played(mine, script):
    """What a script of calls leads to, as a list of events.  A call is [method, key, then]: `then` are calls that its function makes."""
    r, events = mine.Rendezvous(), []
    errors = {"KeyError": KeyError, "OSError": OSError}

    def play(calls):
        for method, key, then in calls:
            if method == "receive":
                def done(error, value, key=key, then=then):
                    events.append(["done", key, type(error).__name__ if error is not None else None,
                                   str(error) if error is not None else "", value])
                    play(then)
                r.receive(key, done)
            elif method == "waiting":
                events.append(["waiting", list(r.waiting())])
            else:
                try:
                    r.abort(errors[key](then)) if method == "abort" else r.send(key, then)
                    events.append([method, key])
                except Exception as error:
                    events.append([method, key, type(error).__name__, str(error)])
    play(script)
    return events


def expected(script):
    """The same, from a table of what has become of each key; an error's text is only its key."""
    state, error, order, events = {}, None, [], []              # key -> {"value": [...] or "over", "waiter": ...}

    def play(calls):
        nonlocal error
        for method, key, then in calls:
            s = state.setdefault(key, {"sent": False, "received": False}) if method in ("send", "receive") else None
            if method == "receive":
                if error:
                    tell(key, error, None, then)
                elif s["received"]:
                    tell(key, ("RuntimeError", key), None, then)
                else:
                    s["received"] = True
                    if s["sent"]:
                        tell(key, None, s["value"], then)
                    else:
                        order.append((key, then))
            elif method == "send":
                if error or s["sent"]:
                    events.append(["send", key, *(error or ("RuntimeError", key))])
                    continue
                s["sent"], s["value"] = True, then
                waiter = next((w for w in order if w[0] == key), None)
                if waiter:
                    order.remove(waiter)
                    tell(key, None, then, waiter[1])
                events.append(["send", key])
            elif method == "abort":
                if error is None:
                    error, left = (key, then), list(order)
                    order.clear()
                    for k, calls_ in left:
                        tell(k, error, None, calls_)
                events.append(["abort", key])
            else:
                events.append(["waiting", [k for k, _ in order]])

    def tell(key, wrong, value, then):
        events.append(["done", key, wrong[0] if wrong else None, wrong[1] if wrong else "", value])
        play(then)
    play(script)
    return events


def _agrees(run, script, what):
    got, wanted = run(played, script), expected(script)
    plain = [[*e[:3], w[3] if w[3] and w[3] in e[3] else e[3], *e[4:]] if len(e) > 3 and len(w) == len(e) else e
             for e, w in zip(got, wanted)]
    equal(len(got), len(wanted), f"{what}: how many calls came back or were told something")
    for k, (g, w) in enumerate(zip(plain, wanted)):
        equal(g, w, f"{what}: event {k + 1}")


def drawn(random, keys, length, depth=0, faults=False):
    """A random script over some keys.  Without faults each key is sent once and received once."""
    calls = [["send", k, int(random.integers(100))] for k in keys] + [["receive", k, []] for k in keys]
    calls = [calls[int(i)] for i in random.permutation(len(calls))]
    for _ in range(length if faults else 0):
        k = keys[int(random.integers(len(keys)))]
        calls.insert(int(random.integers(len(calls))), ["send", k, -1] if random.random() < 0.5 else ["receive", k, []])
    nested = []
    for call in calls:
        inside = [c for c in nested if c[0] == "receive"]
        if depth and inside and random.random() < 0.5:
            inside[int(random.integers(len(inside)))][2].append(call)
        nested.append(call)
    top = [c for c in nested if not any(c is d for e in nested if e[0] == "receive" for d in e[2])]
    for k in (len(top), len(top) // 2):
        top.insert(k, ["waiting", "", None])
    return top


KEYS = [f"/cpu:0;/cpu:1;edge_{k}" for k in range(8)]


@task.check(1, "a value reaches the one who wants it, whichever of the two comes first",
            hint="""Send, then receive; then receive, then send. Each function is called once. Is a value of None or 0 told from no value,
                    and is waiting() in the order of coming?""")
def crossing(run, random):
    for first, second in ((["send", "x", 5], ["receive", "x", []]), (["receive", "x", []], ["send", "x", 5])):
        _agrees(run, [["waiting", "", None], first, ["waiting", "", None], second, ["waiting", "", None]], f"{first[0]}, then {second[0]}")
    for value in (None, 0, False, "", [], float(random.random())):
        _agrees(run, [["send", "x", value], ["receive", "x", []]], f"the value {value!r}, sent first")
        _agrees(run, [["receive", "x", []], ["send", "x", value]], f"the value {value!r}, wanted first")
    for _ in range(6):
        _agrees(run, drawn(random, KEYS, 0), "eight keys in a random order")


@task.check(1, "each key once, and what is refused harms nobody",
            hint="""Which keys were ever sent, and which ever received? The values that lie there now and the functions that wait now do not
                    tell.""")
def once(run, random):
    for script in ("ssr", "srs", "rss", "rrs", "srr", "rsr", "rsrs", "srsr"):
        calls = [["send", "x", k] if c == "s" else ["receive", "x", []] for k, c in enumerate(script, 1)]
        _agrees(run, calls, " ".join({"s": "send", "r": "receive"}[c] for c in script) + " of one key")
    for _ in range(6):
        _agrees(run, drawn(random, KEYS[:4], 6, faults=True), "four keys, some of them twice")


@task.check(1, "after an abort nobody waits, now or later",
            hint="""Who waits is told, in the order of coming. Who comes later is told as well, also if his value lies there; who sends
                    later has the error raised. And the second abort?""")
def aborted(run, random):
    _agrees(run, [["send", "x", 1], ["receive", "y", []], ["receive", "z", []], ["abort", "KeyError", "first"], ["waiting", "", None],
                  ["receive", "x", []], ["receive", "new", []], ["send", "w", 2], ["abort", "OSError", "second"], ["receive", "v", []]],
                  "an abort")
    for _ in range(6):
        script = drawn(random, KEYS, 0)
        for kind in ("KeyError", "OSError"):
            script.insert(int(random.integers(len(script))), ["abort", kind, f"failed {int(random.integers(100))}"])
        _agrees(run, script, "a random script with two aborts")


@task.check(1, "functions that are called may call back",
            hint="""A function that sends or receives while you call it must find the rendezvous in order: its own entry gone, its value
                    taken. In abort, one of the functions receives again: is it told at once, and is no collection changed while you go
                    through it?""")
def called_back(run, random):
    again = ["receive", "x", []]
    _agrees(run, [["receive", "x", [["waiting", "", None], ["send", "y", 2], again]], ["receive", "y", []], ["send", "x", 1]],
            "a function that sends on")
    _agrees(run, [["send", "x", 1], ["receive", "x", [["send", "x", 2], ["waiting", "", None]]]], "a function that sends its own key again")
    _agrees(run, [["receive", "x", [["receive", "y", []], ["waiting", "", None], ["abort", "OSError", "inner"]]],
                  ["receive", "z", [["send", "y", 0]]], ["receive", "w", [["receive", "v", []]]],
                  ["abort", "KeyError", "outer"], ["waiting", "", None]],
                  "functions that call back in an abort")
    for _ in range(10):
        script = drawn(random, KEYS, 0, depth=1)
        if random.random() < 0.5:
            script.insert(int(random.integers(len(script))), ["abort", "KeyError", "failed"])
        _agrees(run, script, "functions that send and receive")
