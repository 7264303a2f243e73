#!/usr/bin/python3
"""
Asks over one connection, each request in one write, and says how each went: idle.py STEP…

    content, versions, wsdl   reads
    write                     what is taken for a write
    pause:FILE                say so, and go on when FILE (a fifo) has been written
    timeout:MILLISECONDS      from now on that is the socket's
    fork                      a child takes the rest of the steps, and its parent the same after it
    poll                      whether the connection is readable

Nothing is tried twice. IDLE_INSECURE: any certificate will do. IDLE_PROXY: the port of a proxy here, to go through.
"""
import os
import select
import socket
import ssl
import struct
import sys

HOST, PORT = os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])
ENVELOPE = ('<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            '<%s xmlns="urn:vim25"><_this type="%s">%s</_this></%s></e:Body></e:Envelope>')


def soap(operation, kind, name):
    body = ENVELOPE % (operation, kind, name, operation)
    return ('POST /sdk HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: text/xml; charset=utf-8\r\n'
            'SOAPAction: "urn:vim25/6.5"\r\nContent-Length: %d\r\n\r\n%s' % (HOST, PORT, len(body), body))


def get(path):
    return "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (path, HOST, PORT)


REQUESTS = {
    "content": soap("RetrieveServiceContent", "ServiceInstance", "ServiceInstance"),
    "versions": get("/sdk/vimServiceVersions.xml"),
    "wsdl": get("/sdk/vimService.wsdl"),
    "write": soap("Rename_Task", "Folder", "group-d1"),
}


def connect():
    context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
    if os.environ.get("IDLE_INSECURE"):
        context = ssl._create_unverified_context()
    # Python tells an end without a close_notify from a clean one only if it is asked to.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 1 << 7)
    proxy = os.environ.get("IDLE_PROXY")
    plain = socket.create_connection(("127.0.0.1", int(proxy)) if proxy else (HOST, PORT))
    if proxy:
        plain.sendall(b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (HOST.encode(), PORT))
        assert plain.recv(65536).endswith(b"\r\n\r\n")
    return context.wrap_socket(plain, server_hostname=HOST, suppress_ragged_eofs=False)


def more(connection):
    data = connection.recv(65536)
    if not data:
        raise EOFError("a clean end")
    return data


def ask(connection, request):
    connection.sendall(request.encode())
    answer = more(connection)
    while b"\r\n\r\n" not in answer:
        answer += more(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    size = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < size[0]:
        body += more(connection)
    return "%s, %d bytes" % (head.split(b" ", 1)[1].split(b"\r\n")[0].decode(), len(body))


def run(connection, steps):
    for at, step in enumerate(steps):
        verb, _, rest = step.partition(":")
        if verb == "pause":
            print("paused", flush=True)
            with open(rest, encoding="utf-8") as file:
                file.read()
        elif verb == "timeout":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO,
                                  struct.pack("ll", int(rest) // 1000, int(rest) % 1000 * 1000))
        elif verb == "poll":
            print("readable:", bool(select.select([connection], [], [], 0)[0]), flush=True)
        elif verb == "fork":
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                run(connection, steps[at + 1:])
                sys.stdout.flush()
                os._exit(0)
            os.waitpid(child, 0)
        else:
            try:
                print(step, ask(connection, REQUESTS[step]), flush=True)
            except (OSError, EOFError) as error:
                print(step, type(error).__name__, error, flush=True)


run(connect(), sys.argv[1:])
