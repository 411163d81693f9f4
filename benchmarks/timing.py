"""How one step is timed: in blocks long enough for the clocks, by processor time and by wall time, medians of both."""
import gc
import os
import statistics
import time

BLOCK_SECONDS = 1e-3
CHECKED_STEPS = 3


def measure(step, budget):
    """Seconds per step, {"cpu", "wall", "least", "steps"}, from about `budget` seconds of timing after a warm-up of a third of that.

    cpu is the time of all threads of this process: on a machine that others use too, it leaves out the waiting for a core.
    wall is a median and least the smallest; others says how many cores all other processes had meanwhile (None: unknown).
    """
    warm_up(step, budget / 3)
    began = time.perf_counter()
    step()
    in_block = max(1, int(BLOCK_SECONDS / max(time.perf_counter() - began, 1e-7)))
    cpu, wall = [], []
    gc.collect()
    busy, own = busy_seconds(), time.process_time()
    began = time.perf_counter()
    while time.perf_counter() - began < budget or len(wall) < 3:
        cpu_before, wall_before = time.process_time(), time.perf_counter()
        for _ in range(in_block):
            step()
        wall.append((time.perf_counter() - wall_before) / in_block)
        cpu.append((time.process_time() - cpu_before) / in_block)
    others = busy and (busy_seconds() - busy - (time.process_time() - own)) / (time.perf_counter() - began)
    return dict(cpu=statistics.median(cpu), wall=statistics.median(wall), least=min(wall), steps=in_block * len(wall), others=others)


def busy_seconds():
    """The time that all cores have been busy since the machine started; None where /proc/stat is not to be had."""
    try:
        with open("/proc/stat") as f:
            user, nice, system, _, _, irq, softirq, *_ = map(int, f.readline().split()[1:])
    except OSError:
        return None
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def warm_up(step, seconds):
    began = time.perf_counter()
    step()
    while time.perf_counter() - began < seconds:
        step()
