"""pyVmomi in N threads at once, each with its own login, and then all of them with one."""
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, sys.argv[2])
from connect import service_instance  # noqa: E402


def names(_):
    content = service_instance().RetrieveContent()
    folder = content.rootFolder.childEntity[0].vmFolder
    return [vm.name for vm in folder.childEntity[:12]], len(content.perfManager.perfCounter)


count = int(sys.argv[1])
with ThreadPoolExecutor(count) as pool:
    answers = list(pool.map(names, range(count)))
for number, answer in enumerate(answers):
    print(number, *answer[0], answer[1])

one = service_instance().RetrieveContent()
with ThreadPoolExecutor(count) as pool:
    print(*pool.map(lambda _: one.rootFolder.childEntity[0].name, range(4 * count)))
