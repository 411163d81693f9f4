"""A rendezvous that calls back, and its end (4 points)

The chapter's devices are asked again and again whether they can go on.  A real one is told: who wants a value leaves a function, and is
called with the value when it is there.  And things go wrong: a kernel fails on one device, and then nobody may wait for what will never be
sent.

Write the class `Rendezvous`.

    send(key, value)       leaves the value and returns.  If somebody waits for it, his function is called, before send returns.  The value
                           may be anything, None too
    receive(key, done)     calls done(None, value) with the value of that key, which is then gone: at once if it is there, else later, when
                           it is sent.  Never waits
    abort(error)           calls done(error, None) of all who wait, in the order in which they came.  From then on every send raises this
                           error, and every receive calls done(error, None) at once, also for values that were sent before.  A later abort
                           does nothing
    waiting()              [key]: what somebody waits for now, in the order in which they came

Each key is sent once and received once.  A second send of a key raises RuntimeError; a second receive of a key, whether the first has its
value or still waits, calls done(RuntimeError(...), None).  The text has the key.  Neither harms the first.

Functions that are called may call the rendezvous again: send what they have computed, receive the next, abort.  So call them when
everything is in order, and when none of your collections is being gone through.  Each is called exactly once.

Example:

    r = Rendezvous()
    r.receive("x", lambda error, value: r.send("y", value + 1))
    r.waiting()                                                     ["x"]
    r.send("x", 6)
    r.receive("y", lambda error, value: print(error, value))        None 7

make grade CH=08
"""


class Rendezvous:
    ### BEGIN SOLUTION
    def __init__(self):
        self.values, self.waiters, self.sent, self.received, self.error = {}, {}, set(), set(), None

    def send(self, key, value):
        if self.error is not None:
            raise self.error
        if key in self.sent:
            raise RuntimeError(f"sent twice: {key}")
        self.sent.add(key)
        if key in self.waiters:
            self.waiters.pop(key)(None, value)
        else:
            self.values[key] = value

    def receive(self, key, done):
        if self.error is not None:
            done(self.error, None)
        elif key in self.received:
            done(RuntimeError(f"received twice: {key}"), None)
        else:
            self.received.add(key)
            if key in self.values:
                done(None, self.values.pop(key))
            else:
                self.waiters[key] = done

    def abort(self, error):
        if self.error is None:
            self.error = error
            waiters, self.waiters = self.waiters, {}
            for done in waiters.values():
                done(error, None)

    def waiting(self):
        return list(self.waiters)
    ### END SOLUTION
