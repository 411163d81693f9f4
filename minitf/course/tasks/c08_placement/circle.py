from ...task import Task, equal, expect

task = Task(
    "Who waits for whom", function="find_circle",
    hints=["""First find out where everybody stops. Keep a counter for each device and the set of what has been sent, and go on with
              any device that can, until none can. The order in which you take them does not matter.""",
           """Each device that is left stands at one recv, so it waits for exactly one other: draw an arrow to it. From wherever you
              start, following the arrows leads to a device that you have met before, or to one that will never send.""",
           """Keep the path as a dict from device to its entry, in order. When the next device is in it, the circle is the path from that
              device on, and what came before only led to it. Then turn the circle until the smallest name is in front."""],
    why="""Databases look for such circles among their locks, and call them wait-for graphs (Holt, 1972: "Some deadlock properties of
           computer systems"). Where each waits for exactly one, as here, a circle is a deadlock. minitf needs no such search, because its
           programs are pieces of one order; MPI programs are written one process at a time, and there tools look for exactly this.""")


def found(mine, programs):
    programs = {device: [tuple(i) for i in program] for device, program in programs.items()}
    return [list(entry) for entry in mine.find_circle(programs)]


def standing(programs):
    """{device: the recv that it stands at}: by going round until nobody moves."""
    at, sent, moved = dict.fromkeys(programs, 0), set(), True
    while moved:
        moved = False
        for device, program in programs.items():
            while at[device] < len(program):
                kind, key, peer = program[at[device]]
                if kind == "recv" and (peer, key, device) not in sent:
                    break
                if kind == "send":
                    sent.add((device, key, peer))
                at[device] += 1
                moved = True
    return {d: programs[d][k] for d, k in at.items() if k < len(programs[d])}


def _agrees(run, programs, what):
    got, stuck = run(found, programs), standing(programs)
    if not stuck:
        equal(got, [], f"{what}, which all come to their ends")
        return
    expect(bool(got), f"{what}: they stand still, and nothing was found")
    for device, key, peer in got:
        expect(device in stuck and list(stuck[device]) == ["recv", key, peer],
               f"{what}: {device} does not stand for ever at the recv of {key!r} from {peer}")
    last_device, last_key, last_peer = got[-1]
    if len(got) == 1 and not any(list(i) == ["send", last_key, last_device] for i in programs.get(last_peer, ())):
        return
    for (device, _, peer), (following, _, _) in zip(got, got[1:] + got[:1]):
        expect(peer == following, f"{what}: {device} waits for {peer}, and the next one named is {following}")
    for device, key, peer in got:
        expect(any(list(i) == ["send", key, device] for i in programs.get(peer, ())),
               f"{what}: a circle was named in which {peer} will never send {key!r}")
    names = [device for device, _, _ in got]
    expect(len(set(names)) == len(names), f"{what}: a device is named twice")
    expect(names[0] == min(names), f"{what}: the circle does not begin with the first of its names")


def drawn(random, devices, edges):
    """Programs that run to their ends: pieces of one order, in which every send stands before its recv."""
    names = [f"d{int(k)}" for k in random.permutation(devices)]
    programs = {name: [] for name in names}
    for k in range(edges):
        a, b = (names[int(i)] for i in random.choice(devices, 2, replace=False))
        programs[a] += [["run", "", ""]] * int(random.integers(2)) + [["send", f"k{k}", b]]
        programs[b].append(["recv", f"k{k}", a])
    return programs


def ring(random, size, lead=0):
    """Programs of devices that wait in a ring, and of others of which each waits for the one before, the first for the ring."""
    names = [f"d{int(k):05}" for k in random.permutation(size + lead)]
    inside, outside = names[:size], names[size:]
    programs = {name: [] for name in names}
    for k, name in enumerate(inside):
        programs[name] += [["recv", f"k{k}", inside[(k + 1) % size]], ["send", f"k{(k - 1) % size}", inside[k - 1]]]
    for k, name in enumerate(outside):
        before = inside[0] if k == 0 else outside[k - 1]
        programs[name].append(["recv", f"o{k}", before])
        programs[before].append(["send", f"o{k}", name])
    return {name: programs[name] for name in sorted(programs, reverse=True)}


