"""
The judge of promise 3. A read is right if the origin would have answered it so, all of it, at one moment between its
begin and its end: every writer is a program under the shim, so whatever was written before the read began was an own
write and may not be hidden, not even while its answer or the end of its task was still on its way (cache/fence.h).

One exception, the promise's bound: a change that took effect later than VCACHE_FENCE after its request was sent, when
its writer had no answer or nobody had seen its task end, need not have been known. They are counted.
"""
from tell import encode


class Contradiction(Exception):
    pass


class Judge:
    def __init__(self, history, fence_ns):
        self.history = history
        self.fence_ns = fence_ns
        self.writes = {}  # identity → [worker, step, operation, object, sent, returned, outcome, ended]
        self.reads = self.overlapping = self.late = 0

    # ---- what is told of writes ----

    def write(self, worker, step, moment, identity, operation, target):
        self.writes[identity] = [worker, step, operation, target, moment, None, None, None]

    def wrote(self, _worker, _step, moment, identity, outcome):
        self.writes[identity][5:7] = moment, outcome

    def ended(self, _worker, _step, moment, identity, *_):
        self.writes[identity][7] = moment

    # ---- reads ----

    def read(self, worker, step, begin, end, way, query, result):
        """Raises Contradiction."""
        states = self.history.states
        first, last = self.history.between(begin, end)
        self.reads += 1
        self.overlapping += last > first
        if self.matches(range(first, last + 1), query, result):
            return
        while first > 0 and self.is_late(states[first], begin):
            first -= 1
            self.late += 1
            if states[first].answer(query) == result:
                return
        raise Contradiction(self.explain(worker, step, begin, end, way, query, result, first, last))

    def matches(self, numbers, query, result):
        return any(self.history.states[number].answer(query) == result for number in numbers)

    def is_late(self, state, begin):
        """Whether the change that led to this state came when its fence had been given up, and a reader that began
        then need not know of it."""
        write = self.writes.get(state.by)
        if not write:
            return False
        sent, returned = write[4], write[5]
        is_returned = returned is not None and state.begin < returned <= begin
        return state.end > sent + self.fence_ns and not is_returned

    # ---- words ----

    def explain(self, worker, step, begin, end, way, query, result, first, last):
        states = self.history.states
        lines = ["worker %s, step %d: %s by %s, %.3f ms long, from %.3f s on" %
                 (worker, step, encode(query), way, (end - begin) / 1e6, self.seconds(begin)),
                 "  was shown      %s" % result]
        lines += ["  the origin had %s" % answer for answer in
                  dict.fromkeys(states[n].answer(query) for n in range(first, last + 1))]
        older = next((n for n in range(first - 1, -1, -1) if states[n].answer(query) == result), None)
        newer = next((n for n in range(last + 1, len(states)) if states[n].answer(query) == result), None)
        if older is not None:
            end_of = next(n for n in range(older + 1, last + 1) if states[n].answer(query) != result)
            lines += ["  which had been true until %.3f ms before the read began. It contradicts:" %
                      ((begin - states[end_of].end) / 1e6)]
            lines += ["    " + self.write_in_words(states[n], begin) for n in range(end_of, last + 1)
                      if states[n].answer(query) != states[n - 1].answer(query)][:8]
        elif newer is not None:
            lines += ["  which came to be only %.3f ms after the read had ended" % ((states[newer].begin - end) / 1e6)]
        else:
            lines += ["  which was never true at any one moment"]
        return "\n".join(lines)

    def seconds(self, moment):
        return (moment - self.history.states[0].begin) / 1e9

    def write_in_words(self, state, begin):
        def ago(moment):
            return "never" if moment is None else "%.3f ms" % ((begin - moment) / 1e6)
        write = self.writes.get(state.by)
        if not write:
            return "a change by %r that no worker told of" % state.by
        worker, step, operation, target, sent, returned, outcome, ended = write
        return ("%s of %s (%s, worker %s, step %d, answered %s). Before the read began: sent %s, answered %s, in effect %s, "
                "task seen to have ended %s" % (operation, target, state.by, worker, step, outcome, ago(sent), ago(returned),
                                                ago(state.end), ago(ended)))
