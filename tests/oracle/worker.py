#!/usr/bin/python3
"""
One program of the oracle: reads by several ways, powers, renames, reconfigures, moves, creates and destroys virtual
machines, waits for tasks, and tells of each step (tell.py). It judges nothing.

    worker.py SEED STEPS [without WAY…]     the same seed draws the same steps; ORACLE_READS_ONLY=1: no write among them

It speaks SOAP by hand, for speed. What it chooses from is what it has read.
"""
import os
import random
import re
import sys
import time
from contextlib import nullcontext
from time import monotonic_ns

from soap import COLLECTOR, GONE, Trouble, Vcenter, below_folder, one_object, through_view
from tell import Teller

VM, FOLDER = "VirtualMachine", "Folder"
EVERYTHING = ["name", "config.annotation", "config.hardware.numCPU", "runtime.powerState", "parent", "config.uuid"]
SETS = [EVERYTHING, ["name", "runtime.powerState"], ["config.annotation", "parent"]]
MACHINES = (8, 14)  # fewer are not destroyed, more are not created
FOLDERS = 4
WRITES_IN_A_THOUSAND = 10
PATIENCE = 60  # seconds: no task takes so long

# Answers to a write that lost a race, or that asks what cannot be. They are no program's failure.
REFUSALS = {"ManagedObjectNotFound", "InvalidPowerState", "DuplicateName", "InvalidArgument", "NotSupported",
            "SystemError", "InvalidState"}


