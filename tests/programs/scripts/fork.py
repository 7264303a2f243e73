"""Forks in the middle of an answer; parent and child each read the rest of it."""

import os
import socket
import ssl

context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
request = b"GET /sdk/vimServiceVersions.xml HTTP/1.1\r\nHost: x\r\n\r\n"


def connect():
    plain = socket.create_connection((os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])))
    return context.wrap_socket(plain, server_hostname=os.environ["VCENTER_HOST"])


def receive(connection, answer=b""):
    while not answer.endswith(b"</namespaces>\n") and not answer.endswith(b"</namespaces>"):
        piece = connection.recv(4096)
        assert piece, answer
        answer += piece
    return answer.partition(b"\r\n\r\n")[2].decode()


first = connect()
first.sendall(request)
print(receive(first), flush=True)

second = connect()
second.sendall(request)
begun = second.recv(10)
child = os.fork()
if child == 0:
    # The parent's cache is not the child's: it opens its own.
    print(receive(second, begun), flush=True)
    third = connect()
    third.sendall(request)
    print(receive(third), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
print(receive(second, begun))
second.sendall(request)
print(receive(second))
