"""Changes a VM and waits for it: write.py NAME power-on|power-off|rename NEW|memory MB; or makes a folder: write.py - folder NEW."""
import sys

from pyVim.task import WaitForTask
from pyVmomi import vim

from connect import service_instance

si = service_instance()
content = si.RetrieveContent()
name, change, value = (sys.argv + [None])[1:4]
if change == "folder":
    print("created", content.searchIndex.FindByInventoryPath("DC0/vm").CreateFolder(value).name)
    sys.exit()
vm = content.searchIndex.FindByInventoryPath("DC0/vm/" + name)
if change == "power-on":
    task = vm.PowerOn()
elif change == "power-off":
    task = vm.PowerOff()
elif change == "rename":
    task = vm.Rename(value)
elif change == "memory":
    task = vm.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=int(value)))
else:
    sys.exit(__doc__)
try:
    print(change, name, WaitForTask(task, si=si))
except vim.fault.VimFault as fault:
    print(change, name, type(fault).__name__)
    sys.exit(1)
