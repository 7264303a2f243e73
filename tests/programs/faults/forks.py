"""pyVmomi in a program that forks: before, between and after its requests, with os.fork and with multiprocessing."""
import multiprocessing
import os
import sys

sys.path.insert(0, sys.argv[1])
from connect import service_instance  # noqa: E402


def names(which):
    folder = service_instance().RetrieveContent().rootFolder.childEntity[0].vmFolder
    return [vm.name for vm in folder.childEntity[which:which + 3]]


def in_child(work):
    """Work's result, from a child that ends as os.fork's children should."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, repr(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return said, os.waitpid(child, 0)[1]


print("before", in_child(lambda: names(0)))
content = service_instance().RetrieveContent()
print("parent", content.rootFolder.childEntity[0].name)
# The child goes on with the parent's connection, and the parent waits for it meanwhile.
print("inherited", in_child(lambda: content.rootFolder.childEntity[0].vmFolder.name))
print("own", in_child(lambda: names(3)))
print("grandchild", in_child(lambda: in_child(lambda: names(6))))
with multiprocessing.get_context("fork").Pool(4) as pool:
    print("pool", pool.map(names, range(8)))
print("after", names(0))
