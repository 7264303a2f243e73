"""The performance counters by their number, and the last samples of one VM."""
from pyVmomi import vim

from connect import service_instance

content = service_instance().RetrieveContent()
performance = content.perfManager
wanted = [counter.key for counter in performance.perfCounter[:20]]
for counter in performance.QueryPerfCounter(wanted):
    print(counter.key, "%s.%s.%s" % (counter.groupInfo.key, counter.nameInfo.key, counter.rollupType))
vm = content.searchIndex.FindByInventoryPath("DC0/vm/DC0_H0_VM0")
metrics = performance.QueryAvailablePerfMetric(entity=vm, intervalId=20)[:3]
query = vim.PerformanceManager.QuerySpec(entity=vm, metricId=metrics, intervalId=20)
for series in performance.QueryPerf([query])[0].value:
    print(series.id.counterId, series.value)
