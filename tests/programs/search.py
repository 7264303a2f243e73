"""
Looks for a secret in files, in every form in which it may lie about: search.py SECRET-FILE PATH…

Exit status 0 and where it was found, or 1. Forms: as it is, UTF-16, hexadecimal, base64 at any offset, percent-encoded,
escaped for XML, and backwards.
"""
import base64
import os
import sys
from urllib.parse import quote
from xml.sax.saxutils import escape


def forms(secret):
    yield "as it is", secret
    yield "UTF-16", secret.decode().encode("utf-16-le")
    yield "backwards", secret[::-1]
    yield "hexadecimal", secret.hex().encode()
    yield "hexadecimal", secret.hex().upper().encode()
    yield "percent-encoded", quote(secret, safe="").encode()
    yield "XML", escape(secret.decode()).encode()
    for before in range(3):
        # The characters at both ends depend on what stands beside it.
        text = base64.b64encode(b"\0" * before + secret)
        yield "base64", text[4 if before else 0:-4]


def files(paths):
    for path in paths:
        if not os.path.isdir(path):
            yield path
        for directory, _, names in os.walk(path):
            for name in names:
                yield os.path.join(directory, name)


def text_of(path):
    """Without the holes of a sparse file."""
    with open(path, "rb") as file:
        size, at, text = os.fstat(file.fileno()).st_size, 0, b""
        while at < size:
            try:
                begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            text += os.pread(file.fileno(), at - begin, begin)
        return text


with open(sys.argv[1], "rb") as file:
    secret = file.read().strip()
assert len(secret) >= 12, "too short to be looked for"
found = False
for path in files(sys.argv[2:]):
    text = text_of(path)
    for form, wanted in forms(secret):
        if wanted in text:
            print("%s: %s, %s" % (path, os.path.basename(sys.argv[1]), form))
            found = True
sys.exit(not found)
