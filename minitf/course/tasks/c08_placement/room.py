from ...task import Task, close, equal, expect

task = Task(
    "Room for it", function="place_within",
    hints=["""First the placer without limits: for each node that is ready and each device, when would the last input be there, when
              could it start, when would it end?""",
           """Keep for each device the set of the results that take room there. What a node would need on a device is the sum over that
              set, its own result and its inputs, taken together as one set: then nothing is counted twice.""",
           """A result leaves all the sets at the same moment: when the last node that needs it has been placed. Keep a set of those that
              are still to come for each result, and take the node out when it is placed. An empty set at the beginning never becomes empty
              later."""],
    why="""The order of placing is the order of simulated time only roughly, so this count is an estimate and no promise; the white paper
           has nothing about memory at all, and its authors' later placers learned it by running out. Systems that cut a network over many
           devices today (pipelines, shards) do so because of memory first, and of time second.""")


def placed(mine, times, inputs, nbytes, latency, bandwidth, limits):
    got = mine.place_within(times, inputs, nbytes, latency, bandwidth, limits)
    return [[node, *place] for node, place in got.items()]


def reference(times, inputs, nbytes, latency, bandwidth, limits):
    """[[node, device, start, end]], or the name of the node without room: all is worked out anew from the list of what was placed."""
    done, names = [], list(times)
    while len(done) < len(names):
        where = {n: (d, s, e) for n, d, s, e in done}
        ready = [n for n in names if n not in where and all(i in where for i in inputs[n])]
        node = min(ready, key=lambda n: (max([where[i][2] for i in inputs[n]], default=0), names.index(n)))
        options = []
        for device, time in times[node].items():
            alive = set()
            for n, d, _, _ in done:
                needed = [u for u in names if n in inputs[u]]
                if not needed or any(u not in where for u in needed):
                    there = {d, *(where[u][0] for u in needed if u in where)}
                    if device in there:
                        alive.add(n)
            if sum(nbytes[n] for n in alive | {node} | set(inputs[node])) > limits.get(device, 1e30):
                continue
            arrivals = [where[i][2] if where[i][0] == device else where[i][2] + latency + nbytes[i] / bandwidth for i in inputs[node]]
            busy = [e for _, d, _, e in done if d == device]
            start = max([0, *arrivals, *busy])
            options.append((start + time, list(times[node]).index(device), device, start))
        if not options:
            return node
        end, _, device, start = min(options)
        done.append([node, device, start, end])
    return done


def drawn(random, size, devices, tight):
    """A random graph as the arguments of place_within, in whole numbers.  tight: the limit, as a share of all results."""
    names = [f"n{k}" for k in range(size)]
    inputs, times = {}, {}
    for k, name in enumerate(names):
        count = int(random.integers(0, min(k, 3) + 1))
        inputs[name] = [names[int(i)] for i in random.choice(range(max(0, k - 6), k), count, replace=False)] if k else []
        able = [d for d in devices if random.random() < 0.85] or devices[:1]
        times[name] = {d: int(random.integers(1, 20)) for d in able}
    nbytes = {name: int(random.integers(1, 10)) * 16 for name in names}
    limits = {d: int(tight * sum(nbytes.values())) for d in devices if random.random() < 0.8} if tight else {}
    return times, inputs, nbytes, int(random.integers(0, 6)), 16, limits


def _agrees(run, case, what):
    wanted = reference(*case)
    if isinstance(wanted, str):
        kinds, text = run.error(placed, *case)
        expect("MemoryError" in kinds, f"{what}: there is no room for {wanted}, which should be a MemoryError and not a {kinds[0]}")
        expect(wanted in text.replace("'", " ").replace(",", " ").split(), f"{what}: the error does not name the node that has no room")
        return
    got = run(placed, *case)
    equal(sorted(entry[0] for entry in got), sorted(entry[0] for entry in wanted), f"{what}: the nodes that were placed")
    equal([entry[0] for entry in got], [entry[0] for entry in wanted], f"{what}: the order in which nodes are placed")
    equal([entry[1] for entry in got], [entry[1] for entry in wanted], f"{what}: the devices of the nodes, in order")
    close([entry[2:] for entry in got], [entry[2:] for entry in wanted], f"{what}: starts and ends")


