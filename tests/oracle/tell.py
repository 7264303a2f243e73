"""What a worker tells the oracle: one JSON array a line, to the descriptor in ORACLE_TELL.

    ["read", step, begin, end, way, query, result]
    ["write", step, moment, identity, operation, object]   before it is sent
    ["wrote", step, moment, identity, outcome]             a task, an object, or the name of a fault
    ["ended", step, moment, identity, state, way]          its task was seen in its last state
    ["did", step, begin, end, what]                        what is no read and no write
    ["trouble", step, begin, before, opening, end, what]   what a program takes for a failure; before: when the request
                                                           before it on its connection began, if that was not the first;
                                                           opening: when the connection was opened, and first answered
    ["bye", step, moment]

Moments are nanoseconds of CLOCK_MONOTONIC. A line is one write(2), and no larger than a pipe takes at once is not
needed: every worker has a pipe of its own.
"""
import json
import os
from time import monotonic_ns

encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class Teller:
    def __init__(self):
        self.descriptor = int(os.environ["ORACLE_TELL"])
        self.step = 0

    def tell(self, kind, *rest):
        line = (encode([kind, self.step, *rest]) + "\n").encode()
        while line:
            line = line[os.write(self.descriptor, line):]

    def read(self, begin, end, way, query, result):
        self.tell("read", begin, end, way, query, encode(result))

    def write(self, identity, operation, target):
        self.tell("write", monotonic_ns(), identity, operation, target)

    def wrote(self, identity, outcome):
        self.tell("wrote", monotonic_ns(), identity, outcome)

    def ended(self, identity, state, way):
        self.tell("ended", monotonic_ns(), identity, state, way)

    def did(self, begin, what):
        self.tell("did", begin, monotonic_ns(), what)

    def trouble(self, trouble):
        self.tell("trouble", trouble.since, trouble.before, trouble.opening, monotonic_ns(), trouble.what)

    def bye(self):
        self.tell("bye", monotonic_ns())
