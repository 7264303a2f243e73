"""What the tests' vCenter must do for pyVmomi, said as assertions."""
import os
import ssl

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

PC = vmodl.query.PropertyCollector


def refused(kind, call, *arguments):
    try:
        call(*arguments)
    except kind as fault:
        return fault
    raise AssertionError("%s was not refused with %s" % (call, kind))


def connect(password):
    return SmartConnect(
        host=os.environ["VCENTER_HOST"], port=int(os.environ["VCENTER_PORT"]), user=os.environ["VCENTER_USER"],
        pwd=password, sslContext=ssl.create_default_context(cafile=os.environ["VCENTER_CA"]))


refused(vim.fault.InvalidLogin, connect, "wrong")
si = connect(os.environ["VCENTER_PASSWORD"])
content = si.RetrieveContent()
manager = content.sessionManager
assert si._stub.cookie.split('"')[1] and si._stub.cookie.endswith("Secure;")
assert manager.currentSession.userName == os.environ["VCENTER_USER"]
assert manager.SessionIsActive(manager.currentSession.key, os.environ["VCENTER_USER"])
assert si.CurrentTime()

view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
names = [vm.name for vm in view.view]
assert len(names) == 10 and names[0] == "DC0_H0_VM0", names
vm = view.view[0]
index = content.searchIndex
assert index.FindByUuid(None, vm.config.uuid, True) == vm
assert index.FindByInventoryPath("DC0/vm/" + vm.name) == vm
assert index.FindByInventoryPath("DC0/vm/nobody") is None
assert index.FindByIp(None, vm.guest.ipAddress, True) == vm
assert index.FindByDnsName(None, vm.guest.hostName, True) == vm
assert vm.datastore[0].summary.url.startswith("ds:///vmfs/volumes/")

spec = PC.FilterSpec(
    objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[
        PC.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)])],
    propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name", "runtime.powerState"])])
collector = content.propertyCollector
found, page = [], collector.RetrievePropertiesEx([spec], PC.RetrieveOptions(maxObjects=4))
while page:
    found += [o.propSet[0].val for o in page.objects]
    page = collector.ContinueRetrievePropertiesEx(page.token) if page.token else None
assert found == names, found
assert len(collector.RetrieveContents([spec])) == 10
refused(vmodl.fault.InvalidArgument, collector.ContinueRetrievePropertiesEx, "none")
page = collector.RetrievePropertiesEx([spec], PC.RetrieveOptions(maxObjects=4))
collector.CancelRetrievePropertiesEx(page.token)

performance = content.perfManager
assert [c.key for c in performance.QueryPerfCounter([c.key for c in performance.perfCounter[:3]])]
refused(vmodl.fault.InvalidArgument, performance.QueryPerfCounter, [999999])
metrics = performance.QueryAvailablePerfMetric(vm, None, None, 20)[:2]
query = vim.PerformanceManager.QuerySpec(entity=vm, metricId=metrics, intervalId=20)
samples = [[series.value for series in performance.QueryPerf([query])[0].value] for _ in range(2)]
assert samples[0] == samples[1] and len(samples[0][0]) == 15, samples

for task, state, name in (
        (vm.PowerOff, "poweredOff", names[0]), (vm.PowerOn, "poweredOn", names[0]),
        (lambda: vm.Rename("renamed"), "poweredOn", "renamed"), (lambda: vm.Rename(names[0]), "poweredOn", names[0])):
    assert WaitForTask(task(), si=si) == "success"
    assert (vm.runtime.powerState, vm.name) == (state, name)
refused(vim.fault.InvalidPowerState, lambda: WaitForTask(vm.PowerOn(), si=si))

update_filter = collector.CreateFilter(spec, True)
first = collector.WaitForUpdates("")
assert len(first.filterSet[0].objectSet) == 10 and first.filterSet[0].filter == update_filter
assert collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=0)) is None
assert collector.CheckForUpdates(first.version) is None
vm.PowerOff()
second = collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=10))
changed = second.filterSet[0].objectSet
assert [(o.kind, o.obj, o.changeSet[0].name, o.changeSet[0].val) for o in changed] == \
    [("modify", vm, "runtime.powerState", "poweredOff")], changed
refused(vmodl.query.InvalidCollectorVersion, collector.WaitForUpdates, "none")
update_filter.Destroy()
vm.PowerOn()

manager.SetLocale("de")
assert manager.currentSession.locale == "de"
refused(vmodl.fault.ManagedObjectNotFound, lambda: vim.VirtualMachine("vm-99999", si._stub).name)
view.Destroy()
assert manager.ImpersonateUser("reader@vsphere.local").userName == "reader@vsphere.local"
assert manager.currentSession.userName == "reader@vsphere.local"
Disconnect(si)
refused(vim.fault.NotAuthenticated, si.CurrentTime)
