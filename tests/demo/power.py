#!/usr/bin/python3
"""Powers a virtual machine on or off: power.py on|off INVENTORY-PATH. The vCenter is named as for inventory.py."""
import os
import ssl
import sys
import time

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

if os.environ.get("VCENTER_INSECURE"):
    context = ssl._create_unverified_context()
else:
    context = ssl.create_default_context(cafile=os.environ.get("VCENTER_CA"))
si = SmartConnect(
    host=os.environ["VCENTER_HOST"], port=int(os.environ.get("VCENTER_PORT", "443")),
    user=os.environ["VCENTER_USER"], pwd=os.environ["VCENTER_PASSWORD"], sslContext=context)

machine = si.RetrieveContent().searchIndex.FindByInventoryPath(sys.argv[2])
if machine is None:
    sys.exit("there is no %s" % sys.argv[2])
task = machine.PowerOn() if sys.argv[1] == "on" else machine.PowerOff()
while task.info.state in (vim.TaskInfo.State.queued, vim.TaskInfo.State.running):
    time.sleep(0.2)
print("%s: %s" % (sys.argv[2], task.info.state))
Disconnect(si)
