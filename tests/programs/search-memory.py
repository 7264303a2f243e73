"""
Looks for a secret in the memory of a process: search-memory.py SECRET-FILE PID.

Prints how often it stands in pages that are locked and left out of cores, and how often and where elsewhere.
"""
import re
import sys

with open(sys.argv[1], "rb") as file:
    secret = file.read().strip()
assert len(secret) >= 12, "too short to be looked for"
kept, elsewhere = 0, []


def mappings(pid):
    """Every mapping's first line, and its flags."""
    with open("/proc/%s/smaps" % pid, encoding="utf-8") as file:
        name = ""
        for line in file:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                name = line.strip()
            elif line.startswith("VmFlags:"):
                yield name, line.split()[1:]


with open("/proc/%s/mem" % sys.argv[2], "rb", buffering=0) as memory:
    for name, flags in mappings(sys.argv[2]):
        start, end = (int(part, 16) for part in name.split()[0].split("-"))
        if "rd" not in flags or name.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            continue
        memory.seek(start)
        try:
            found = memory.read(end - start).count(secret)
        except OSError:
            continue
        if found and "lo" in flags and "dd" in flags:
            kept += found
        elif found:
            elsewhere.append("%d in %s" % (found, name))
print("kept", kept)
print("elsewhere", len(elsewhere))
for line in elsewhere:
    print(line)
