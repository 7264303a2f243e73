"""The VMs and hosts named on the command line, found by path, then by what they say of themselves."""
import sys

from connect import service_instance

index = service_instance().RetrieveContent().searchIndex
missing = 0
for path in sys.argv[1:]:
    found = index.FindByInventoryPath(path)
    if found is None:
        print("%s: not found" % path)
        missing = 1
        continue
    uuid = found.config.uuid
    again = index.FindByUuid(datacenter=None, uuid=uuid, vmSearch=True)
    print("%s: %s %s %s %s" % (path, found._moId, found.name, uuid, again == found))
sys.exit(missing)
