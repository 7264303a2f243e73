"""So many connections at once, a request on each: many-connections.py COUNT"""
import http.client
import os
import ssl
import sys

context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
connections = [http.client.HTTPSConnection(os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"]), context=context)
               for _ in range(int(sys.argv[1]))]
for connection in connections:
    connection.connect()
for connection in connections:
    connection.request("GET", "/sdk/vimServiceVersions.xml")
for connection in connections:
    answer = connection.getresponse()
    print(answer.status, len(answer.read()))