@task.check(1, "without limits it is the chapter's placer",
            hint="""Do the docstring's example without limits first. Then two nodes that are ready together, on two devices; then one whose
                    input lies elsewhere.""")
def unlimited(run, random):
    for size, devices in ((1, 1), (5, 2), (12, 2), (20, 3)):
        for _ in range(4):
            case = drawn(random, size, [f"d{k}" for k in range(devices)], None)
            _agrees(run, case, f"{size} nodes on {devices} devices")
    a = {"c": 4, "g": 4}
    _agrees(run, ({"x": a, "y": a, "z": dict(reversed(a.items()))}, {"x": [], "y": [], "z": []}, dict.fromkeys("xyz", 8), 1, 8, {}), "ties")


@task.check(1, "a device without room for the result is not looked at",
            hint="""Nodes that need nothing, and whose results nobody needs: each that is placed takes its bytes for ever. Exactly as many
                    bytes as the limit are allowed.""")
def results(run, random):
    for _ in range(5):
        names = [f"n{k}" for k in range(10)]
        times = {n: {"g": int(random.integers(1, 3)), "c": int(random.integers(20, 30))} for n in names}
        nbytes = {n: int(random.integers(1, 5)) * 10 for n in names}
        _agrees(run, (times, {n: [] for n in names}, nbytes, 1, 10, {"g": int(sum(nbytes.values()) * random.uniform(0.2, 0.9))}),
                "ten results")
    exactly = {"a": {"g": 1, "c": 9}, "b": {"g": 1, "c": 9}}
    _agrees(run, (exactly, {"a": [], "b": []}, {"a": 40, "b": 60}, 1, 10, {"g": 100}), "results that just fit")


@task.check(1, "inputs take room where they are carried, once",
            hint="""A node on a device where its input is not: the input will be there too, beside the result. And the second node there
                    that needs the same input finds it: nothing more is taken.""")
def carried(run, random):
    small = int(random.integers(1, 4)) * 10
    times = {"big": {"c": 1}, "one": {"g": 1, "c": 50}, "two": {"g": 1, "c": 50}, "three": {"g": 1, "c": 50}}
    inputs = {"big": [], "one": ["big"], "two": ["big"], "three": ["big", "one"]}
    for limit in (100 + small - 1, 100 + small, 100 + 2 * small, 100 + 3 * small, 200):
        _agrees(run, (times, inputs, {"big": 100, "one": small, "two": small, "three": small}, 2, 50, {"g": limit}), f"a limit of {limit}")


@task.check(1, "what nobody needs any more takes no room, anywhere",
            hint="""Follow a chain: behind the second node the first result is not needed. Is its room free again, on its own device and
                    where it was carried to? And is it still taken while one of two users has yet to come?""")
def freed(run, random):
    names = [f"n{k}" for k in range(12)]
    chain = {n: names[k - 1:k] for k, n in enumerate(names)}
    for devices in ({"g": 1}, {"g": 1, "c": 30}):
        times = {n: dict(devices) for n in names}
        _agrees(run, (times, chain, dict.fromkeys(names, 50), 1, 50, {"g": 100}), "a chain")
    for tight in (0.3, 0.4, 0.5):
        for _ in range(8):
            _agrees(run, drawn(random, 14, ["d0", "d1", "d2"], tight), "random graphs with little room")


@task.check(1, "no room anywhere is a MemoryError that names the node",
            hint="""If no device is left for a node, say so at once, with its name. Do not place it where there is no room, and do not wait
                    for room: nothing will be freed before this node is placed.""")
def full(run, random):
    size = int(random.integers(101, 200))
    _agrees(run, ({"small": {"g": 1}, "large": {"g": 1}}, {"small": [], "large": ["small"]}, {"small": 10, "large": size}, 1, 1,
                  {"g": size + 9}), "two nodes")
    for _ in range(12):
        case = drawn(random, 12, ["d0", "d1"], 0.22)
        case[-1].update({d: int(0.22 * sum(case[2].values())) for d in ("d0", "d1")})
        _agrees(run, case, "a random graph with no room")
