#!/usr/bin/python3
"""The same program as worker.py, as people write it: with pyVmomi."""
import http.client
import os
import ssl
import sys
import zlib
from contextlib import contextmanager, redirect_stdout
from time import monotonic_ns

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl
from pyVmomi.SoapAdapter import ParserError

from soap import GONE, Trouble
from worker import FOLDER, REFUSALS, Worker

PC = vmodl.query.PropertyCollector
# What a program reads whole, and what is in it.
READS = {
    "name": lambda vm: {"name": vm.name},
    "parent": lambda vm: {"parent": vm.parent._moId},
    "runtime.powerState": lambda vm: {"runtime.powerState": vm.runtime.powerState},
    "config.annotation": lambda vm: of_config(vm.config),
}


def of_config(config):
    return {"config.annotation": config.annotation or "", "config.hardware.numCPU": str(config.hardware.numCPU),
            "config.uuid": config.uuid}


def name_of(fault):
    return type(fault).__name__.rpartition(".")[2]


class PyvmomiWorker(Worker):
    before = None  # when it began the step before
    opening = None

    def note_openings(self):
        real = http.client.HTTPSConnection.connect

        def connect(connection):
            self.opening = [monotonic_ns(), None]
            real(connection)
        http.client.HTTPSConnection.connect = connect

    @contextmanager
    def troubles(self):
        """What a program fails of, in the words that the oracle knows."""
        begin, before = monotonic_ns(), self.before
        self.before = begin
        try:
            yield
        except http.client.HTTPException as error:
            what = str(error).split(" ")[0]
            raise Trouble("status %s" % what if what.isdigit() else "connection %r" % error, begin, before,
                          self.opening) from error
        except (OSError, EOFError, zlib.error, ParserError, vim.fault.HostConnectFault) as error:
            raise Trouble("connection %r" % error, begin, before, self.opening) from error
        except vmodl.MethodFault as fault:
            raise Trouble("fault %s" % name_of(fault), begin) from fault
        if self.opening:
            self.opening[1] = self.opening[1] or monotonic_ns()

    def enter(self):
        begin = monotonic_ns()
        self.service = SmartConnect(
            host=os.environ["VCENTER_HOST"], port=int(os.environ["VCENTER_PORT"]), user=os.environ["VCENTER_USER"],
            pwd=os.environ["VCENTER_PASSWORD"], sslContext=ssl.create_default_context(cafile=os.environ["VCENTER_CA"]))
        self.stub = self.service._stub
        self.content = self.service.RetrieveContent()
        root = self.content.searchIndex.FindByInventoryPath("DC0/vm")
        self.pool = self.content.searchIndex.FindByInventoryPath("DC0/host/DC0_H0/Resources")
        self.teller.did(begin, "login")
        self.root = root._moId
        self.folders = [self.root]
        self.read_all(list(READS), "view")

    def leave(self):
        for _ in range(len(self.unwatched)):
            self.watch()
        begin = monotonic_ns()
        Disconnect(self.service)
        self.teller.did(begin, "leave")

    def reconnect(self):
        self.stub.DropConnections()

    def other(self):
        begin = monotonic_ns()
        if self.random.random() < 0.5:
            self.service.CurrentTime()
        else:
            self.content.sessionManager.currentSession
        self.teller.did(begin, "other")

    # ---- reads ----

    def read_one(self, kind, name, paths, way):
        read = READS[self.random.choice(sorted(READS))]
        begin = monotonic_ns()
        try:
            found = read(vim.VirtualMachine(name, self.stub))
        except vmodl.fault.ManagedObjectNotFound:
            found = GONE
            self.machines.pop(name, None)
        end = monotonic_ns()
        if found == GONE:
            self.teller.read(begin, end, "pyvmomi", ["machine", name, ["name"]], GONE)
            return
        self.teller.read(begin, end, "pyvmomi", ["machine", name, sorted(found)], found)
        self.machines.setdefault(name, {}).update(found)

    def read_all(self, paths, way, folder=None):
        if folder:
            below = PC.TraversalSpec(name="below", type=vim.Folder, path="childEntity", skip=False,
                                     selectSet=[PC.SelectionSpec(name="below")])
            start = vim.Folder(folder, self.stub)
        else:
            self.need_view()
            below = PC.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)
            start = self.view
        specification = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=start, skip=True, selectSet=[below])],
                                      propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=paths)])
        begin = monotonic_ns()
        try:
            contents = self.content.propertyCollector.RetrieveContents([specification])
            found = {c.obj._moId: {path: "" for path in paths} | {p.name: value(p.val) for p in c.propSet} for c in contents}
        except vmodl.fault.ManagedObjectNotFound as fault:
            if not folder:
                self.view = None
                raise Trouble("the view is gone", begin) from fault
            found = GONE
        self.teller.read(begin, monotonic_ns(), "pyvmomi-" + way, ["machines", folder, paths], found)
        if not folder:
            self.machines = {name: {**self.machines.get(name, {}), **seen} for name, seen in found.items()}

    def need_view(self):
        if not self.view:
            begin = monotonic_ns()
            self.view = self.content.viewManager.CreateContainerView(vim.Folder(self.root, self.stub), [vim.VirtualMachine], True)
            self.teller.did(begin, "view")

    def read_children(self, folder):
        begin = monotonic_ns()
        try:
            children = sorted(child._moId for child in vim.Folder(folder, self.stub).childEntity)
        except vmodl.fault.ManagedObjectNotFound:
            children = GONE
        self.teller.read(begin, monotonic_ns(), "pyvmomi", ["children", folder], children)
        if folder == self.root:
            self.folders = [folder] + [child for child in children if child.startswith("folder-")]

    def find(self):
        seen = self.machines.get(self.some_machine(), {})
        begin = monotonic_ns()
        if self.random.random() < 0.5:
            query = ["uuid", seen.get("config.uuid", "none")]
            found = self.content.searchIndex.FindByUuid(None, query[1], True)
        else:
            query = ["path", "DC0/vm/" + seen.get("name", "nobody")]
            found = self.content.searchIndex.FindByInventoryPath(query[1])
        self.teller.read(begin, monotonic_ns(), "pyvmomi", query, found and found._moId)

    # ---- writes ----

    def start(self, operation, kind, name, inside=""):
        identity = self.unique()
        target = (vim.Folder if kind == FOLDER else vim.VirtualMachine)(name, self.stub)
        write = self.drawn(operation, target)
        if not write:
            return
        self.teller.write(identity, operation, name)
        VmomiSupport.GetRequestContext()["operationID"] = identity
        try:
            task = write()
        except vmodl.MethodFault as fault:
            self.teller.wrote(identity, name_of(fault))
            if name_of(fault) not in REFUSALS:
                raise
            return
        finally:
            del VmomiSupport.GetRequestContext()["operationID"]
        self.teller.wrote(identity, task._moId)
        self.written = name if kind != FOLDER else None
        if operation.endswith("_Task"):
            self.wait(identity, task)

    def drawn(self, operation, target):
        """The same write as the caller's, for pyVmomi; None for those that it leaves to others."""
        text = self.unique()
        return {
            "PowerOnVM_Task": lambda: target.PowerOn(),
            "PowerOffVM_Task": lambda: target.PowerOff(),
            "Rename_Task": lambda: target.Rename("p-" + text),
            "ReconfigVM_Task": lambda: target.ReconfigVM_Task(vim.vm.ConfigSpec(annotation=text)),
            "MoveIntoFolder_Task": lambda: target.MoveIntoFolder_Task([vim.VirtualMachine(self.some_machine(), self.stub)]),
            "CreateFolder": lambda: target.CreateFolder("f-" + text),
        }.get(operation)

    def wait(self, identity, task):
        if "filter" in self.without or self.random.random() < 0.5:
            way = "pyvmomi"
            while task.info.state not in ("success", "error"):
                pass
        else:
            way = "WaitForTask"
            self.wait_by_filter(task)
        self.teller.ended(identity, task.info.state, way)

    def wait_by_filter(self, task):
        begin = monotonic_ns()
        try:
            with redirect_stdout(None):  # it prints what becomes of a task that fails
                WaitForTask(task, raiseOnError=False, si=self.service)
        except Exception as error:
            self.log_in_anew()  # it may have left the filter in its session
            if isinstance(error, vmodl.MethodFault):
                raise Trouble("fault %s meanwhile" % name_of(error), begin) from error
            raise


def value(read):
    return read._moId if hasattr(read, "_moId") else str(read)


if __name__ == "__main__":
    SoapAdapter.OS_ARCH = "worker " + sys.argv[1]  # whose requests they are; it is the end of the User-Agent
    program = PyvmomiWorker(sys.argv[1], int(sys.argv[2]), set(sys.argv[3:]))
    program.note_openings()
    program.run()