class Worker:
    def __init__(self, seed, steps, without):
        self.name, self.random, self.steps, self.without = seed, random.Random(seed), steps, without
        self.teller = Teller()
        self.vcenter = Vcenter(seed, os.environ["VCENTER_HOST"], os.environ["VCENTER_USER"],
                               os.environ["VCENTER_PASSWORD"], is_blocking=self.random.random() < 0.7)
        self.root = self.pool = self.view = None
        self.machines = {}   # what was last read of them
        self.folders = []
        self.unwatched = []  # (identity, task): started and not waited for yet
        self.written = None  # the machine that was written last

    # ---- a program's life ----

    def run(self):
        self.attempt()
        for self.teller.step in range(1, self.steps + 1):
            self.attempt(self.choose())
        self.attempt(self.leave)
        self.teller.bye()

    def attempt(self, step=None):
        try:
            with self.troubles():
                if self.root is None:
                    self.enter()
                if step:
                    step()
        except Trouble as trouble:
            self.teller.trouble(trouble)
            if "NotAuthenticated" in trouble.what:
                self.log_in_anew()

    # For those that meet them in other forms: all that a program fails of is a Trouble.
    troubles = nullcontext

    def enter(self):
        begin = monotonic_ns()
        self.vcenter.login()
        found = self.vcenter.call("FindByInventoryPath", "SearchIndex", "SearchIndex",
                                  "<inventoryPath>DC0/vm</inventoryPath>").returned()
        pool = self.vcenter.call("FindByInventoryPath", "SearchIndex", "SearchIndex",
                                 "<inventoryPath>DC0/host/DC0_H0/Resources</inventoryPath>").returned()
        self.teller.did(begin, "login")
        self.pool, self.root = pool, found
        self.folders = [found]
        self.read_all(EVERYTHING, "view")

    def leave(self):
        for _ in range(len(self.unwatched)):
            self.watch()
        begin = monotonic_ns()
        if self.view and self.random.random() < 0.5:
            self.vcenter.call("DestroyView", "ContainerView", self.view)
        if self.random.random() < 0.7:
            self.vcenter.logout()
        self.teller.did(begin, "leave")

    def choose(self):
        chance = self.random.random()
        if not os.environ.get("ORACLE_READS_ONLY"):
            if chance < WRITES_IN_A_THOUSAND / 1000:
                return self.write
            if self.unwatched and chance < 0.3:
                return self.watch
        if self.written and chance < 0.5:
            return self.read_written
        if chance > 0.998:
            return self.reconnect
        if chance > 0.99:
            return self.other
        return self.read

    def reconnect(self):
        self.vcenter.close()

    def log_in_anew(self):
        """Before whatever comes next."""
        self.root = self.view = None

    def other(self):
        begin = monotonic_ns()
        what = self.random.choice(["content", "clock", "session", "view", "logout"])
        if what == "content":
            self.vcenter.call("RetrieveServiceContent", "ServiceInstance", "ServiceInstance")
        elif what == "clock":
            self.vcenter.call("CurrentTime", "ServiceInstance", "ServiceInstance")
        elif what == "session":
            self.vcenter.retrieve(one_object("SessionManager", "SessionManager", ["currentSession"]))
        elif what == "view" and self.view:
            self.vcenter.call("DestroyView", "ContainerView", self.view)
            self.view = None
        elif what == "logout":
            self.vcenter.logout()
            self.log_in_anew()
            self.enter()
        self.teller.did(begin, what)

    # ---- reads ----

    def read(self):
        self.random.choices([self.read_machine, self.read_several, self.find], (4, 5, 2))[0]()

    def read_written(self):
        name, self.written = self.written, None
        self.read_one(VM, name, EVERYTHING, self.random.choice(["ex", "old"]))

    def some_machine(self):
        """Some are asked for more often than others, and a few that are no more."""
        known = sorted(self.machines) or ["vm-1"]
        return known[min(int(self.random.expovariate(0.7)), len(known) - 1)]

    def read_machine(self):
        name, way = self.some_machine(), self.random.choice(["ex", "ex", "old", "fetch"])
        paths = self.random.choice(SETS)
        self.read_one(VM, name, [self.random.choice(paths)] if way == "fetch" else paths, way)

    def read_one(self, kind, name, paths, way):
        if way == "fetch":
            answer = self.vcenter.fetch(kind, name, paths[0])
            found = {paths[0]: answer.returned() or ""}
        else:
            answer = self.vcenter.retrieve(one_object(kind, name, paths), way == "old")
            found = whole(answer.values().get(name, {}), paths)
        if answer.fault == "ManagedObjectNotFound":
            found = GONE
            self.machines.pop(name, None)
        self.expect(answer, GONE)
        self.teller.read(answer.begin, answer.end, way, ["machine", name, paths], found)
        if found != GONE:
            self.machines.setdefault(name, {}).update(found)

    def read_several(self):
        way = self.random.choices(["view", "view-in-pages", "traversal", "children"], (5, 1, 3, 3))[0]
        if way == "children":
            self.read_children(self.random.choice(self.folders))
        elif way == "traversal":
            self.read_all(self.random.choice(SETS), way, self.random.choice(self.folders))
        else:
            self.read_all(self.random.choice(SETS), "view" if way in self.without else way)

    def read_all(self, paths, way, folder=None):
        if folder:
            answer = self.vcenter.retrieve(below_folder(folder, VM, paths), self.random.random() < 0.3)
        else:
            self.need_view()
            answer = self.vcenter.retrieve(through_view(self.view, VM, paths), way == "view" and self.random.random() < 0.3,
                                           page=5 if way == "view-in-pages" else 0)
            if answer.fault == "ManagedObjectNotFound":
                self.view = None
                raise Trouble("the view is gone", answer.begin)
        self.expect(answer, GONE)
        found = {name: whole(values, paths) for name, values in answer.values().items()}
        self.teller.read(answer.begin, answer.end, way, ["machines", folder, paths], GONE if answer.fault else found)
        if not folder:
            self.machines = {name: {**self.machines.get(name, {}), **values} for name, values in found.items()}

    def need_view(self):
        if not self.view:
            begin = monotonic_ns()
            self.view = self.vcenter.call(
                "CreateContainerView", "ViewManager", "ViewManager", '<container type="Folder">%s</container><type>%s'
                '</type><recursive>true</recursive>' % (self.root, VM)).returned()
            self.teller.did(begin, "view %s" % self.view)

    def read_children(self, folder):
        way = self.random.choice(["ex", "old", "fetch"])
        if way == "fetch":
            answer = self.vcenter.fetch(FOLDER, folder, "childEntity")
            children = re.findall(">([^<]*)</ManagedObjectReference>", answer.text)
        else:
            answer = self.vcenter.retrieve(one_object(FOLDER, folder, ["childEntity"]), way == "old")
            children = answer.values().get(folder, {}).get("childEntity", [])
        self.expect(answer, GONE)
        self.teller.read(answer.begin, answer.end, way, ["children", folder], GONE if answer.fault else sorted(children))
        if folder == self.root:
            self.folders = [folder] + [child for child in children if child.startswith("folder-")]

    def find(self):
        way = self.random.choice(["uuid", "path", "child"])
        seen = self.machines.get(self.some_machine(), {})
        name, parent = seen.get("name", "nobody"), seen.get("parent", self.root)
        if way == "uuid":
            query = ["uuid", seen.get("config.uuid", "none")]
            inside = "<uuid>%s</uuid><vmSearch>true</vmSearch>" % query[1]
        elif way == "path":
            query = ["path", "DC0/vm/" + name]
            inside = "<inventoryPath>%s</inventoryPath>" % query[1]
        else:
            query = ["child", parent, name]
            inside = '<entity type="Folder">%s</entity><name>%s</name>' % (parent, name)
        operation = {"uuid": "FindByUuid", "path": "FindByInventoryPath", "child": "FindChild"}[way]
        answer = self.vcenter.call(operation, "SearchIndex", "SearchIndex", inside)
        self.expect(answer, GONE)
        self.teller.read(answer.begin, answer.end, operation, query, GONE if answer.fault else answer.returned())

    @staticmethod
    def expect(answer, *allowed):
        if answer.fault and not (GONE in allowed and answer.fault == "ManagedObjectNotFound"):
            raise Trouble("fault %s" % answer.fault, answer.begin)

    # ---- writes ----

    def write(self):
        kinds = {self.power: 30, self.rename: 15, self.reconfigure: 25, self.move: 12, self.clone: 2,
                 self.create: 5 if len(self.machines) < MACHINES[1] else 0,
                 self.destroy: 5 if len(self.machines) > MACHINES[0] else 0,
                 self.create_folder: 4 if len(self.folders) < FOLDERS else 0, self.rename_folder: 2}
        if len(self.machines) >= MACHINES[1]:
            kinds[self.clone] = 0
        self.random.choices(list(kinds), list(kinds.values()))[0]()

    def unique(self):
        return "%s-%d" % (self.name, self.teller.step)

    def power(self):
        name = self.some_machine()
        is_on = self.machines.get(name, {}).get("runtime.powerState") == "poweredOn"
        self.start("PowerOffVM_Task" if is_on else "PowerOnVM_Task", VM, name)

    def rename(self):
        self.start("Rename_Task", VM, self.some_machine(), "<newName>m-%s</newName>" % self.unique())

    def rename_folder(self):
        if len(self.folders) > 1:
            self.start("Rename_Task", FOLDER, self.random.choice(self.folders[1:]),
                       "<newName>f-%s</newName>" % self.unique())

    def reconfigure(self):
        inside = "<annotation>%s</annotation>" % self.unique()
        if self.random.random() < 0.5:
            inside = "%s<numCPUs>%d</numCPUs>" % (inside if self.random.random() < 0.5 else "", self.random.randint(1, 64))
        self.start("ReconfigVM_Task", VM, self.some_machine(), "<spec>%s</spec>" % inside)

    def move(self):
        self.start("MoveIntoFolder_Task", FOLDER, self.random.choice(self.folders),
                   '<list type="VirtualMachine">%s</list>' % self.some_machine())

    def create(self):
        self.start("CreateVM_Task", FOLDER, self.random.choice(self.folders),
                   '<config><name>m-%s</name><guestId>otherGuest</guestId><files><vmPathName>[LocalDS_0]</vmPathName>'
                   '</files><numCPUs>1</numCPUs></config><pool type="ResourcePool">%s</pool>' % (self.unique(), self.pool))

    def clone(self):
        self.start("CloneVM_Task", VM, self.some_machine(),
                   '<folder type="Folder">%s</folder><name>m-%s</name><spec><location></location><template>false</template>'
                   '<powerOn>false</powerOn></spec>' % (self.random.choice(self.folders), self.unique()))

    def destroy(self):
        off = sorted(n for n, seen in self.machines.items() if seen.get("runtime.powerState") == "poweredOff")
        self.start("Destroy_Task", VM, self.random.choice(off) if off else self.some_machine())

    def create_folder(self):
        self.start("CreateFolder", FOLDER, self.root, "<name>f-%s</name>" % self.unique())

    def start(self, operation, kind, name, inside=""):
        identity = self.unique()
        self.teller.write(identity, operation, name)
        answer = self.vcenter.call(operation, kind, name, inside, identity)
        self.teller.wrote(identity, answer.fault or answer.returned())
        self.written = name if kind == VM else None
        if answer.fault and answer.fault not in REFUSALS:
            raise Trouble("fault %s" % answer.fault, answer.begin)
        if answer.fault or not operation.endswith("_Task"):
            return
        manner = self.random.choices(["wait", "later", "never"], (70, 29, 1))[0]
        if manner == "wait":
            self.wait(identity, answer.returned())
        elif manner == "later":
            self.unwatched.append((identity, answer.returned()))

    # ---- waiting ----

    def watch(self):
        self.wait(*self.unwatched.pop(0))

    def wait(self, identity, task):
        ways = [way for way in ("info", "info.state", "old", "fetch", "filter") if way not in self.without]
        way = self.random.choice(ways)
        begin, state = monotonic_ns(), None
        if way == "filter":
            state = self.wait_by_filter(task)
        while state not in ("success", "error"):
            if monotonic_ns() - begin > PATIENCE * 1_000_000_000:
                raise Trouble("task %s is %s for ever" % (task, state), begin)
            state = self.state_of(task, way)
        self.teller.ended(identity, state, way)

    def state_of(self, task, way):
        if way == "fetch":
            answer = self.vcenter.fetch("Task", task, "info")
        else:
            answer = self.vcenter.retrieve(one_object("Task", task, ["info" if way == "info" else "info.state"]), way == "old")
        self.expect(answer)
        state = re.search(r'<state[^>]*>(\w+)</state>|<name>info.state</name><val[^>]*>(\w+)</val>', answer.text)
        state = state and (state.group(1) or state.group(2))
        if state not in ("success", "error"):
            time.sleep(self.random.random() * 0.004)
        return state

    def wait_by_filter(self, task):
        begin = monotonic_ns()
        try:
            made = self.asked("CreateFilter", *COLLECTOR, one_object("Task", task, ["info.state"]).replace("specSet", "spec")
                              + "<partialUpdates>false</partialUpdates>").returned()
            state = self.updates_of(task, begin)
            self.asked("DestroyPropertyFilter", "PropertyFilter", made)
        except Trouble as trouble:
            self.log_in_anew()  # it may have left the filter in its session
            if trouble.is_of_connection():
                raise
            raise Trouble("%s meanwhile" % trouble.what, begin) from trouble
        return state

    def updates_of(self, task, begin):
        version = ""
        while True:
            answer = self.asked("WaitForUpdatesEx", *COLLECTOR, "<version>%s</version><options><maxWaitSeconds>5"
                                "</maxWaitSeconds></options>" % version)
            version = "".join(re.findall("<version>([^<]*)</version>", answer.text)[:1]) or version
            for changed in re.findall(r"<objectSet>(.*?)</objectSet>", answer.text, re.S):
                found = re.search(r">%s</obj>.*<val[^>]*>(success|error)</val>" % task, changed, re.S)
                if found:
                    return found.group(1)
            if monotonic_ns() - begin > PATIENCE * 1_000_000_000:
                raise Trouble("no update tells of %s" % task, begin)

    def asked(self, *request):
        answer = self.vcenter.call(*request)
        if answer.fault:
            raise Trouble("fault %s of %s" % (answer.fault, request[0]), answer.begin)
        return answer


def whole(values, paths):
    """What is unset is not sent."""
    return {path: values.get(path, "") for path in paths}


if __name__ == "__main__":
    Worker(sys.argv[1], int(sys.argv[2]), set(sys.argv[3:])).run()
