"""SOAP by hand: one connection to a vCenter, what is asked over it, and what its answers say."""
import http.client
import os
import re
import ssl
import zlib
from time import monotonic_ns

ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope '
            'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">%s<soapenv:Body>%s</soapenv:Body></soapenv:Envelope>')
HEADER = '<soapenv:Header><operationID>%s</operationID></soapenv:Header>'
COLLECTOR = ("PropertyCollector", "propertyCollector")
GONE = "gone"  # what a read of an object that is not there comes to

OBJECT = re.compile(r'<(objects|returnval)><obj type="\w+">([^<]*)</obj>(.*?)</\1>', re.S)
PROPERTY = re.compile(r"<propSet><name>([^<]*)</name><val([^>]*)>(.*?)</val></propSet>", re.S)
ITEM = re.compile(r">([^<]+)</ManagedObjectReference>")
RETURNED = re.compile(r"<returnval([^>]*)>(.*)</returnval>", re.S)
FAULT = re.compile(r'<detail><[^>]* xsi:type="(\w+)"', re.S)
TOKEN = re.compile(r"<token>([^<]*)</token>")


class Trouble(Exception):
    """What a program takes for a failure. `since`: when it began what has failed; of a connection, `before`: when it had
    begun what came before over it, if anything did, and `opening`: when it was opened, and first answered."""

    def __init__(self, what, since, before=None, opening=None):
        super().__init__(what)
        self.what, self.since, self.before, self.opening = what, since, before, opening

    def is_of_connection(self):
        return self.what.startswith("connection")


class Answer:
    def __init__(self, status, text, begin, end):
        self.status, self.text, self.begin, self.end = status, text, begin, end
        self.fault = None
        if status != 200:
            found = FAULT.search(text)
            if status != 500 or not found:
                raise Trouble("status %d" % status, begin)
            self.fault = found.group(1)
            if self.fault == "NotAuthenticated":
                raise Trouble("fault NotAuthenticated", begin)

    def returned(self):
        """The text inside returnval, or None."""
        found = RETURNED.search(self.text)
        return found and found.group(2)

    def values(self):
        """{object: {property: value}}; lists of references as lists."""
        return {name: {path: value_of(attributes, value) for path, attributes, value in PROPERTY.findall(inside)}
                for _, name, inside in OBJECT.findall(self.text)}


def value_of(attributes, value):
    return ITEM.findall(value) if "ArrayOfManagedObjectReference" in attributes else value


class Vcenter:
    """The connection and the login of the program called `name`. A request that fails raises Trouble; the next opens
    another connection."""

    def __init__(self, name, host, user, password, is_blocking):
        self.headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '"urn:vim25/6.5"',
                        "User-Agent": "worker " + name}
        self.context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
        self.host, self.user, self.password = host, user, password
        self.timeout = None if is_blocking else 100  # Python's sockets with a time-out never block
        self.cookie = None
        self.connection = self.before = self.opening = None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = self.before = self.opening = None

    def send(self, body):
        headers = {**self.headers, "Cookie": self.cookie} if self.cookie else self.headers
        begin = monotonic_ns()
        try:
            if not self.connection:
                self.opening = [begin, None]
                self.connection = http.client.HTTPSConnection(self.host, int(os.environ["VCENTER_PORT"]),
                                                              context=self.context, timeout=self.timeout)
                self.connection.connect()
                begin = monotonic_ns()
            self.connection.request("POST", "/sdk", body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
            end = monotonic_ns()
        except (http.client.HTTPException, OSError) as error:
            before, opening = self.before, self.opening
            self.close()
            raise Trouble("connection %s" % type(error).__name__, begin, before, opening) from error
        self.before = begin
        self.opening[1] = self.opening[1] or end
        if answer.getheader("Set-Cookie"):
            self.cookie = answer.getheader("Set-Cookie")
        if answer.getheader("Content-Encoding") == "gzip":
            text = zlib.decompress(text, 47)
        return Answer(answer.status, text.decode(), begin, end)

    def call(self, operation, kind, name, inside="", identity=""):
        return self.send(ENVELOPE % (HEADER % identity if identity else "", '<%s xmlns="urn:vim25"><_this type="%s">%s'
                                     '</_this>%s</%s>' % (operation, kind, name, inside, operation)))

    def login(self):
        self.cookie = None
        answer = self.call("Login", "SessionManager", "SessionManager",
                           "<userName>%s</userName><password>%s</password>" % (self.user, self.password))
        if answer.fault:
            raise Trouble("fault %s" % answer.fault, answer.begin)
        return answer

    def logout(self):
        return self.call("Logout", "SessionManager", "SessionManager")

    # ---- property reads ----

    def retrieve(self, specification, is_old=False, page=0):
        """All pages as one answer."""
        if is_old:
            return self.call("RetrieveProperties", *COLLECTOR, specification)
        options = "<options>%s</options>" % ("<maxObjects>%d</maxObjects>" % page if page else "")
        answer = self.call("RetrievePropertiesEx", *COLLECTOR, specification + options)
        while not answer.fault and (token := TOKEN.search(answer.text)):
            answer = self.next_page(answer, token.group(1))
        return answer

    def next_page(self, before, token):
        try:
            answer = self.call("ContinueRetrievePropertiesEx", *COLLECTOR, "<token>%s</token>" % token)
        except Trouble as trouble:
            if trouble.is_of_connection():
                raise
            raise Trouble("%s meanwhile" % trouble.what, before.begin) from trouble
        if answer.fault:
            raise Trouble("fault %s meanwhile" % answer.fault, before.begin)
        answer.begin = before.begin
        answer.text += TOKEN.sub("", before.text)
        return answer

    def fetch(self, kind, name, path):
        return self.call("Fetch", kind, name, "<prop>%s</prop>" % path)


def one_object(kind, name, paths):
    return ("<specSet>%s<objectSet><obj type=\"%s\">%s</obj></objectSet></specSet>" %
            (property_set(kind, paths), kind, name))


def property_set(kind, paths):
    return "<propSet><type>%s</type>%s</propSet>" % (kind, "".join("<pathSet>%s</pathSet>" % p for p in paths))


def through_view(view, kind, paths):
    return ('<specSet>%s<objectSet><obj type="ContainerView">%s</obj><skip>true</skip><selectSet xsi:type="TraversalSpec">'
            '<type>ContainerView</type><path>view</path><skip>false</skip></selectSet></objectSet></specSet>' %
            (property_set(kind, paths), view))


def below_folder(folder, kind, paths):
    return ('<specSet>%s<objectSet><obj type="Folder">%s</obj><skip>true</skip><selectSet xsi:type="TraversalSpec">'
            '<name>below</name><type>Folder</type><path>childEntity</path><skip>false</skip>'
            '<selectSet><name>below</name></selectSet></selectSet></objectSet></specSet>' %
            (property_set(kind, paths), folder))
