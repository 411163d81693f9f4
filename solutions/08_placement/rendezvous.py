"""A rendezvous for threads, and its end (4 points)

In the chapter devices take turns.  Here each is a thread of its own, and may come at any moment.  And things go wrong: a kernel fails, and
then nobody must wait for what that device will never send.

Write the class `Rendezvous`, with three methods that any thread may call at any time.

    send(key, value)            leaves the value, and returns at once.  The value may be anything, None too
    receive(key, timeout=10)    takes the value of that key away and returns it; waits until it has been sent.  After `timeout` seconds without
                                it: TimeoutError, whose text has the key
    abort(error)                wakes all who wait: their receive raises this error.  So does every send and every receive that comes later, also
                                of values that were sent before.  Only the first abort counts

Each key is sent once and received once.  A second send of a key, and a receive of a key that another has received or is waiting for now, is a
RuntimeError whose text has the key; it harms nobody else.  (After a TimeoutError the key may be received again.)

Waiting must cost no processor time: wait for a threading.Condition, not in a loop that looks again and again.  Thirty threads may wait at the
same time.

Example:

    r = Rendezvous()
    r.send("a;b;x:0", 7)
    r.receive("a;b;x:0")                  7
    r.receive("a;b;x:0")                  RuntimeError: received twice: a;b;x:0
    r.receive("a;b;y:0", timeout=0.1)     TimeoutError: waited 0.1 s for a;b;y:0

make grade CH=08
"""
import threading


class Rendezvous:
    ### BEGIN SOLUTION
    def __init__(self):
        self.changed, self.values, self.sent, self.received, self.error = threading.Condition(), {}, set(), set(), None

    def send(self, key, value):
        with self.changed:
            self._once(key, self.sent, "sent")
            self.values[key] = value
            self.changed.notify_all()

    def receive(self, key, timeout=10):
        with self.changed:
            self._once(key, self.received, "received")
            self.changed.wait_for(lambda: self.error is not None or key in self.values, timeout)
            if self.error is not None:
                raise self.error
            if key not in self.values:
                self.received.discard(key)
                raise TimeoutError(f"waited {timeout} s for {key}")
            return self.values.pop(key)

    def abort(self, error):
        with self.changed:
            if self.error is None:
                self.error = error
            self.changed.notify_all()

    def _once(self, key, seen, what):
        if self.error is not None:
            raise self.error
        if key in seen:
            raise RuntimeError(f"{what} twice: {key}")
        seen.add(key)
    ### END SOLUTION
