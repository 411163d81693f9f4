"""Random work for the greedy placer, and the best placement of small work, found by trying all."""
import itertools

from minitf.placement.greedy import Work, devices_of, simulate


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


def exhaustive(work):
    """The Schedule of the best of all placements.  Only for few nodes: there are devices ** nodes of them."""
    devices, nodes = devices_of(work), list(work.times)
    best = None
    for choice in itertools.product(devices, repeat=len(nodes)):
        schedule = simulate(work, dict(zip(nodes, choice)))
        if best is None or schedule.makespan < best.makespan:
            best = schedule
    return best
