#!/usr/bin/python3
"""
Speaks HTTP by hand, the ways that are rare and allowed: wire.py SCENARIO [ARGUMENT…]; prints what came back.

Everything here is a plain TLS socket; what is printed of an answer is its status, its framing where that matters, and
a digest of its body, so that runs can be compared.
"""
import hashlib
import os
import select
import socket
import ssl
import sys
import zlib

HOST, PORT = os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])
ENVELOPE = ('<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">%s<e:Body>%s</e:Body></e:Envelope>')


def envelope(operation, kind, name, inside="", header=""):
    return (ENVELOPE % (header, '<%s xmlns="urn:vim25"><_this type="%s">%s</_this>%s</%s>' % (
        operation, kind, name, inside, operation))).encode()


CONTENT = envelope("RetrieveServiceContent", "ServiceInstance", "ServiceInstance")


def head(body=None, fields=(), method="POST", path="/sdk", version="1.1", length=True):
    lines = ["%s %s HTTP/%s" % (method, path, version), "Host: %s:%d" % (HOST, PORT)]
    if body is not None:
        lines += ["Content-Type: text/xml; charset=utf-8", 'SOAPAction: "urn:vim25/6.5"']
        if length:
            lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines + list(fields)) + "\r\n\r\n").encode()


def message(body=None, *fields, **more):
    return head(body, fields, **more) + (body or b"")


def connect():
    plain = socket.create_connection((HOST, PORT))
    context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
    return context.wrap_socket(plain, server_hostname=HOST, suppress_ragged_eofs=False)


class Reader:
    """What comes back, message by message."""

    def __init__(self, connection, step=65536, receive=None):
        self.receive = receive or connection.recv
        self.step = step
        self.held = b""

    def more(self):
        data = self.receive(self.step)
        self.held += data
        return bool(data)

    def until(self, mark):
        while mark not in self.held:
            if not self.more():
                raise EOFError("the peer closed after %r" % self.held)
        found, _, self.held = self.held.partition(mark)
        return found

    def exactly(self, size):
        while len(self.held) < size:
            if not self.more():
                raise EOFError("the peer closed in a body")
        found, self.held = self.held[:size], self.held[size:]
        return found

    def rest(self):
        while self.more():
            pass
        found, self.held = self.held, b""
        return found

    def answer(self, to_head=False):
        lines = self.until(b"\r\n\r\n").decode().split("\r\n")
        fields = {n.lower(): v.strip() for n, v in (line.split(":", 1) for line in lines[1:])}
        status = lines[0].split(" ", 1)[1]
        if to_head or status[0] == "1":
            return status, fields, b""
        if fields.get("transfer-encoding") == "chunked":
            body = b""
            while True:
                size = int(self.until(b"\r\n").split(b";")[0], 16)
                body += self.exactly(size)
                self.until(b"\r\n")
                if size == 0:
                    return status, fields, body
        if "content-length" in fields:
            return status, fields, self.exactly(int(fields["content-length"]))
        return status, fields, self.rest()


def show(what, answer):
    status, fields, body = answer
    if fields.get("content-encoding") == "gzip":
        body = zlib.decompress(body, 47)
    print("%s: %s, %d bytes %s" % (what, status, len(body), hashlib.sha256(body).hexdigest()[:16]))


def is_at_end(reader):
    print("then", "more" if reader.held or reader.more() else "a clean end")


# ---- requests ------------------------------------------------------------------------------------

def once():
    connection = connect()
    connection.sendall(message(CONTENT))
    show("content", Reader(connection).answer())


def pieces():
    """Every byte written, and read, alone."""
    connection = connect()
    reader = Reader(connection, step=1)
    for byte in message(CONTENT):
        connection.sendall(bytes([byte]))
    show("content", reader.answer())
    connection.sendall(message(None, method="GET", path="/sdk/vimServiceVersions.xml"))
    show("versions", reader.answer())


