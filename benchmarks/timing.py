"""How one step is timed: in blocks long enough for the clocks, by processor time and by wall time, medians of both."""
import gc
import statistics
import time

BLOCK_SECONDS = 1e-3
CHECKED_STEPS = 3


def measure(step, budget):
    """Seconds per step, {"cpu", "wall", "steps"}, from about `budget` seconds of timing after a warm-up of a third of that.

    cpu is the time of all threads of this process: on a machine that others use too, it leaves out the waiting for a core.
    """
    warm_up(step, budget / 3)
    began = time.perf_counter()
    step()
    in_block = max(1, int(BLOCK_SECONDS / max(time.perf_counter() - began, 1e-7)))
    cpu, wall = [], []
    gc.collect()
    began = time.perf_counter()
    while time.perf_counter() - began < budget or len(wall) < 3:
        cpu_before, wall_before = time.process_time(), time.perf_counter()
        for _ in range(in_block):
            step()
        wall.append((time.perf_counter() - wall_before) / in_block)
        cpu.append((time.process_time() - cpu_before) / in_block)
    return dict(cpu=statistics.median(cpu), wall=statistics.median(wall), steps=in_block * len(wall))


def warm_up(step, seconds):
    began = time.perf_counter()
    step()
    while time.perf_counter() - began < seconds:
        step()
