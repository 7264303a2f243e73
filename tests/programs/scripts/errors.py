#!/usr/bin/python3
"""
Asks what must go out, and says by what error it fails:
errors.py http.client|urllib|urllib3|requests|httpx|pyvmomi|pyopenssl|gevent [WORD…]
(pyopenssl: urllib3 on pyOpenSSL; gevent: http.client in gevent's loop)

read       asks what may be answered from the cache (pyVmomi does, in both cases)
twice      asks once more, over another connection
in-thread  asks in another thread than the main one

ERRORS_TIMEOUT: seconds that it waits; urllib3, requests and httpx, who can tell: until they are connected.
"""
import sys

if "gevent" in sys.argv:
    from gevent import monkey
    monkey.patch_all()

import os
import socket
import ssl
import threading

HOST, PORT = os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"])
URL = "https://%s:%d/sdk" % (HOST, PORT)
FIELDS = {"SOAPAction": '"urn:vim25/6.5"', "Content-Type": "text/xml"}
READS = "read" in sys.argv
ASKED = ('<RetrieveServiceContent xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>'
         "</RetrieveServiceContent>" if READS else
         '<Rename_Task xmlns="urn:vim25"><_this type="Folder">group-d1</_this></Rename_Task>')
BODY = ('<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>%s</e:Body>'
        "</e:Envelope>" % ASKED).encode()


def by_http_client():
    import http.client
    connection = http.client.HTTPSConnection(HOST, PORT, context=context)
    connection.request("POST", "/sdk", BODY, FIELDS)
    connection.getresponse().read()


def by_urllib():
    import urllib.request
    urllib.request.urlopen(urllib.request.Request(URL, BODY, FIELDS), context=context).read()


def by_urllib3():
    import urllib3
    pool = urllib3.PoolManager(ca_certs=os.environ["VCENTER_CA"], retries=urllib3.Retry(connect=1, backoff_factor=0),
                               timeout=urllib3.Timeout(connect=socket.getdefaulttimeout(), read=60))
    pool.request("POST", URL, body=BODY, headers=FIELDS)


def by_requests():
    import requests
    requests.post(URL, BODY, headers=FIELDS, verify=os.environ["VCENTER_CA"], timeout=(socket.getdefaulttimeout(), 60))


def by_httpx():
    import httpx
    timeout = httpx.Timeout(60, connect=socket.getdefaulttimeout())
    httpx.post(URL, content=BODY, headers=FIELDS, verify=context, timeout=timeout).read()


def by_pyvmomi():
    from pyVim.connect import SmartConnect
    SmartConnect(host=HOST, port=PORT, user=os.environ["VCENTER_USER"], pwd=os.environ["VCENTER_PASSWORD"],
                 sslContext=context)


def by_pyopenssl():
    import urllib3.contrib.pyopenssl
    urllib3.contrib.pyopenssl.inject_into_urllib3()
    by_urllib3()


def ask():
    try:
        {"http.client": by_http_client, "urllib": by_urllib, "urllib3": by_urllib3, "requests": by_requests,
         "httpx": by_httpx, "pyvmomi": by_pyvmomi, "pyopenssl": by_pyopenssl, "gevent": by_http_client}[sys.argv[1]]()
        print("answered")
    except Exception as error:
        kind = sys.exc_info()[0]
        names = [kind.__module__ + "." + kind.__name__]
        if hasattr(error, "reason"):
            names.append(type(error.reason).__name__)
        if isinstance(error, ConnectionError) or type(error) is OSError:
            names.append(str(error))
        print(*names)


if os.environ.get("ERRORS_TIMEOUT"):
    socket.setdefaulttimeout(float(os.environ["ERRORS_TIMEOUT"]))
context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
for _ in range(2 if "twice" in sys.argv else 1):
    if "in-thread" in sys.argv:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    else:
        ask()
