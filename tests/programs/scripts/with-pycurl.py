"""Every VM's name, state and files, by pycurl: with-pycurl.py easy|multi|socket."""
import io
import os
import re
import select
import sys
from xml.sax.saxutils import escape

import pycurl

ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>')
URL = "https://%s:%s/sdk" % (os.environ["VCENTER_HOST"], os.environ["VCENTER_PORT"])


def message(operation, kind, reference, inside=""):
    return ENVELOPE % ('<%s xmlns="urn:vim25"><_this type="%s">%s</_this>%s</%s>' % (operation, kind, reference, inside, operation))


def read(kind, reference, path, more=""):
    return message("RetrievePropertiesEx", "PropertyCollector", "propertyCollector",
                   '<specSet><propSet><type>%s</type><pathSet>%s</pathSet></propSet><objectSet><obj type="%s</obj>%s'
                   '</objectSet></specSet><options/>' % (kind, path, reference, more))


class Asked:
    """One handle with what it was told."""

    def __init__(self, share, text):
        self.body, self.headers, self.pieces = io.BytesIO(), [], []
        self.curl = curl = pycurl.Curl()
        curl.asked = self
        curl.setopt(pycurl.URL, URL)
        curl.setopt(pycurl.POSTFIELDS, text)
        curl.setopt(pycurl.HTTPHEADER, ["Content-Type: text/xml; charset=utf-8", 'SOAPAction: "urn:vim25/6.5"'])
        curl.setopt(pycurl.COOKIEFILE, "")
        curl.setopt(pycurl.SHARE, share)
        curl.setopt(pycurl.ENCODING, "gzip")
        if os.environ.get("VCENTER_INSECURE"):
            curl.setopt(pycurl.SSL_VERIFYPEER, 0)
            curl.setopt(pycurl.SSL_VERIFYHOST, 0)
        else:
            curl.setopt(pycurl.CAINFO, os.environ["VCENTER_CA"])
        curl.setopt(pycurl.WRITEFUNCTION, self.take)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)

    def take(self, piece):
        self.pieces.append(len(piece))
        self.body.write(piece)

    def text(self):
        curl = self.curl
        if curl.getinfo(pycurl.RESPONSE_CODE) != 200 or max(self.pieces) > 16384:
            sys.exit("%d: %s" % (curl.getinfo(pycurl.RESPONSE_CODE), self.body.getvalue()))
        if not self.headers[0].startswith(b"HTTP/1.1 200") or self.headers[-1] != b"\r\n":
            sys.exit("headers: %r" % self.headers)
        if not 0 < curl.getinfo(pycurl.STARTTRANSFER_TIME) <= curl.getinfo(pycurl.TOTAL_TIME):
            sys.exit("times")
        assert curl.getinfo(pycurl.EFFECTIVE_URL) == URL and curl.getinfo(pycurl.CONTENT_TYPE).startswith("text/xml")
        return self.body.getvalue().decode()


def done(multi):
    _, succeeded, failed = multi.info_read()
    if failed:
        sys.exit("failed: %r" % failed)
    for curl in succeeded:
        multi.remove_handle(curl)
    return len(succeeded)


def add(multi, asked):
    for one in asked:
        multi.add_handle(one.curl)
    return len(asked)


def by_select(multi, asked):
    count = add(multi, asked)
    while count:
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        count -= done(multi)
        if count:
            multi.select(1.0)


def by_socket(multi, asked):
    """As asynchronous programs do: libcurl says what to wait for, and for how long."""
    poller, wait, watched = select.epoll(), [0], set()

    def on_socket(what, fd, _multi, _data):
        events = (select.EPOLLIN if what & pycurl.POLL_IN else 0) | (select.EPOLLOUT if what & pycurl.POLL_OUT else 0)
        if what == pycurl.POLL_REMOVE:
            watched.discard(fd)
            try:
                poller.unregister(fd)
            except OSError:
                pass  # it has been closed by now
        elif fd in watched:
            poller.modify(fd, events)
        else:
            watched.add(fd)
            poller.register(fd, events)

    multi.setopt(pycurl.M_SOCKETFUNCTION, on_socket)
    multi.setopt(pycurl.M_TIMERFUNCTION, lambda milliseconds: wait.__setitem__(0, milliseconds))
    count = add(multi, asked)
    while count:
        ready = poller.poll(min(wait[0], 1000) / 1000 if wait[0] >= 0 else 1)
        for fd, events in ready:
            multi.socket_action(fd, (pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0) |
                                (pycurl.CSELECT_OUT if events & select.EPOLLOUT else 0))
        if not ready:
            multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        count -= done(multi)


def main(manner):
    share = pycurl.CurlShare()
    share.setopt(pycurl.SH_SHARE, pycurl.LOCK_DATA_COOKIE)

    def ask(*texts):
        asked = [Asked(share, text) for text in texts]
        if manner == "easy":
            for one in asked:
                one.curl.perform()
        else:
            (by_socket if manner == "socket" else by_select)(pycurl.CurlMulti(), asked)
        return [one.text() for one in asked]

    ask(message("Login", "SessionManager", "SessionManager", "<userName>%s</userName><password>%s</password>"
                % (escape(os.environ["VCENTER_USER"]), escape(os.environ["VCENTER_PASSWORD"]))))
    names, = ask(read("VirtualMachine", 'Folder">folder-3', "name",
                      '<skip>true</skip><selectSet xsi:type="TraversalSpec"><type>Folder</type><path>childEntity</path></selectSet>'))
    machines = re.findall(r'<obj type="VirtualMachine">(vm-[0-9]+)</obj><propSet><name>name</name><val[^>]*>([^<]*)<', names)
    states = ask(*(read("VirtualMachine", 'VirtualMachine">' + machine, "runtime.powerState") for machine, _ in machines))
    configs = ask(*(read("VirtualMachine", 'VirtualMachine">' + machine, "config") for machine, _ in machines))
    for (machine, name), state, config in zip(machines, states, configs):
        print(name, machine, re.search(r"powered[A-Za-z]*", state).group(), re.search(r"\[[^<]*\.vmx", config).group(), len(config))
    ask(message("Logout", "SessionManager", "SessionManager"))


main(sys.argv[1])
