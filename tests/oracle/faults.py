"""
What goes wrong on purpose, drawn from a seed and counted in steps: workers killed, sessions ended at the origin,
connections closed, requests refused or broken off, the cache flushed or removed. And what is no fault, but makes races:
answers that are held back after they were computed, tasks that take time.
"""
import http.client
import random
import socket
from time import monotonic_ns

# Steps from one to the next. Weather: delays and times of tasks.
EVERY = {"kills": 500, "end-sessions": 900, "close-connections": 700, "failures": 500, "flushes": 1200,
         "removals": 1500, "weather": 120}
FAULTS = sorted(set(EVERY) - {"weather"})

FAILING = ["RetrievePropertiesEx", "RetrieveProperties", "FindByUuid", "PowerOnVM_Task", "ReconfigVM_Task", "Login"]
FAILURES = ["status=503", "fault=HostNotConnected", "reset=1", "truncate=1", "before=1"]
SLOWED = ["RetrievePropertiesEx", "RetrieveProperties", "Fetch", "FindByUuid", "FindByInventoryPath", "CreateFolder",
          "PowerOnVM_Task", "PowerOffVM_Task", "ReconfigVM_Task", "Rename_Task", "MoveIntoFolder_Task"]


class Control(http.client.HTTPConnection):
    """The vCenter's control server."""

    def __init__(self, path):
        super().__init__("control")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def post(self, call):
        self.request("POST", call)
        answer = self.getresponse()
        text = answer.read().decode().strip()
        if answer.status != 200:
            raise RuntimeError("%s: %s" % (call, text))
        return text


class Faults:
    """`wanted`: which; `kill` is called to kill a worker, `clear` to flush or remove the cache."""

    def __init__(self, seed, control, wanted, kill, clear):
        self.random = random.Random("%s/faults" % seed)
        self.control = Control(control)
        self.kill, self.clear = kill, clear
        self.counts = dict.fromkeys(sorted(wanted), 0)
        self.next = {what: self.random.expovariate(1 / EVERY[what]) for what in self.counts}
        self.next["weather"] = 0
        self.spells = {"end-sessions": [], "close-connections": []}  # (begin, end) of each

    def tick(self, steps):
        """Does what is due after so many steps."""
        for what in sorted(self.next):
            while self.next[what] <= steps:
                self.next[what] += self.random.expovariate(1 / EVERY[what])
                getattr(self, "do_" + what.replace("-", "_"))()
                if what in self.counts:
                    self.counts[what] += 1

    def do_weather(self):
        if self.random.random() < 0.6:
            self.control.post("/task-time?ms=%d" % self.random.choice([0, 0, 1, 4, 12, 40]))
        else:
            self.control.post("/delay?ms=%d&operation=%s" % (self.random.choice([0, 0, 0, 1, 3, 10]),
                                                            self.random.choice(SLOWED)))

    def do_kills(self):
        self.kill(self.random)

    def do_flushes(self):
        self.clear(is_removed=False)

    def do_removals(self):
        self.clear(is_removed=True)

    def do_end_sessions(self):
        self.spell("end-sessions", "/end-sessions")

    def do_close_connections(self):
        self.spell("close-connections", "/close-connections" + self.random.choice(["", "?reset=1"]))

    def spell(self, what, call):
        begin = monotonic_ns()
        self.control.post(call)
        self.spells[what].append((begin, monotonic_ns()))

    def do_failures(self):
        self.control.post("/fail?times=1&%s&operation=%s" % (self.random.choice(FAILURES), self.random.choice(FAILING)))
