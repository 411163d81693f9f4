from ...task import Task, equal, expect

task = Task(
    "A rendezvous for threads", function="Rendezvous",
    hints=["""One threading.Condition for the whole object is enough: every method holds it while it looks at or changes anything.
              condition.wait_for(predicate, timeout) gives the lock back while it waits, and returns when the predicate holds or the time
              is up.""",
           """Ask for the presence of the key, not for the truth of the value: None and 0 are values. And remember which keys were ever sent
              and received, apart from the values that lie there now.""",
           """Three things can end the wait: the value, the error, the time. Look at the error first, then at the value; what is left is the
              time. Who gives up must no longer count as one who is waiting."""],
    why="""This is the contract of TensorFlow's rendezvous.h in Python. That a Send never waits is what keeps the cut graph free of
           deadlocks; that an abort reaches those who come later too is what ends a step on thirty devices when one of them fails. Without
           it the others would wait for ever, which early distributed programs are known for.""")


def in_turn(mine, steps):
    """What a list of calls gives, one after the other in one thread: the value, or the error's class and text."""
    r, told = mine.Rendezvous(), []
    for method, *arguments in steps:
        if method == "abort":
            arguments = [{"KeyError": KeyError, "OSError": OSError}[arguments[0]](arguments[1])]
        try:
            told.append(["gave", getattr(r, method)(*arguments)])
        except Exception as error:
            told.append([type(error).__name__, str(error)])
    return told


def threads(mine, pairs, late, order):
    """Values that cross between threads: a thread for each receive, which come before the sends if `late`."""
    import threading
    r, got, ready = mine.Rendezvous(), {}, threading.Barrier(len(pairs) + 1)

    def receive(key):
        ready.wait(5)
        try:
            got[key] = r.receive(key, 5)
        except Exception as error:
            got[key] = type(error).__name__
    workers = [threading.Thread(target=receive, args=(key,), daemon=True) for key, _ in pairs]
    if not late:
        for k in order:
            r.send(*pairs[k])
    for w in workers:
        w.start()
    ready.wait(5)
    if late:
        for k in order:
            r.send(*pairs[k])
    for w in workers:
        w.join(6)
    return [got.get(key, "never came back") for key, _ in pairs]


def aborted(mine, keys):
    """What receivers are told that wait when abort is called, and processor and real seconds until all were told."""
    import threading
    import time
    r, told = mine.Rendezvous(), {}
    begun = threading.Semaphore(0)

    def receive(key):
        begun.release()
        try:
            told[key] = ["gave", r.receive(key, 8)]
        except Exception as error:
            told[key] = [type(error).__name__, str(error)]
    workers = [threading.Thread(target=receive, args=(key,), daemon=True) for key in keys]
    for w in workers:
        w.start()
    for w in workers:
        begun.acquire(timeout=5)
    for w in workers[:1]:
        w.join(0.3)                                     # they wait for a while
    began, spent = time.monotonic(), time.process_time()
    r.abort(ValueError("the kernel failed"))
    for w in workers:
        w.join(5)
    return [told.get(key, "never came back") for key in keys], time.monotonic() - began, spent


def idle(mine):
    """Processor seconds of a receive that waits half a second for nothing, and the error."""
    import time
    r, before = mine.Rendezvous(), time.process_time()
    try:
        r.receive("k", 0.5)
        told = ["gave", ""]
    except Exception as error:
        told = [type(error).__name__, str(error)]
    return time.process_time() - before, told


def second_waiter(mine):
    """Two receives of one key at the same time, and then its send: what each is told, in the order of their names."""
    import threading
    r, told, started = mine.Rendezvous(), {}, threading.Event()

    def receive(name):
        started.set()
        try:
            told[name] = ["gave", r.receive("k", 5)]
        except Exception as error:
            told[name] = [type(error).__name__, str(error)]
    workers = [threading.Thread(target=receive, args=(name,), daemon=True) for name in "ab"]
    for w in workers:
        w.start()
    for _ in range(50):                                 # until one of the two was refused
        if told:
            break
        workers[0].join(0.02)
        workers[1].join(0.02)
    refused = list(told.values())
    r.send("k", 5)
    for w in workers:
        w.join(6)
    return refused, sorted(told.values())


