"""pyVmomi with a socket time-out (0: none): says what became of one read, as the program sees it."""
import socket
import sys

sys.path.insert(0, sys.argv[2])
from connect import service_instance  # noqa: E402

if float(sys.argv[1]):
    socket.setdefaulttimeout(float(sys.argv[1]))
try:
    content = service_instance().RetrieveContent()
    print("in", flush=True)
    print(content.searchIndex.FindByInventoryPath("DC0/vm/DC0_H0_VM0").name)
except KeyboardInterrupt:
    print("interrupted")
except Exception as error:  # noqa: B902 - whatever it is, it is said
    print(type(error).__name__, str(error).split("\n")[0])
