"""Random work for the greedy placer, and the best placement of small work, found by trying all.

    python tests/placement/random_work.py 1000

prints how good the placer is on so many random graphs.
"""
import itertools
import random as random_module
import sys

from minitf.placement.greedy import Work, best, devices_of, place, simulate, single_device

RATIOS = [0.0, 0.1, 0.3, 1.0, 3.0]             # of the time that a tensor takes on its way to the time that a node takes


def random_work(random, n_nodes, n_devices=2, ratio=1.0, density=0.35, alike=True):
    """A random acyclic graph: times of 1 to 100, and tensors that take `ratio` times as long on the way, on average.

    random: a random.Random.  alike: all devices are equally fast.
    """
    devices = [f"CPU:{i}" for i in range(n_devices)]
    times = {}
    for k in range(n_nodes):
        time = random.randint(1, 100)
        times[f"n{k}"] = {d: time if alike else time * random.choice([1, 1, 2, 3]) for d in devices}
    edges = []
    for target in range(1, n_nodes):
        for source in range(target):
            if random.random() < density * min(1.0, 4 / target):
                edges.append((f"n{source}", f"n{target}", random.randint(1, 100)))
    return Work(times, edges, lambda nbytes, source, destination: nbytes * ratio)


def small_work(seed, most=8):
    """Random work of 3 to `most` nodes on two devices."""
    random = random_module.Random(seed)
    return random_work(random, random.randint(3, most), 2, random.choice(RATIOS))


def large_work(seed):
    """Random work of 10 to 60 nodes on two to four devices, which may differ in speed."""
    random = random_module.Random(seed)
    return random_work(random, random.randint(10, 60), random.choice([2, 3, 4]), random.choice(RATIOS), alike=random.random() < 0.5)


FINDERS = {"ready": place, "path": lambda work: place(work, "path"), "best": best}


def shares(works, small):
    """{finder: (share that takes at most 1.3 of the best there is, or None where that is not searched; share at most a single device, worst)}"""
    found = {name: [] for name in FINDERS}
    for work in works:
        alone = min(s.makespan for s in single_device(work))
        least = exhaustive(work).makespan if small else alone
        for name, find in FINDERS.items():
            makespan = find(work).makespan
            found[name].append((makespan / least, makespan <= alone))
    return {name: (sum(r <= 1.3 for r, _ in rows) / len(rows) if small else None, sum(ok for _, ok in rows) / len(rows), max(r for r, _ in rows))
            for name, rows in found.items()}


def exhaustive(work):
    """The Schedule of the best of all placements.  Only for few nodes: there are devices ** nodes of them."""
    devices, nodes = devices_of(work), list(work.times)
    best = None
    for choice in itertools.product(devices, repeat=len(nodes)):
        schedule = simulate(work, dict(zip(nodes, choice)))
        if best is None or schedule.makespan < best.makespan:
            best = schedule
    return best


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for title, works, small in ((f"{count} graphs of 3 to 8 nodes, two devices", map(small_work, range(count)), True),
                                (f"{count // 4} graphs of 3 to 10 nodes, two devices", (small_work(seed, 10) for seed in range(count // 4)), True),
                                (f"{count} graphs of 10 to 60 nodes, two to four devices", map(large_work, range(count)), False)):
        print(title)
        for name, (near, no_worse, worst) in shares(works, small).items():
            of = "the best placement" if small else "a single device"
            print(f"  {name:5}  at most a single device's time: {no_worse:7.2%}   at worst {worst:.2f} of {of}" + (f"   within 1.3 of it: {near:7.2%}" if small else ""))