def sizes():
    """Reads of every small size, so that they end everywhere in the answer."""
    connection = connect()
    for size in list(range(1, 40)) + [4095, 4096, 4097, 16384]:
        connection.sendall(message(CONTENT))
        show(size, Reader(connection, step=size).answer())


def chunked():
    connection = connect()
    reader = Reader(connection)
    for size in (1, 7, 100, len(CONTENT)):
        connection.sendall(head(CONTENT, ["Transfer-Encoding: chunked"], length=False))
        for at in range(0, len(CONTENT), size):
            part = CONTENT[at:at + size]
            connection.sendall(b"%x;some=extension\r\n%s\r\n" % (len(part), part))
        connection.sendall(b"0\r\nTrailer-Field: x\r\n\r\n")
        show("in chunks of %d" % min(size, 1000), reader.answer())


def expect():
    """Expect: 100-continue, by one who waits for it and by one who does not."""
    connection = connect()
    reader = Reader(connection)
    for _ in range(2):
        connection.sendall(head(CONTENT, ["Expect: 100-continue"]))
        show("interim", reader.answer())
        connection.sendall(CONTENT)
        show("content", reader.answer())
    connection.sendall(message(CONTENT, "Expect: 100-continue"))
    answer = reader.answer()
    show("content", reader.answer() if answer[0].startswith("100") else answer)
    connection.sendall(message(CONTENT))
    show("content", reader.answer())
    print("left over:", reader.held)


def pipelined():
    """Several requests in one write, and answers in their order; some that vCenter answers at once, some that wait."""
    versions = message(None, method="GET", path="/sdk/vimServiceVersions.xml")
    connection = connect()
    reader = Reader(connection)
    connection.sendall(message(CONTENT) + versions + message(CONTENT))
    for what in ("content", "versions", "content"):
        show(what, reader.answer())
    connection.sendall(versions)
    connection.sendall(message(CONTENT))
    for what in ("versions", "content"):
        show(what, reader.answer())
    print("left over:", reader.held)


def overlapping():
    """The end of one request and the beginning of the next in one write."""
    two = message(CONTENT) + message(None, method="GET", path="/sdk/vimServiceVersions.xml")
    connection = connect()
    reader = Reader(connection)
    at = len(message(CONTENT)) + 10
    connection.sendall(two[:at])
    show("content", reader.answer())
    connection.sendall(two[at:])
    show("versions", reader.answer())


def http10():
    for fields in ((), ("Connection: keep-alive",)):
        connection = connect()
        reader = Reader(connection)
        connection.sendall(message(CONTENT, *fields, version="1.0"))
        show("HTTP/1.0 %s" % (fields,), reader.answer())
        if not fields:
            is_at_end(reader)


def close():
    connection = connect()
    reader = Reader(connection)
    connection.sendall(message(CONTENT))
    show("content", reader.answer())
    connection.sendall(message(CONTENT, "Connection: close"))
    answer = reader.answer()
    show("content", answer)
    print("connection:", answer[1].get("connection"))
    is_at_end(reader)


def goodbye():
    """TLS is taken down in the proper way after an answer."""
    connection = connect()
    connection.sendall(message(CONTENT))
    show("content", Reader(connection).answer())
    plain = connection.unwrap()
    print("unwrapped", type(plain).__name__)


def mixed():
    """What is not vSphere, between what is, on one connection."""
    connection = connect()
    reader = Reader(connection)
    connection.sendall(message(CONTENT))
    show("content", reader.answer())
    connection.sendall(message(None, method="HEAD", path="/sdk/vimServiceVersions.xml"))
    show("head", reader.answer(to_head=True))
    connection.sendall(message(b"some bytes", path="/echo"))
    show("echo", reader.answer())
    connection.sendall(message(None, method="GET", path="/"))
    show("page", reader.answer())
    connection.sendall(message(None, method="GET", path="/folder/x?dcPath=DC0&dsName=LocalDS_0"))
    show("folder", reader.answer())
    connection.sendall(message(b"", method="PUT", path="/sdk"))
    show("put", reader.answer())
    connection.sendall(message(None, method="GET", path="/sdk/vimServiceVersions.xml"))
    show("versions", reader.answer())
    connection.sendall(message(CONTENT))
    show("content", reader.answer())


