"""The whole tree from the root folder down, each property read when it is looked at, as scripts are mostly written."""
from pyVmomi import vim

from connect import service_instance


def show(entity, depth):
    line = "  " * depth + type(entity).__name__.split(".")[-1] + " " + entity.name
    if isinstance(entity, vim.VirtualMachine):
        summary = entity.summary
        line += " %s %d CPU %s" % (entity.runtime.powerState, summary.config.numCpu, summary.guest.toolsStatus)
    elif isinstance(entity, vim.HostSystem):
        line += " %s" % entity.hardware.systemInfo.uuid
    elif isinstance(entity, vim.Datastore):
        line += " %s" % entity.summary.type
    print(line)


def walk(entity, depth=0):
    show(entity, depth)
    below = []
    if isinstance(entity, vim.Folder):
        below = entity.childEntity
    elif isinstance(entity, vim.Datacenter):
        below = [entity.vmFolder, entity.hostFolder, entity.datastoreFolder, entity.networkFolder]
    elif isinstance(entity, vim.ComputeResource):
        below = list(entity.host) + [entity.resourcePool]
    for child in below:
        walk(child, depth + 1)


walk(service_instance().content.rootFolder)
