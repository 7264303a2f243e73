"""The VMs by pyVmomi, once before a pause and once after it: idle-pyvmomi.py FIFO. It goes on when the fifo has been written."""
import datetime
import sys

from connect import service_instance

si = service_instance()


def show():
    for vm in si.RetrieveContent().rootFolder.childEntity[0].vmFolder.childEntity:
        print(vm.name, vm.summary.config.uuid)


show()
print("it has a clock:", isinstance(si.CurrentTime(), datetime.datetime))
print("paused", flush=True)
with open(sys.argv[1], encoding="utf-8") as file:
    file.read()
show()
print("it has a clock:", isinstance(si.CurrentTime(), datetime.datetime))
show()
