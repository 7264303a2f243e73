"""Every descriptor that a child of a pyVmomi program finds, however it was started, in the middle and at the end."""
import os
import subprocess
import sys

sys.path.insert(0, sys.argv[1])
from connect import service_instance  # noqa: E402

LIST = ["/usr/bin/python3", "-c",
        "import os\nfor fd in sorted(map(int, os.listdir('/proc/self/fd')))[3:]:\n"
        "  try: print(fd, os.readlink('/proc/self/fd/%d' % fd).split(':')[0])\n"
        "  except OSError: pass"]


def show(when):
    print(when, "subprocess", subprocess.run(LIST, close_fds=False, capture_output=True, check=True).stdout)
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.execv(LIST[0], LIST)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        print(when, "fork and exec", pipe.read(), os.waitpid(child, 0)[1])
    reading, writing = os.pipe()
    child = os.posix_spawn(LIST[0], LIST, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)])
    os.close(writing)
    with os.fdopen(reading) as pipe:
        print(when, "posix_spawn", pipe.read(), os.waitpid(child, 0)[1])


show("before")
content = service_instance().RetrieveContent()
show("between")
names = [vm.name for vm in content.rootFolder.childEntity[0].vmFolder.childEntity[:5]]
show("after")
print(names)
