#!/usr/bin/python3
"""
Writes, and connects if it is told so, in turns of a loop that are shorter than it takes: turns.py read|write [connects].
Says how it is answered.
"""
import os
import select
import socket
import ssl
import sys

HOST, PORT = os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])
OPERATION = ('<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>'
             "</RetrieveServiceContent>" if sys.argv[1] == "read" else
             '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>')
BODY = ('<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>%s</e:Body>'
        "</e:Envelope>" % OPERATION)
left = ("POST /sdk HTTP/1.1\r\nHost: %s:%d\r\nSOAPAction: \"urn:vim25/6.5\"\r\nContent-Type: text/xml\r\n"
        "Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (HOST, PORT, len(BODY), BODY)).encode()

connection = socket.socket()
if "connects" in sys.argv:
    connection.setblocking(False)
    connection.connect_ex((HOST, PORT))
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    while not poll.poll(50):
        pass
else:
    connection.connect((HOST, PORT))
connection.settimeout(30)
connection = ssl.create_default_context(cafile=os.environ["VCENTER_CA"]).wrap_socket(connection, server_hostname=HOST)
connection.settimeout(0.2)
while left:
    try:
        left = left[connection.send(left):]
    except socket.timeout:
        pass
connection.settimeout(30)
answer = b"".join(iter(lambda: connection.recv(65536), b""))
print(answer.split(b"\r\n")[0].decode())
