#!/usr/bin/python3
"""
Speaks HTTP by hand in a session: wire_session.py HOW SCENARIO. It logs in, has a view made, and then

    alone   makes a filter, for which it needs a session of its own
    ended   says so and goes on when the fifo "go" has been written

and asks what names the view, in every way in which HTTP may carry it. Of an answer it prints the status and a digest
in which whatever names the session or the view is replaced by what it was told first: a name that it was not told shows.
"""
import hashlib
import os
import re
import sys
import zlib
from xml.sax.saxutils import escape

from wire import Reader, connect, envelope, message, head

VIEW = ('<container type="Folder">group-d1</container><type>VirtualMachine</type><recursive>true</recursive>')
FILTER = ('<spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>'
          '<obj type="VirtualMachine">vm-57</obj></objectSet></spec><partialUpdates>false</partialUpdates>')
NAMES = ('<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><propSet><type>ContainerView</type>'
         '<pathSet>view</pathSet></propSet><objectSet><obj type="ContainerView">%s</obj><selectSet xsi:type="TraversalSpec">'
         "<type>ContainerView</type><path>view</path></selectSet></objectSet></specSet><options></options>")


class Told:
    def __init__(self):
        self.cookie = self.key = self.view = ""

    def known(self, text):
        for name in ("view", "key", "cookie"):
            value = getattr(self, name)
            text = text.replace(value, name) if value else text
        return re.sub(r"session\[key\][^<]*", "a reference", text)


told = Told()


def body_of(answer):
    return (zlib.decompress(answer[2], 47) if answer[1].get("content-encoding") == "gzip" else answer[2]).decode()


def show(what, answer):
    text = told.known(body_of(answer))
    print("%s: %s, %d characters %s" % (what, answer[0], len(text), hashlib.sha256(text.encode()).hexdigest()[:16]))
    if "set-cookie" in answer[1]:
        print("sets", told.known(answer[1]["set-cookie"]))
    print("unknown:", re.findall(r"session\[.{0,80}", text))


def cookie(*fields):
    return ["Cookie: " + told.cookie] + list(fields)


def names():
    return envelope("RetrievePropertiesEx", "PropertyCollector", "propertyCollector", NAMES % told.view)


def log_in():
    connection = connect()
    reader = Reader(connection)
    connection.sendall(message(envelope(
        "Login", "SessionManager", "SessionManager", "<userName>%s</userName><password>%s</password>" % (
            escape(os.environ["VCENTER_USER"]), escape(os.environ["VCENTER_PASSWORD"])))))
    answer = reader.answer()
    told.cookie = re.match('[^"]*"[^"]*"', answer[1]["set-cookie"]).group()
    told.key = re.search("<key>(.*?)</key>", body_of(answer)).group(1)
    connection.sendall(message(envelope("CreateContainerView", "ViewManager", "ViewManager", VIEW), *cookie()))
    told.view = re.search("<returnval[^>]*>(.*?)</", body_of(reader.answer())).group(1)
    return connection, reader


def whole(connection, reader):
    for _ in range(2):
        connection.sendall(message(names(), *cookie()))
        show("names", reader.answer())
    connection.sendall(message(names(), *cookie("Accept-Encoding: gzip")))
    show("names", reader.answer())


def pieces(connection, reader):
    """Every byte written, and read, alone; then head and body apart."""
    reader.step = 1
    for byte in message(names(), *cookie()):
        connection.sendall(bytes([byte]))
    show("names", reader.answer())
    reader.step = 5
    connection.sendall(head(names(), cookie()))
    connection.sendall(names())
    show("names", reader.answer())


def chunked(connection, reader):
    for size in (1, 7, 100, 10000):
        body = names()
        connection.sendall(head(body, cookie("Transfer-Encoding: chunked"), length=False))
        for at in range(0, len(body), size):
            part = body[at:at + size]
            connection.sendall(b"%x;some=extension\r\n%s\r\n" % (len(part), part))
        connection.sendall(b"0\r\nTrailer-Field: x\r\n\r\n")
        show("in chunks of %d" % size, reader.answer())


def expect(connection, reader):
    connection.sendall(head(names(), cookie("Expect: 100-continue")))
    print(reader.answer()[0])
    connection.sendall(names())
    show("names", reader.answer())
    connection.sendall(message(names(), *cookie("Expect: 100-continue")))
    answer = reader.answer()
    show("names", reader.answer() if answer[0].startswith("100") else answer)


def cookies(connection, reader):
    """The cookie as clients may write it."""
    value = told.cookie.split('"')[1]
    for fields in (["Cookie: " + told.cookie + "; Path=/; HttpOnly; Secure;"], ["cookie:vmware_soap_session=" + value],
                   ["Cookie: a=1; " + told.cookie + "; b=2"], ["COOKIE:   vmware_soap_session=" + value + "  "],
                   ["Cookie: a=1", "Cookie: " + told.cookie]):
        connection.sendall(message(names(), *fields))
        show(fields[0].split(":")[0], reader.answer())


def http10(connection, reader):
    connection.sendall(message(names(), *cookie("Connection: keep-alive"), version="1.0"))
    show("kept alive", reader.answer())
    for fields, version in (([], "1.0"), (["Connection: close"], "1.1")):
        connection = connect()
        reader = Reader(connection)
        connection.sendall(message(names(), *cookie(*fields), version=version))
        show("HTTP/" + version, reader.answer())
        print("then", "more" if reader.held or reader.more() else "a clean end")


def pipelined(connection, reader):
    connection.sendall(message(names(), *cookie()) * 3)
    for _ in range(3):
        show("names", reader.answer())


def large(connection, reader):
    """Much white space around what is to be renamed."""
    body = names().replace(b"<specSet>", b" " * (1 << 20) + b"<specSet>")
    for _ in range(2):
        connection.sendall(message(body, *cookie()))
        show("names", reader.answer())


held = log_in()
if sys.argv[1] == "alone":
    held[0].sendall(message(envelope("CreateFilter", "PropertyCollector", "propertyCollector", FILTER), *cookie()))
    show("filter", held[1].answer())
else:
    print("now", flush=True)
    with open("go", encoding="utf-8") as fifo:
        fifo.read()
globals()[sys.argv[2]](*held)
print("left over:", held[1].held)
