"""
Renames a VM and back and waits for each, in the ways that programs have: wait.py WAY NAME

    task     pyVim's WaitForTask
    updates  a filter of its own, and what it was told of whom
    poll     Ansible's way: the task's info, again and again
    for-ever waits for a change of the VM that does not come

What the origin refuses is printed. WAIT_TOGETHER is a fifo to be opened before the tasks begin.
"""
import os
import sys
import time

from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from connect import service_instance

PC = vmodl.query.PropertyCollector


def filter_of(thing, path):
    return PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=thing)],
                         propSet=[PC.PropertySpec(type=type(thing), pathSet=[path])])


def told_of(task, collector):
    """The state in which the task ended; how often others were spoken of."""
    made = collector.CreateFilter(filter_of(task, "info.state"), False)
    version, state, others = "", None, 0
    while state not in ("success", "error"):
        update = collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=30))
        if update is None:
            sys.exit("no update came")
        version = update.version
        for found in update.filterSet:
            own = found.filter == made
            others += not own
            for changed in found.objectSet:
                others += changed.obj != task
                for change in changed.changeSet if changed.obj == task else []:
                    state = change.val
    made.Destroy()
    return "%s, of others: %d" % (state, others)


def polled(task):
    while True:
        if task.info.error:
            return task.info.error.msg
        if task.info.state == "success":
            return "%s %s" % (task.info.state, task.info.entityName)
        time.sleep(0.05)


def wait_for_ever(vm, collector):
    collector.CreateFilter(filter_of(vm, "name"), False)
    update = collector.WaitForUpdates("")
    print(update.filterSet[0].objectSet[0].changeSet[0].val, flush=True)
    collector.WaitForUpdates(update.version)


def main(way, name):
    si = service_instance()
    content = si.RetrieveContent()
    vm = content.searchIndex.FindByInventoryPath("DC0/vm/" + name)
    if os.environ.get("WAIT_TOGETHER"):
        with open(os.environ["WAIT_TOGETHER"], encoding="utf-8") as file:
            file.read()
    if way == "for-ever":
        wait_for_ever(vm, content.propertyCollector)
        return
    for new in (name + "-renamed", name):
        task = vm.Rename(new)
        if way == "task":
            ended = WaitForTask(task, si=si)
        elif way == "updates":
            ended = told_of(task, content.propertyCollector)
        else:
            ended = polled(task)
        print(ended, vm.name, flush=True)


try:
    main(*sys.argv[1:])
except vmodl.MethodFault as fault:
    print(type(fault).__name__, fault.msg)
