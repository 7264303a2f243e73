#!/usr/bin/python3
"""
The oracle: real processes under the shim read and write one vCenter at random, and every read is judged by what the
vCenter had (judge.py). It ends with status 1 at the first read that hides an own write, or when a program fails of
anything that it would not have failed of without the shim.

    oracle.py --build build --steps 5000 --seed 7

Everything is drawn from the seed: what each worker does, in which step what goes wrong. How the processes interleave
is the machine's affair. Of many steps, so many (--round) at a time are done with one vCenter and one cache; the second
round's seed is the next number, so that a failing round can be run by itself.
"""
import argparse
import collections
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from excuses import Excuses
from faults import FAULTS, Faults
from judge import Contradiction, Judge
from origin import History

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
WAYS = ["filter", "view-in-pages", "pyvmomi", "names"]  # what can be left out, beside the faults
USERS = {"administrator@vsphere.local": "vcache-Secret-1", "reader@vsphere.local": "vcache-Secret-2"}
FENCE_SECONDS = 0.5
LIFE = (60, 400)  # steps of a process, before another takes its place
TAIL = 25
MOST_SILENT = 90  # seconds without a word from anybody


class Failure(Exception):
    pass


class Place:
    """Where one worker works at a time, and after its end the next."""

    def __init__(self, number, quota, is_plain=False):
        self.number, self.quota, self.is_plain = number, quota, is_plain
        self.name = "plain" if is_plain else str(number)
        self.life = self.done = 0
        self.process = self.pipe = self.errors = self.worker = None
        self.rest = b""
        self.heard = 0.0
        self.said_bye = self.is_killed = False
        self.dies_at = None  # the next line of this kind is its last
        self.tail = collections.deque(maxlen=TAIL)

    def words(self):
        """Its last steps, for people."""
        return "\n".join(line if len(line) < 200 else line[:200] + "…" for line in self.tail)


