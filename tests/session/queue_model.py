"""What queues do, in Python: the specification that the kernels are compared with.

Times do not occur in it: an action is made, and everything that it allows happens before the next.
"""
MASK = (1 << 64) - 1


class Model:
    """A queue of `capacity`; elements are any values.  kind: "FIFO", "RANDOM" or "PRIORITY", whose elements are (priority, value)."""

    def __init__(self, kind, capacity, least=0, key=0):
        self.kind, self.capacity, self.least, self.state = kind, capacity, least, key
        self.items, self.closed, self.arrivals, self.returns = [], False, 0, 0
        self.bring, self.fetch = [], []       # those that wait, in the order of arrival
        self.ended = {}                       # attempt -> "done", "closed", "too few", "cancelled", or the elements that it got

    # ---- actions ----------------------------------------------------------------------------------------------------------

    def enqueue(self, name, elements):
        self._arrive(self.bring, ["enqueue", name, list(elements)])

    def close(self, name):
        self._arrive(self.bring, ["close", name])

    def close_and_cancel(self):
        self.closed = True
        for attempt in self.bring:
            self.ended[attempt[1]] = "cancelled"
        self.bring = []
        self._serve()

    def dequeue(self, name, count, up_to=False):
        self._arrive(self.fetch, ["dequeue", name, count, up_to, []])

    def cancel(self, name):
        for line in (self.bring, self.fetch):
            for attempt in [a for a in line if a[1] == name]:
                line.remove(attempt)
                if attempt[0] == "dequeue":
                    self._put_back(attempt)
                self.ended[name] = "cancelled"
        self._serve()

    # ---- what follows -----------------------------------------------------------------------------------------------------

    def _arrive(self, line, attempt):
        line.append(attempt)
        self._serve()

    def _serve(self):
        before = None
        while before != (before := (len(self.items), len(self.bring), len(self.fetch), self.closed, sum(len(a[-1]) for a in self.fetch))):
            for line in (self.bring, self.fetch):
                while line:
                    outcome = getattr(self, "_" + line[0][0])(line[0])
                    if outcome is None:
                        break
                    self.ended[line.pop(0)[1]] = outcome

    def _enqueue(self, attempt):
        if self.closed:
            return "closed"
        while attempt[2] and len(self.items) < self.capacity:
            self.arrivals += 1
            self.items.append((self.arrivals, attempt[2].pop(0)))
        return None if attempt[2] else "done"

    def _close(self, attempt):
        if self.closed:
            return "closed"
        self.closed = True
        return "done"

    def _dequeue(self, attempt):
        _, _, count, up_to, got = attempt
        if self.closed and len(self.items) + len(got) < count:
            self._put_back(attempt)
            if not up_to or not self.items:
                return "too few"
            count = attempt[2] = len(self.items)
        least = 0 if self.closed else self.least
        while len(got) < count and len(self.items) > least:
            got.append(self._take())
        return [value for _, value in got] if len(got) == count else None

    def _take(self):
        if self.kind == "FIFO":
            return self.items.pop(0)
        if self.kind == "PRIORITY":
            least = min(self.items, key=lambda item: (item[1][0], item[0]))
            self.items.remove(least)
            return least
        k = self._random() * len(self.items) >> 64
        last = self.items.pop()
        if k == len(self.items):
            return last
        taken, self.items[k] = self.items[k], last
        return taken

    def _put_back(self, attempt):
        while attempt[4]:
            _, value = attempt[4].pop()
            self.returns -= 1
            self.items.insert(len(self.items) if self.kind == "RANDOM" else 0, (self.returns, value))

    def _random(self):
        """splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)."""
        self.state = self.state + 0x9E3779B97F4A7C15 & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return z ^ z >> 31
