"""
Speaks to a server that is no vCenter: stranger.py HOW PORT CA. Prints what came back.

    http      http.client, several requests on one connection     line     lines of text
    asyncio   the same as http by asyncio (memory BIOs)           sdk      paths that look like a vCenter's
"""
import asyncio
import hashlib
import http.client
import socket
import ssl
import sys

how, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=ca)
PATHS = {"http": ["/", "/chunked", "/api/session", "/s", "/sd"],
         "sdk": ["/sdk", "/sdkabc", "/sdk/vimServiceVersions.xml", "/sdk/chunked", "/ui", "/sdk"]}


def show(what, text):
    print(what, len(text), hashlib.sha256(text).hexdigest()[:16])


def by_http(paths):
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    for path in paths:
        for method, body in (("GET", None), ("POST", b"<soap/>" * 3000), ("POST", b""), ("HEAD", None)):
            connection.request(method, path, body)
            answer = connection.getresponse()
            show((method, path, answer.status, sorted(answer.getheaders())), answer.read())
    connection.request("GET", "/last", headers={"Connection": "close"})
    show("last", connection.getresponse().read())


async def by_asyncio():
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    for path in PATHS["http"] + PATHS["sdk"]:
        if "chunked" in path:
            continue
        body = b"x" * 70000
        writer.write(b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(body)) + body)
        await writer.drain()
        show(path, await reader.readuntil(b"\r\n\r\n"))
        show(path, await reader.readexactly(len(body)))
    writer.close()
    await writer.wait_closed()


def by_line():
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="127.0.0.1") as tls:
        file = tls.makefile("rwb")
        for number in range(50):
            file.write(b"POST is no request, line %d\n" % number)
            file.flush()
            print(file.readline())
        print(tls.pending(), tls.version(), tls.cipher()[0])
        # Said letter by letter, each in a record of its own.
        for letter in b"POST /sdk or so\n":
            tls.send(bytes([letter]))
        print(file.readline())


if how == "line":
    by_line()
elif how == "asyncio":
    asyncio.run(by_asyncio())
else:
    by_http(PATHS[how])
