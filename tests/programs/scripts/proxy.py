"""
An HTTP proxy that makes tunnels (CONNECT) and nothing else: proxy.py [USER:PASSWORD]. Prints its port, and then a line for
each request that it is sent: where to, and the status that it answered.
"""
import base64
import os
import socket
import sys
import threading

import tunnel

wanted = b"Basic " + base64.b64encode(sys.argv[1].encode()) if len(sys.argv) > 1 else None


def serve(connection):
    lines = connection.makefile("rb", buffering=0)
    while request := lines.readline().split():
        fields = {}
        while line := lines.readline().strip():
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip()
        allowed = wanted is None or fields.get(b"proxy-authorization") == wanted
        os.write(1, b"%s %d\n" % (request[1], 200 if allowed else 407))
        if allowed:
            break
        connection.sendall(b"HTTP/1.1 407 Who are you?\r\nProxy-Authenticate: Basic realm=\"here\"\r\nContent-Length: 0\r\n\r\n")
    else:
        return
    host, _, port = request[1].decode().rpartition(":")
    beyond = socket.create_connection((host.strip("[]"), int(port)))
    connection.sendall(b"HTTP/1.1 200 Here it is\r\n\r\n")
    tunnel.join(connection, beyond)


listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