@task.check(1, "a value crosses, whichever of the two comes first",
            hint="""In one thread: send, then receive. With two: the receiver must be asleep, and the send wakes it. And can None be sent?""")
def crossing(run, random):
    keys = [f"a;b;x{int(k)}:0" for k in random.permutation(30)]
    values = [None, 0, False, "", *[int(v) for v in random.integers(1000, size=26)]]
    for late in (False, True):
        order = [int(k) for k in random.permutation(30)]
        got = run(threads, [list(p) for p in zip(keys, values)], late, order)
        equal(got, values, f"30 values, {'received before' if late else 'sent before'} the other side comes")


@task.check(1, "each key once, and what is refused harms nobody",
            hint="""Which keys were ever sent, and which received? The values that lie there now do not tell. Two that wait for one key at the
                    same time are one too many as well.""")
def once(run, random):
    key, other = f"k{int(random.integers(100))}", "other"
    told = run(in_turn, [["send", key, 1], ["send", key, 2], ["receive", key, 1], ["send", key, 3], ["receive", key, 1], ["send", other, None],
                         ["send", other, 4], ["receive", other, 1], ["receive", other, 1]])
    kinds = [kind for kind, _ in told]
    equal(kinds, ["gave", "RuntimeError", "gave", "RuntimeError", "RuntimeError", "gave", "RuntimeError", "gave", "RuntimeError"],
          "what send, send, receive, send, receive of one key give, and send None, send, receive, receive of another")
    equal([told[2][1], told[7][1]], [1, None], "the values that were sent first")
    expect(all(key in text for kind, text in told[:5] if kind == "RuntimeError"), "the error's text does not have the key")
    refused, at_last = run(second_waiter)
    equal([kind for kind, _ in refused], ["RuntimeError"], "what the second of two that wait for one key is told, before the value comes")
    equal([kind for kind, _ in at_last], ["RuntimeError", "gave"], "what the two are told in the end")


@task.check(1, "after an abort nobody waits, now or later",
            hint="""Who sleeps must be woken, and look at the error. Who comes later must look at it before anything else, also if his value
                    lies there.""")
def abort(run, random):
    keys = [f"k{int(k)}" for k in random.permutation(30)]
    told, seconds, spent = run(aborted, keys)
    equal(told, [["ValueError", "the kernel failed"]] * 30, "what 30 waiting receivers are told")
    expect(seconds < 3, f"it took {seconds:.1f} s until the last was told")
    steps = [["send", "x", 1], ["abort", "KeyError", "first"], ["abort", "OSError", "second"], ["receive", "x", 0.1], ["send", "y", 1], ["receive", "z", 0.1]]
    told = run(in_turn, steps)
    equal([kind for kind, _ in told], ["gave", "gave", "gave", "KeyError", "KeyError", "KeyError"],
          "send, abort, a second abort, receive of what was sent, send of another, receive of a third")


@task.check(1, "a time-out names the key, costs nothing, and is no end",
            hint="""wait_for returns whether the predicate holds: what if it does not? Then this receive is over, and another one of the same
                    key is welcome. And a loop that sleeps a little and looks again is what should not be.""")
def patience(run, random):
    seconds, (kind, text) = run(idle)
    equal(kind, "TimeoutError", "the error of a receive that waited for nothing")
    expect("k" in text.split(), "the error's text does not have the key")
    expect(seconds < 0.1, f"half a second of waiting took {seconds:.2f} s of processor time")
    value = int(random.integers(1000))
    told = run(in_turn, [["receive", "late", 0.05], ["send", "late", value], ["receive", "late", 1], ["receive", "late", 0.05]])
    equal([kind for kind, _ in told], ["TimeoutError", "gave", "gave", "RuntimeError"], "receive (too early), send, receive, receive")
    equal(told[2][1], value, "the value that came after a time-out")
