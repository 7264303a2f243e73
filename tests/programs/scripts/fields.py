#!/usr/bin/python3
"""
Reads one VM's name and prints the answer with the header fields that a cache adds: fields.py login [read…]

Each `read` is a request over the same connection, if that is still open. `wait:FILE` goes on when FILE (a fifo) has
been written.
"""
import http.client
import os
import re
import ssl
import sys

ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">'
            '<e:Body>%s</e:Body></e:Envelope>')
LOGIN = ('<Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>%s</userName>'
         '<password>%s</password></Login>')
READ = ('<RetrievePropertiesEx xmlns="urn:vim25"><_this type="PropertyCollector">propertyCollector</_this><specSet>'
        '<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>'
        '<obj type="VirtualMachine">vm-57</obj></objectSet></specSet><options></options></RetrievePropertiesEx>')

connection = http.client.HTTPSConnection(
    os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"]),
    context=ssl.create_default_context(cafile=os.environ["VCENTER_CA"]))
cookie = None
for step in sys.argv[1:]:
    if step.startswith("wait:"):
        open(step[5:]).read()
        continue
    body = READ if step == "read" else LOGIN % (os.environ["VCENTER_USER"], os.environ["VCENTER_PASSWORD"])
    try:
        connection.request("POST", "/sdk", ENVELOPE % body, {"Cookie": cookie} if cookie else {})
        answer = connection.getresponse()
        text = answer.read().decode()
    except (http.client.HTTPException, OSError) as error:
        print(step, type(error).__name__)
        connection.close()
        continue
    cookie = answer.headers.get("Set-Cookie", cookie)
    print(step, answer.status, "".join(re.findall("<val[^>]*>([^<]*)</val>", text)),
          "Age" if answer.headers.get("Age") else "", answer.headers.get("Warning", ""), flush=True)