@task.check(1, "programs that come to their ends have none",
            hint="""A device may stop at a recv and go on when the value has come. Is it looked at again then? And does a value that was
                    sent long before its recv still count?""")
def no_fault(run, random):
    for devices, edges in ((2, 1), (2, 6), (3, 20), (6, 40)):
        _agrees(run, drawn(random, devices, edges), f"{devices} programs")
    equal(run(found, {}), [], "no programs at all")
    equal(run(found, {"a": [], "b": [["run", "", ""]]}), [], "programs that need nobody")
    equal(run(found, {"a": [["send", "x", "a"], ["recv", "x", "a"]]}), [], "a device that sends to itself before it receives")


@task.check(1, "a circle, from the first of its names on",
            hint="""Two devices whose first instruction is a recv from each other are the smallest case of two. One that receives from
                    itself before it sends is the case of one. In which order do the entries come, and with which do they begin?""")
def circles(run, random):
    for size in (2, 3, 7, 1):
        _agrees(run, ring(random, size), f"a ring of {size}")
    for _ in range(20):
        programs = drawn(random, 3, 12)
        for program in programs.values():
            random.shuffle(program)
        programs = {d: [list(map(str, i)) for i in program] for d, program in programs.items()}
        _agrees(run, programs, "shuffled programs")


@task.check(1, "who only waits for a circle is not in it; what is never sent is named alone",
            hint="""Begin at a device that is not in the circle: what is on your path before you enter it? And look up the send that
                    somebody waits for before you follow the arrow to his peer.""")
def others(run, random):
    for size, lead in ((2, 1), (3, 4), (1, 2)):
        programs = ring(random, size, lead)
        for start in list(programs)[:3]:
            turned = {start: programs[start], **programs}
            _agrees(run, turned, f"a ring of {size} and {lead} that wait for it")
    for _ in range(5):
        programs = drawn(random, 4, 12)
        device = next(d for d, p in programs.items() if any(i[0] == "send" for i in p))
        k = next(k for k, i in enumerate(programs[device]) if i[0] == "send")
        del programs[device][k]
        _agrees(run, programs, "programs of which one lacks a send")
    _agrees(run, {"a": [["recv", "x", "nobody"]]}, "a recv from a device that has no program")
    _agrees(run, {"a": [["recv", "x", "b"], ["send", "y", "b"]], "b": [["recv", "y", "a"], ["send", "z", "a"]]},
            "two devices, of which one never sends")


@task.check(1, "five thousand devices in a second",
            hint="""When a value is sent, who may be able to go on because of it? Only its receiver. Going round all devices after each
                    value takes as many rounds as the longest chain of waiting is long.""")
def many(run, random):
    size = 5000
    names = [f"d{int(k):05}" for k in random.permutation(size)]
    wave = {name: [["recv", "k", b] for b in names[k + 1:k + 2]] + [["send", "k", names[k - 1]]] * (k > 0) for k, name in enumerate(names)}
    took, got = run(timed, dict(sorted(wave.items())))
    expect(got == [], "a long wave comes to its end")
    expect(took < 1.5, f"a wave through {size} devices took {took:.1f} s")
    took, got = run(timed, ring(random, size))
    expect(len(got) == size, f"a ring of {size} devices: {len(got)} were found")
    expect(took < 1.5, f"a ring of {size} devices took {took:.1f} s")


def timed(mine, programs):
    import time
    programs = {device: [tuple(i) for i in program] for device, program in programs.items()}
    began = time.process_time()
    got = [list(entry) for entry in mine.find_circle(programs)]
    return time.process_time() - began, got
