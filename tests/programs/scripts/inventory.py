"""Every VM with its host, state and size: a container view, and its properties in pages as large as vCenter likes."""
import sys

from pyVmomi import vim, vmodl

from connect import service_instance

PROPERTIES = ["name", "runtime.powerState", "runtime.host", "config.hardware.memoryMB", "config.uuid", "datastore"]
PC = vmodl.query.PropertyCollector


def properties_of(content, kind, paths):
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    through_view = PC.TraversalSpec(name="view", type=vim.view.ContainerView, path="view", skip=False)
    spec = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[through_view])],
                         propSet=[PC.PropertySpec(type=kind, pathSet=paths, all=False)])
    page = content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
    while page:
        for item in page.objects:
            yield item.obj, {p.name: p.val for p in item.propSet}
        if not page.token:
            break
        page = content.propertyCollector.ContinueRetrievePropertiesEx(page.token)
    view.Destroy()


def main():
    content = service_instance().RetrieveContent()
    hosts = {host._moId: found["name"] for host, found in properties_of(content, vim.HostSystem, ["name"])}
    for vm, found in properties_of(content, vim.VirtualMachine, PROPERTIES):
        print(found["name"], vm._moId, found["config.uuid"], found["runtime.powerState"],
              hosts[found["runtime.host"]._moId], "%d MiB" % found["config.hardware.memoryMB"],
              "on", ",".join(d._moId for d in found["datastore"]))


sys.exit(main())
