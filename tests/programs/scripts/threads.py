"""A thread for each VM named, with a login of its own, that renames it and back and waits: threads.py NAME…"""
import sys
import threading

from pyVim.task import WaitForTask

from connect import service_instance

said = {}


def rename(name):
    try:
        si = service_instance()
        vm = si.RetrieveContent().searchIndex.FindByInventoryPath("DC0/vm/" + name)
        said[name] = [(WaitForTask(vm.Rename(new), si=si), vm.name) for new in (name + "-renamed", name)]
    except Exception as error:
        said[name] = getattr(error, "msg", error)


threads = [threading.Thread(target=rename, args=(name,)) for name in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for name in sys.argv[1:]:
    print(name, said[name])
