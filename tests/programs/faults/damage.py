"""
Damages a file: damage.py FILE HOW SEED. The same seed always does the same.

    garbage   random bytes all over what is in use       zeros     the same with zeros
    middle    random bytes from the third page on        page      one page becomes random
    bits      eight bits flip, anywhere in use           swap      two pages change places
    cut       cut to a random length                     empty     cut to nothing
"""
import os
import random
import sys

PAGE = 4096

path, how, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
chance = random.Random("%s %d" % (how, seed))
file = os.open(path, os.O_RDWR)
# A sparse file is long; what is in use is at its front.
length = os.fstat(file).st_size
used, at = 0, 0
while at < length:
    try:
        at = os.lseek(file, at, os.SEEK_DATA)
        at = used = os.lseek(file, at, os.SEEK_HOLE)
    except OSError:
        break
used = min(used or length, length)
pages = max(1, used // PAGE)


def a_page():
    return chance.randrange(pages) * PAGE


if how == "garbage":
    os.pwrite(file, chance.randbytes(used), 0)
elif how == "zeros":
    os.pwrite(file, bytes(used), 0)
elif how == "middle":
    os.pwrite(file, chance.randbytes(max(used - 2 * PAGE, 1)), min(2 * PAGE, used - 1))
elif how == "page":
    os.pwrite(file, chance.randbytes(PAGE), a_page())
elif how == "bits":
    for _ in range(8):
        where = chance.randrange(used)
        os.pwrite(file, bytes([os.pread(file, 1, where)[0] ^ 1 << chance.randrange(8)]), where)
elif how == "swap":
    one, other = a_page(), a_page()
    first, second = os.pread(file, PAGE, one), os.pread(file, PAGE, other)
    os.pwrite(file, first, other)
    os.pwrite(file, second, one)
elif how == "cut":
    os.ftruncate(file, chance.randrange(1, length))
elif how == "empty":
    os.ftruncate(file, 0)
else:
    sys.exit(__doc__)
