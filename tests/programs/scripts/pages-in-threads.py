"""Threads of one process, one for each argument, read that property of every VM in pages, page for page in step."""
import sys
from threading import Barrier, Thread

from pyVmomi import vim, vmodl

from connect import service_instance

PC = vmodl.query.PropertyCollector
READS = sys.argv[1:]


def read(number, path):
    content = service_instance().RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    through_view = PC.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)
    spec = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[through_view])],
                         propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=[path], all=False)])
    page = content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
    while True:
        step.wait()
        found[number] += [item.propSet[0].val for item in page.objects]
        if not page.token:
            break
        page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token)


step = Barrier(len(READS), timeout=60)
found = [[] for _ in READS]
threads = [Thread(target=read, args=pair) for pair in enumerate(READS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for values in found:
    print(len(values), *values)