class Round:
    def __init__(self, options, seed, steps, directory):
        self.options, self.seed, self.steps, self.directory = options, seed, steps, directory
        self.build = os.path.abspath(options.build)
        self.shim = os.path.abspath(options.shim or options.build)
        self.selector = selectors.DefaultSelector()
        self.counts = collections.Counter()
        self.unjudged = []
        self.places = [Place(n, steps // options.processes + (n < steps % options.processes))
                       for n in range(options.processes)]
        self.plain = Place(options.processes, sys.maxsize, is_plain=True)

    # ---- the round ----

    def run(self):
        self.start_vcenter()
        try:
            self.history = History(os.path.join(self.directory, "vcenter", "diary"))
            self.judge = Judge(self.history, int(FENCE_SECONDS * 1e9))
            self.faults = Faults(self.seed, os.path.join(self.directory, "vcenter", "control.sock"),
                                 set(FAULTS) & set(self.options.wanted), self.kill_one, self.clear)
            self.excuses = Excuses(os.path.join(self.directory, "vcenter", "journal"), self.faults.spells)
            self.history.update()
            for place in [*self.places, self.plain]:
                self.start(place)
            self.watch()
            self.kill(self.plain)
            self.look_for_repetition()
            self.counts["answered"] = self.answered()
        finally:
            self.end()

    def watch(self):
        while any(place.process for place in self.places):
            told = [(key.data, self.lines(key.data)) for key, _ in self.selector.select(1)]
            self.history.update()  # whatever was told is older
            for place, lines in told:
                for line in lines or ():
                    self.hear(place, line)
            self.judge_all()
            for place, lines in told:
                if lines is None:
                    self.ended(place)
            self.faults.tick(self.counts["steps"])
            self.look_for_silence()

    def lines(self, place):
        """What a worker has told since; None: it has ended."""
        told = os.read(place.pipe, 1 << 20)
        if not told:
            return None
        *lines, place.rest = (place.rest + told).split(b"\n")
        return lines

    def hear(self, place, line):
        kind, step, *rest = json.loads(line)
        place.heard = time.monotonic()
        place.tail.append(line.decode())
        if kind in ("read", "write", "did", "trouble") and not place.is_plain and step > place.step:
            place.step = step
            place.done += 1
            self.counts["steps"] += 1
        if kind == place.dies_at:
            self.kill(place)
        if kind == "bye":
            place.said_bye = True
        elif kind == "trouble":
            self.hear_trouble(place, *rest)
        elif kind == "read":
            self.unjudged.append((place, step, *rest))
        elif kind != "did":
            self.counts[kind] += 1
            getattr(self.judge, kind)(place.name, step, *rest)

    def judge_all(self):
        """After all that was told of writes at the same time."""
        for place, *read in self.unjudged:
            try:
                self.judge.read(place.name, *read)
            except Contradiction as contradiction:
                raise Failure(self.verdict(place, str(contradiction))) from None
        self.unjudged.clear()

    def look_for_silence(self):
        for place in self.places:
            if place.process and time.monotonic() - place.heard > MOST_SILENT:
                raise Failure(self.failed(place, "has been silent for %d s" % MOST_SILENT))

    def verdict(self, place, contradiction):
        if place.is_plain:
            return "THE ORACLE IS WRONG: a read without the shim contradicts the diary\n" + contradiction
        return "A READ HIDES AN OWN WRITE\n%s\nthe shim of process %d:\n%s\nlast steps of worker %s:\n%s" % (
            contradiction, place.process.pid, "\n".join(self.log_of(place.process.pid)[-TAIL:]), place.name, place.words())

    def hear_trouble(self, place, *trouble):
        is_unknown = any(" Login pass no-cache " in line for line in self.log_of(place.process.pid))
        if not place.is_plain and not self.excuses.excuse(place.worker, trouble, is_unknown):
            raise Failure(self.failed(place, self.excuses.in_words(place.worker, *trouble)))
        self.counts["troubles of faults"] += 1

    def failed(self, place, what):
        return "A PROGRAM FAILS: worker %s, step %d, process %d: %s\nits shim:\n%s\nits last steps:\n%s" % (
            place.name, place.step, place.process.pid, what, "\n".join(self.log_of(place.process.pid)[-TAIL:]), place.words())

    # ---- processes ----

    def start_vcenter(self):
        os.mkdir(os.path.join(self.directory, "vcenter"))
        arguments = [os.path.join(self.build, "tests", "vcenter"), "--dir", os.path.join(self.directory, "vcenter"), "--vms",
                     "10", "--diary", "--die-with-stdin"]
        if "view-in-pages" in self.options.wanted and self.seed % 2:
            arguments += ["--page", "6"]
        self.vcenter = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        address = self.vcenter.stdout.readline().decode().strip()
        if not address:
            raise Failure("the vCenter did not start")
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("VCACHE_", "PYTHON", "LD_", "SSL_")) and not key.lower().endswith("_proxy")}
        self.environment.update(
            VCENTER_PORT=address.rpartition(":")[2], VCENTER_CA=os.path.join(self.directory, "vcenter", "ca.pem"),
            PYTHONDONTWRITEBYTECODE="1", VCACHE_DIR=os.path.join(self.directory, "cache"), VCACHE_TTL="600",
            VCACHE_FENCE=str(FENCE_SECONDS), VCACHE_LOG=os.path.join(self.directory, "log"))

    def start(self, place):
        place.worker = "%s-%s-%d" % (self.seed, place.name, place.life)
        chance = random.Random(place.worker)
        steps = min(chance.randint(*LIFE), place.quota - place.done) if not place.is_plain else place.quota
        user = list(USERS)[place.number % 3 == 2]
        is_named = "names" in self.options.wanted and place.number % 4 == 3
        program = "pyvmomi_worker.py" if "pyvmomi" in self.options.wanted and place.number == 1 else "worker.py"
        command = [PYTHON, os.path.join(HERE, program), place.worker, str(steps), *self.options.without]
        place.pipe, told = os.pipe()
        place.errors = tempfile.TemporaryFile()
        place.process = subprocess.Popen(
            command if place.is_plain else [os.path.join(self.shim, "vcache"), *command],
            env={**self.environment, "VCENTER_USER": user, "VCENTER_PASSWORD": USERS[user], "ORACLE_TELL": str(told),
                 "VCENTER_HOST": "localhost" if is_named else "127.0.0.1",
                 **({"ORACLE_READS_ONLY": "1"} if place.is_plain else {})},
            stdin=subprocess.DEVNULL, stdout=place.errors, stderr=place.errors, pass_fds=[told])
        os.close(told)
        place.heard = time.monotonic()
        place.life += 1
        place.step, place.rest, place.said_bye, place.is_killed, place.dies_at = 0, b"", False, False, None
        self.selector.register(place.pipe, selectors.EVENT_READ, place)
        self.counts["processes"] += 1

    def ended(self, place):
        self.selector.unregister(place.pipe)
        os.close(place.pipe)
        status = place.process.wait()
        place.errors.seek(0)
        said = place.errors.read().decode(errors="replace")
        place.errors.close()
        if not place.is_killed and (status != 0 or said or not place.said_bye):
            raise Failure(self.failed(place, "ends with status %d\n%s" % (status, said)))
        place.process = None
        if place.done < place.quota and not place.is_plain:
            self.start(place)

    def kill_one(self, chance):
        place = chance.choice(self.places)
        place.dies_at = chance.choice([None, None, "write", "wrote"])
        if place.process and not place.said_bye and not place.dies_at:
            self.kill(place)

    def clear(self, is_removed):
        if is_removed:
            shutil.rmtree(self.environment["VCACHE_DIR"], ignore_errors=True)
        else:
            subprocess.run([os.path.join(self.build, "vcache-flush")], env=self.environment, stdout=subprocess.DEVNULL, check=True)

    @staticmethod
    def kill(place):
        place.is_killed = True
        place.process.kill()

    def end(self):
        for place in [*self.places, self.plain]:
            if place.process:
                place.process.kill()
                place.process.wait()
        self.vcenter.stdin.close()
        try:
            self.vcenter.wait(20)
        except subprocess.TimeoutExpired:
            self.vcenter.kill()

    # ---- evidence ----

    def look_for_repetition(self):
        """A write may be sent again only if the origin refused it because of its session."""
        arrived = set()
        with open(os.path.join(self.directory, "vcenter", "journal"), encoding="utf-8") as journal:
            for line in journal:
                entry = json.loads(line)
                if entry.get("id") in arrived:
                    raise Failure("A WRITE WAS SENT TWICE: %s" % line)
                if "id" in entry and (entry["status"] != 500 or entry.get("trouble")):
                    arrived.add(entry["id"])

    def answered(self):
        """How many requests were answered without the origin, in a hundred."""
        told = subprocess.run([os.path.join(self.build, "vcache-stat"), "--print-stats"], env=self.environment,
                              stdout=subprocess.PIPE, check=True).stdout.decode()
        figures = dict(line.split()[:2] for line in told.splitlines() if len(line.split()) >= 2)
        return 100 * int(figures["hits"]) // max(int(figures["requests"]), 1)

    def log_of(self, process):
        try:
            with open(self.environment["VCACHE_LOG"], encoding="utf-8", errors="replace") as log:
                return [line.rstrip() for line in log if line.split(" ", 2)[1] == str(process)]
        except OSError:
            return []

    def once_more(self):
        options = self.options
        return "tests/oracle/oracle.py --build %s --shim %s --seed %d --steps %d --processes %d --without '%s'" % (
            self.build, self.shim, self.seed, self.steps, options.processes, ",".join(sorted(options.without)))

    def summary(self):
        judge, counts = self.judge, self.counts
        return ("seed %d: %d steps, %d reads judged (%d while something changed), %d %% of requests answered from the cache, "
                "%d writes, %d changes, %d processes, faults %s, troubles of faults %d, late changes excused %d" % (
                    self.seed, counts["steps"], judge.reads, judge.overlapping, counts["answered"], counts["write"],
                    len(self.history.states) - 1, counts["processes"], self.faults.counts or "none",
                    counts["troubles of faults"], judge.late))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="where the shim, its tools and tests/vcenter were built")
    parser.add_argument("--shim", help="where another vcache and libvcache.so are")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--round", type=int, default=25000)
    parser.add_argument("--without", type=words, default=set(), metavar="LIST",
                        help="of %s, and the faults %s, separated by commas; or faults: all of these" % (
                            ", ".join(WAYS), ", ".join(FAULTS)))
    options = parser.parse_args()
    if "faults" in options.without:
        options.without = options.without - {"faults"} | set(FAULTS)
    unknown = options.without - set(WAYS + FAULTS)
    if unknown:
        parser.error("unknown: %s" % ", ".join(unknown))
    options.wanted = set(WAYS + FAULTS) - options.without
    return options


def words(text):
    return set(filter(None, text.split(",")))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    left, seed = options.steps, options.seed
    while left > 0:
        directory = tempfile.mkdtemp(prefix="oracle-")
        work = Round(options, seed, min(left, options.round), directory)
        try:
            work.run()
        except Failure as failure:
            print("%s\nwhat it left is in %s\nonce more: %s" % (failure, directory, work.once_more()))
            return 1
        print(work.summary(), flush=True)
        if work.counts["answered"] < 2:
            print("seed %d: hardly anything came from the cache: nothing was judged" % seed)
            return 1
        shutil.rmtree(directory)
        left, seed = left - options.round, seed + 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
