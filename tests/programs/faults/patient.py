"""pyVmomi with a socket time-out (0: none), once it is in: says what became of one read, as the program sees it."""
import sys

sys.path.insert(0, sys.argv[2])
from connect import service_instance  # noqa: E402

try:
    service = service_instance()
    content = service.RetrieveContent()
    if float(sys.argv[1]):
        for connection, _ in service._stub.pool:
            connection.sock.settimeout(float(sys.argv[1]))
    print("in", flush=True)
    print(content.searchIndex.FindByInventoryPath("DC0/vm/DC0_H0_VM0").name)
except KeyboardInterrupt:
    print("interrupted")
except Exception as error:  # noqa: B902 - whatever it is, it is said
    print(type(error).__name__, str(error).split("\n")[0])