def foreign():
    """A connection that begins with something else, and then speaks of vSphere."""
    connection = connect()
    reader = Reader(connection)
    connection.sendall(message(b"x" * 100000, path="/echo"))
    show("echo", reader.answer())
    connection.sendall(message(CONTENT))
    show("content", reader.answer())


def garbage():
    for text in (b"hello\r\n\r\n", b"POST /sdk HTTP/1.1\r\nHost\r\n\r\n", b"POST /sdk\r\n\r\n",
                 b"POST /sdk HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
                 b"GET /sdk/../sdk/vimServiceVersions.xml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
        connection = connect()
        connection.sendall(text)
        try:
            show(text, Reader(connection).answer())
        except (OSError, EOFError) as error:
            print(text, type(error).__name__)


def large():
    """Requests of five megabytes: of vSphere, and not."""
    connection = connect()
    reader = Reader(connection)
    padding = "<e:Header><operationID>%s</operationID></e:Header>" % ("x" * (5 << 20))
    body = envelope("RetrieveServiceContent", "ServiceInstance", "ServiceInstance", header=padding)
    for _ in range(2):
        connection.sendall(message(body))
        show("content", reader.answer())
    connection.sendall(message(b"y" * (5 << 20), path="/echo"))
    show("echo", reader.answer())
    connection.sendall(message(CONTENT))
    show("content", reader.answer())


def select_():
    """A non-blocking socket that sleeps in select, poll and epoll until there is something to read."""
    for wait in ("select", "poll", "epoll", "epoll at edges"):
        connection = connect()
        connection.setblocking(False)
        if wait == "select":
            def sleep():
                return select.select([connection], [], [], 30)[0]
        else:
            edges = wait == "epoll at edges"
            sleeper = select.poll() if wait == "poll" else select.epoll()
            sleeper.register(connection, select.POLLIN if wait == "poll" else
                             select.EPOLLIN | (select.EPOLLET if edges else 0))

            def sleep():
                return sleeper.poll(30000 if wait == "poll" else 30)

        def receive(size):
            while True:
                try:
                    return connection.recv(size)
                except ssl.SSLWantReadError:
                    if not sleep():
                        raise TimeoutError("nothing came in %s" % wait) from None

        for _ in range(2):
            connection.send(message(CONTENT))
            if not sleep():
                raise TimeoutError("nothing came in %s" % wait)
            show(wait, Reader(connection, receive=receive).answer())


def idle():
    """After its answer was read, a connection is not readable: who keeps it would take it for closed."""
    connection = connect()
    reader = Reader(connection)
    for _ in range(3):
        connection.sendall(message(CONTENT))
        show("content", reader.answer())
        # A session ticket may still be on its way; OpenSSL takes it in when it reads.
        connection.setblocking(False)
        try:
            connection.recv(1)
        except ssl.SSLWantReadError:
            print("nothing to read")
        connection.setblocking(True)
        print("readable:", bool(select.select([connection], [], [], 0)[0]))


def coding(*accepted):
    """Whether what came is in a coding that was asked for."""
    fields = ["Accept-Encoding: " + accepted[0]] if accepted else []
    wanted = [item.strip() for item in ",".join(accepted).split(",")]
    connection = connect()
    connection.sendall(message(CONTENT, *fields))
    answer = Reader(connection).answer()
    show("content", answer)
    print("acceptable:", answer[1].get("content-encoding", "identity") in wanted + ["identity"])


if __name__ == "__main__":
    SCENARIOS = {name.rstrip("_"): function for name, function in list(globals().items()) if callable(function)}
    SCENARIOS[sys.argv[1]](*sys.argv[2:])
