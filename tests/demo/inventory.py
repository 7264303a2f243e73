#!/usr/bin/python3
"""An inventory of a vCenter: its hosts, what runs on them, and what does not run.

VCENTER_HOST, VCENTER_USER and VCENTER_PASSWORD say where and who; VCENTER_PORT is 443 if it is not set. The certificate
is verified: by the authority in VCENTER_CA, if that is set; not at all, if VCENTER_INSECURE is.
"""
import os
import ssl

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

PC = vmodl.query.PropertyCollector
POWERED_ON = vim.VirtualMachine.PowerState.poweredOn


def connect():
    if os.environ.get("VCENTER_INSECURE"):
        context = ssl._create_unverified_context()
    else:
        context = ssl.create_default_context(cafile=os.environ.get("VCENTER_CA"))
    return SmartConnect(
        host=os.environ["VCENTER_HOST"], port=int(os.environ.get("VCENTER_PORT", "443")),
        user=os.environ["VCENTER_USER"], pwd=os.environ["VCENTER_PASSWORD"], sslContext=context)


def properties_of_all(content, kind, names):
    """The named properties of every object of a kind, as dictionaries, in one read."""
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    way = PC.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[way])],
        propSet=[PC.PropertySpec(type=kind, pathSet=names)])
    found = content.propertyCollector.RetrieveContents([spec])
    view.Destroy()
    return [{value.name: value.val for value in each.propSet} for each in found]


def print_host(host, machines):
    """One line of a host. Each property that is looked at here is a request of its own, as in many scripts."""
    here = [vm for vm in machines if vm.get("runtime.host") == host]
    hardware = host.summary.hardware
    print("%-12s %-8s %5d %7.0f GB %5d %5d %6d %7.0f GB" % (
        host.name, host.parent.name, hardware.numCpuCores, hardware.memorySize / 2**30, len(here),
        sum(vm["runtime.powerState"] == POWERED_ON for vm in here),
        sum(vm.get("config.hardware.numCPU", 0) for vm in here),
        sum(vm.get("config.hardware.memoryMB", 0) for vm in here) / 1024))


def main():
    si = connect()
    content = si.RetrieveContent()
    machines = properties_of_all(content, vim.VirtualMachine, [
        "name", "runtime.powerState", "runtime.host", "config.hardware.numCPU", "config.hardware.memoryMB"])

    print("%-12s %-8s %5s %10s %5s %5s %6s %10s" % ("HOST", "CLUSTER", "CORES", "MEMORY", "VMS", "ON", "VCPUS", "GIVEN"))
    hosts = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)
    for host in hosts.view:
        print_host(host, machines)
    hosts.Destroy()

    asleep = sorted(vm["name"] for vm in machines if vm["runtime.powerState"] != POWERED_ON)
    print("%d virtual machines, not running: %s" % (len(machines), ", ".join(asleep) or "none"))
    Disconnect(si)


main()
