"""
What a program may fail of: only what it would have failed of without the shim, too. That is told by facts alone: when
a fault was done (faults.py), and what the vCenter's journal has of the program's requests, and of those that the shim
sent in its name, under the same User-Agent.
"""
import bisect
import collections
import json
import re

MEANWHILE = " meanwhile"  # while a program had something in its session: pages to come, a filter
BREAKS = {"reset before": "connection", "reset": "connection", "truncate": "connection"}


class Excuses:
    def __init__(self, journal, spells):
        self.file, self.rest, self.spells = open(journal, "rb"), b"", spells
        self.requests = collections.defaultdict(list)  # worker → its requests, by the time of their arrival
        self.users = collections.defaultdict(set)  # session → the workers in it

    def update(self):
        """Afterwards all is here that was answered before the call."""
        self.rest += self.file.read()
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            entry = json.loads(line)
            worker = re.search(r"worker ([\w-]+)", entry["agent"])
            if worker:
                bisect.insort(self.requests[worker.group(1)], entry, key=lambda entry: entry["at"])
                self.users[entry["session"]].add(worker.group(1))

    def excuse(self, worker, trouble, is_unknown):
        """Whether that worker would have had this trouble without the shim. `is_unknown`: its login was not looked at."""
        self.update()
        since, before, opening, moment, what = trouble
        asked = self.between(worker, since, moment)
        kind = "connection" if what.startswith("connection") else what.removesuffix(MEANWHILE)
        if any(BREAKS.get(entry.get("trouble"), entry.get("trouble")) == kind for entry in asked):
            return True
        if kind == "connection":
            return self.is_closed(worker, since, before, moment) or self.is_stillborn(worker, since, opening, moment)
        if what.endswith(MEANWHILE):
            return self.happened("end-sessions", since, moment)
        return what == "fault NotAuthenticated" and (self.is_past_healing(asked, since, moment)
                                                     or self.is_own(worker, asked, moment, is_unknown))

    def is_closed(self, worker, since, before, moment):
        """The connection was closed while the request was under way; or before, since the vCenter was last heard over
        it. But if the program's last answer came from the cache, the shim has to open another."""
        if before is not None and self.between(worker, before, since):
            since = before
        return self.happened("close-connections", since, moment)

    def is_stillborn(self, worker, since, opening, moment):
        """The connection was closed before its first request, which would have failed without the shim; and nothing was
        heard over it."""
        return (opening is not None and not self.between(worker, opening[0], since)
                and self.happened("close-connections", opening[0], opening[1] or moment))

    def is_past_healing(self, asked, since, moment):
        """A session that has ended is opened anew, unless that login meets a fault of its own, or the new session ends
        at once."""
        refused = sum(is_refused(entry) for entry in asked)
        if refused > 1 and self.happened("end-sessions", since, moment):
            return True
        failed = any(entry["operation"] == "Login" and entry.get("trouble") for entry in asked)
        return refused > 0 and (failed or self.happened("close-connections", since, moment))

    def is_own(self, worker, asked, moment, is_unknown):
        """The session in which it was heard last was its own alone, and has ended since. It is opened anew all the same,
        but not to be logged out of, nor if nobody knows with what."""
        refused = [entry for entry in asked if is_refused(entry)]
        alive = [entry for entry in self.between(worker, 0, moment) if entry["session"]]
        return (bool(refused and alive) and (is_unknown or refused[0]["operation"] == "Logout")
                and self.users[alive[-1]["session"]] == {worker} and self.happened("end-sessions", alive[-1]["at"], moment))

    def in_words(self, worker, since, before, _opening, moment, what):
        """What was known of it."""
        lines = ["%s, which took %.3f ms" % (what, (moment - since) / 1e6)]
        lines += ["  %s %.3f ms before it began, which took %.3f ms" % (fault, (since - begin) / 1e6, (end - begin) / 1e6)
                  for fault, spells in self.spells.items() for begin, end in spells[-2:]]
        lines += ["  the vCenter was asked %s %.3f ms before it began: %s" % (
            entry["operation"], (since - entry["at"]) / 1e6, entry.get("trouble") or "status %d" % entry["status"])
                  for entry in self.between(worker, min(since, before or since), moment)]
        return "\n".join(lines)

    def between(self, worker, begin, end):
        requests = self.requests[worker]
        return requests[bisect.bisect_left(requests, begin, key=lambda entry: entry["at"]):
                        bisect.bisect_left(requests, end, key=lambda entry: entry["at"])]

    def happened(self, what, since, moment):
        return any(begin <= moment and end >= since for begin, end in self.spells[what])


def is_refused(entry):
    """Its session was none that the vCenter knows."""
    return entry["cookie"] and not entry["session"]
