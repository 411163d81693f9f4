"""placement_period: a run is traced every so many steps, and placed again with what was measured, until that gains nothing."""
from ..core.errors import OpError
from ..placement.greedy import simulate
from ..placement.placer import holds_state
from .trace import step_stats

MOST = 10                     # new placements of one run: by then only noise moves it
GAIN = 0.95                   # of the simulated time of the present placement: what does not end before that is noise as well


class Relearning:
    """An Executable that is placed again as its costs become known; the session uses it as it uses the Executable."""

    def __init__(self, executable, period, model, log):
        self._executable, self._period, self._model, self._log = executable, period, model, log
        self._steps, self._placed = 0, {}               # shapes of the feeds -> how often placed again, None once nothing moves

    def __getattr__(self, name):
        return getattr(self._executable, name)

    def run(self, feed_dict, timeout, tracer=None):
        self._steps += 1
        if self._steps % self._period:
            return self._executable.run(feed_dict, timeout, tracer)
        variant = self._executable.variant(feed_dict or {})
        times = self._placed.get(variant.shapes, 0)
        if times is None:
            return self._executable.run(feed_dict, timeout, tracer)
        found = []

        def trace(step):
            found.append(step_stats(step))
            if tracer is not None:
                tracer(step)
        values = self._executable.run(feed_dict, timeout, trace)
        self._placed[variant.shapes] = self._place_again(variant, found[0], times)
        return values

    def _place_again(self, variant, stats, times):
        """Learn from a step, and look where the nodes would go now.  None if they stay, else how often something has moved."""
        before = placed(variant)
        context = self._executable.context
        with context.lock:
            self._model.update(stats, before)
            try:
                program, placement = context.placed_program(self._executable, variant.shapes)
            except OpError:                              # a node finds no room now: all stay
                return None
            moved = {n.name: (before[n.name], n.device) for n in program.nodes if before.get(n.name, n.device) != n.device}
            if moved:
                as_it_is = simulate(placement.work, {n: before.get(n.name, n.device) for n in placement.work.times})
                if placement.schedule.makespan > GAIN * as_it_is.makespan:
                    moved = {}
            if self._log:
                for name, (old, new) in moved.items():
                    print(f"{name}: moves from {old} to {new} after {self._steps} steps")
                print(f"placement after {self._steps} steps: {len(moved)} of {len(before)} nodes move")
            if not moved or times + 1 == MOST:
                return None
            self._executable.forget(variant)
        return times + 1


def placed(variant):
    """{name: device} of the nodes of a prepared run that do something, as the program had them before each device's part was optimised."""
    return {n.name: part.device for part in variant.program for n in part.nodes
            if n.values is None and n.type not in ("_Send", "_Recv", "_Feed", "Const") and not holds_state(n)}
