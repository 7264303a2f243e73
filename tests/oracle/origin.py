"""
What the origin had, moment by moment: the diary that the tests' vCenter keeps (tests/vcenter/diary.go), and what it
would have answered to a read at each of them.
"""
import bisect
import json

from soap import GONE
from tell import encode

FIELDS = {"name": "name", "config.annotation": "annotation", "config.hardware.numCPU": "cpus",
          "runtime.powerState": "power", "parent": "parent", "config.uuid": "uuid"}


class State:
    """All machines and folders between two changes."""

    def __init__(self, page, objects):
        self.begin, self.end, self.by = page["from"], page["to"], page["by"]  # of the change that led to it
        self.changed = sorted(page["objects"])
        self.objects = {**objects, **page["objects"]}
        self.objects = {name: seen for name, seen in self.objects.items() if seen is not None}
        self.answers = {}

    def answer(self, query):
        """What a read comes to, as a worker encodes it."""
        key = encode(query)
        if key not in self.answers:
            self.answers[key] = encode(getattr(self, query[0])(*query[1:]))
        return self.answers[key]

    def folder(self, name):
        return name in self.objects and "children" in self.objects[name]

    def machine(self, name, paths):
        seen = self.objects.get(name)
        return {path: str(seen[FIELDS[path]]) for path in paths} if seen else GONE

    def machines(self, folder, paths):
        if folder and not self.folder(folder):
            return GONE
        return {name: self.machine(name, paths) for name, seen in self.objects.items()
                if "power" in seen and (not folder or self.is_below(name, folder))}

    def is_below(self, name, folder):
        while name in self.objects:
            name = self.objects[name]["parent"]
            if name == folder:
                return True
        return False

    def children(self, folder):
        return sorted(self.objects[folder]["children"]) if self.folder(folder) else GONE

    def uuid(self, uuid):
        return next((name for name, seen in self.objects.items() if seen.get("uuid") == uuid), None)

    def path(self, path):
        """Below DC0/vm, which is the folder whose parent the diary does not know."""
        at = next(name for name, seen in self.objects.items() if seen["parent"] not in self.objects)
        for name in path.split("/")[2:]:
            at = self.child(at, name)
            if at in (None, GONE):
                return None
        return at

    def child(self, folder, name):
        if folder not in self.objects:
            return GONE
        return next((child for child in self.objects[folder].get("children", ())
                     if self.objects.get(child, {}).get("name") == name), None)


class History:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.rest = b""
        self.states = []
        self.ends = []  # when each state's change was complete

    def update(self):
        """Afterwards all is here that the origin had answered by anything before the call."""
        self.rest += self.file.read()
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            page = json.loads(line)
            self.states.append(State(page, self.states[-1].objects if self.states else {}))
            self.ends.append(page["to"])

    def between(self, begin, end):
        """The numbers (first, last) of the states that the origin may have been in at some moment of that time."""
        first = max(bisect.bisect_left(self.ends, begin) - 1, 0)
        last = first
        while last + 1 < len(self.states) and self.states[last + 1].begin <= end:
            last += 1
        return first, last
