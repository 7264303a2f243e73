#!/usr/bin/python3
"""
Asks a vCenter by hand, one step an argument, over one connection that is kept alive, and prints every answer:

    ask.py login CurrentTime:ServiceInstance:ServiceInstance logout

    login[:LOCALE], logout, get:PATH
    OPERATION:TYPE:ID[:INSIDE]  a request; INSIDE is what follows _this; the ID @ is the last reference that was returned
    read:TYPE:ID:PROPERTY[,…]   RetrievePropertiesEx of one object
    names:SIZE                  RetrievePropertiesEx of the names of all VMs of folder-3, SIZE a page
    next, rest, cancel          the page behind it, all that are left, or none of them
    save:FILE, use:FILE         the cookie, to or from a file; use: alone has none
    key:FILE                    the session's key, to a file
    say:TEXT, wait:FILE         print at once; go on when FILE (a fifo) has been written
    close                       the connection; the next step opens another
    pid:FILE                    the number of this process, to a file
    as:NAME                     the last reference that was returned, under this name
    updates[:SECONDS]           WaitForUpdatesEx with the version that the last one gave, for so long at most
    apart:STEP, join            a step on a connection and in a thread of its own; wait for it to end
    fork, joined                a child does the steps between, then ends; the parent waits and does those that follow
    kill                        this process, by SIGKILL

In a step {key} stands for the session's key, {version} for the last version, {token} for the last page's, {NAME} for a reference under a name.
What differs from run to run or tells who logged in (keys and times of the session, its agent, tokens) is left out. ASK_NAMES
leaves less out: keys, cookies and references of the session are numbered as they come, and a cookie that is set is
shown, so that a run is told from another in which one of them changes. ASK_RAW is a file to which every answer is
added as it came. ASK_COOKIE is how the cookie is sent back: whole (as it came), quoted, bare, among (others).
ASK_HEADERS has more header fields, one a line.
"""
import http.client
import os
import re
import signal
import ssl
import sys
import threading
import zlib
from xml.sax.saxutils import escape

ENVELOPE = ('<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope '
            'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>')
READ = ('<specSet><propSet><type>%s</type>%s</propSet><objectSet><obj type="%s">%s</obj></objectSet></specSet>'
        '<options></options>')
NAMES = ('<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>'
         '<obj type="Folder">folder-3</obj><skip>true</skip><selectSet xsi:type="TraversalSpec"><type>Folder</type>'
         '<path>childEntity</path></selectSet></objectSet></specSet><options><maxObjects>%s</maxObjects></options>')


class Asker:
    def __init__(self):
        if os.environ.get("VCENTER_INSECURE"):
            self.context = ssl._create_unverified_context()
        else:
            self.context = ssl.create_default_context(cafile=os.environ["VCENTER_CA"])
        self.cookie = None
        self.key = ""
        self.reference = ""
        self.version = ""
        self.token = ""
        self.names = {}
        self.connection = None

    def apart(self):
        """Another connection of the same program."""
        other = Asker()
        other.cookie, other.key, other.version, other.names = self.cookie, self.key, self.version, self.names
        return other

    def named(self, text):
        known = {"key": self.key, "version": self.version, "token": self.token}
        for name, value in {**known, **self.names}.items():
            text = text.replace("{%s}" % name, value)
        return text

    def send(self, method, path, body=None, headers=()):
        if not self.connection:
            self.connection = http.client.HTTPSConnection(
                os.environ["VCENTER_HOST"], int(os.environ["VCENTER_PORT"]), context=self.context)
        headers = dict(headers)
        if self.cookie:
            headers["Cookie"] = cookie_as(os.environ.get("ASK_COOKIE", "whole"), self.cookie)
        for line in os.environ.get("ASK_HEADERS", "").splitlines():
            name, value = line.split(":", 1)
            headers[name] = value.strip()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError) as error:
            self.connection.close()
            self.connection = None
            return type(error).__name__, ""
        self.set_cookie = answer.getheader("Set-Cookie")
        if self.set_cookie:
            self.cookie = self.set_cookie
        if answer.getheader("Content-Encoding") == "gzip":
            text = zlib.decompress(text, 47)
        text = text.decode()
        if os.environ.get("ASK_RAW"):
            with open(os.environ["ASK_RAW"], "a", encoding="utf-8") as file:
                file.write("%s\n%s\n" % (answer.headers, text))
        self.version = "".join(re.findall("<returnval><version>([^<]*)</version>", text)[:1]) or self.version
        self.token = "".join(re.findall("<token>([^<]*)</token>", text)[:1])
        self.reference = "".join(re.findall("<returnval type=[^>]*>([^<]*)<", text)[-1:]) or self.reference
        return answer.status, text

    def call(self, operation, kind, name, inside=""):
        body = ENVELOPE % ('<%s xmlns="urn:vim25"><_this type="%s">%s</_this>%s</%s>' % (
            operation, kind, name, inside, operation))
        return self.send("POST", "/sdk", body, {"Content-Type": "text/xml; charset=UTF-8",
                                                "SOAPAction": '"urn:vim25/6.5"'})

    def step(self, step):
        verb, _, rest = step.partition(":")
        if verb == "login":
            status, text = self.call(
                "Login", "SessionManager", "SessionManager", "<userName>%s</userName><password>%s</password>%s" % (
                    escape(os.environ["VCENTER_USER"]), escape(os.environ["VCENTER_PASSWORD"]),
                    rest and "<locale>%s</locale>" % rest))
            self.key = "".join(re.findall("<key>([^<]*)</key>", text)[:1])
            return status, text
        if verb == "logout":
            return self.call("Logout", "SessionManager", "SessionManager")
        if verb == "names":
            return self.call("RetrievePropertiesEx", "PropertyCollector", "propertyCollector", NAMES % rest)
        if verb in ("next", "cancel"):
            operation = {"next": "ContinueRetrievePropertiesEx", "cancel": "CancelRetrievePropertiesEx"}[verb]
            return self.call(operation, "PropertyCollector", "propertyCollector", "<token>%s</token>" % self.token)
        if verb == "updates":
            return self.call("WaitForUpdatesEx", "PropertyCollector", "propertyCollector",
                             "<version>%s</version>" % self.version +
                             (rest and "<options><maxWaitSeconds>%s</maxWaitSeconds></options>" % rest))
        if verb == "get":
            return self.send("GET", rest)
        if verb == "read":
            kind, name, paths = rest.split(":", 2)
            return self.call("RetrievePropertiesEx", "PropertyCollector", "propertyCollector", READ % (
                kind, "".join("<pathSet>%s</pathSet>" % path for path in paths.split(",")), kind, self.known(name)))
        kind, name, *inside = rest.split(":", 2)
        return self.call(verb, kind, self.known(name), *inside)

    def known(self, name):
        return self.reference if name == "@" else name


def put(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def take(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def cookie_as(form, cookie):
    """As programs send it back: what came with its attributes, or what they took from it."""
    if form == "whole":
        return cookie
    value = re.split('["=;]+', cookie)[1]
    return {"quoted": 'vmware_soap_session="%s"', "bare": "vmware_soap_session=%s",
            "among": 'a=1; vmware_soap_session="%s"; b="2"'}[form] % value


class Numbered(dict):
    """What comes first is 1."""

    def __missing__(self, item):
        self[item] = len(self) + 1
        return self[item]


KEYS, COOKIES, REFERENCES = Numbered(), Numbered(), Numbered()


def numbered(text):
    """With a number for every key and every reference of a session."""
    text = re.sub("(<key>)([0-9a-f-]{20,})(</key>)", lambda m: "%skey-%d%s" % (m[1], KEYS[m[2]], m[3]), text)
    text = re.sub(r"session\[([^]<]*)\]([^<\"']*)",
                  lambda m: "session[key-%d]%d" % (KEYS[m[1]], REFERENCES[m[0]]), text)
    return re.sub(r"(<(loginTime|lastActiveTime|callCount|token)>)[^<]*", r"\1…", text)


def masked(text):
    text = "".join(re.findall("(?s)<soapenv:Body>(.*)</soapenv:Body>", text)) or text
    if os.environ.get("ASK_NAMES"):
        return numbered(re.sub("<(userAgent|ipAddress)>[^<]*</[^>]*>", "", text)).strip()
    text = re.sub(r"session\[[^<]*", "session[…]…", text)
    text = re.sub("<userAgent>[^<]*</userAgent>", "", text)
    return re.sub(r"(<(key|loginTime|lastActiveTime|callCount|token)>)[^<]*", r"\1…", text).strip()


def tell(asker, argument):
    """Does a step and prints what came of it."""
    asker.set_cookie = None
    status, text = asker.step(argument)
    # What the step says stands first: a thread's line is whole.
    said = [argument.split(":")[0], str(status), masked(text)]
    if asker.set_cookie and os.environ.get("ASK_NAMES"):
        value = re.split('["=;]+', asker.set_cookie)[1]
        said.append("sets " + asker.set_cookie.replace(value, "cookie-%d" % COOKIES[value]))
    print(" ".join(said), flush=True)


asker, child, thread = Asker(), None, None
for argument in sys.argv[1:]:
    verb, _, rest = argument.partition(":")
    if verb == "joined":
        if child == 0:
            os._exit(0)
        print("child", os.waitpid(child, 0)[1], flush=True)
        child = None
    elif child:
        continue
    elif verb == "fork":
        child = os.fork()
    elif verb == "say":
        print(rest, flush=True)
    elif verb == "wait":
        take(rest)
    elif verb == "save":
        put(rest, asker.cookie or "")
    elif verb == "use":
        asker.cookie = take(rest) if rest else None
    elif verb == "key":
        put(rest, asker.key)
    elif verb == "close":
        asker.connection.close()
        asker.connection = None
    elif verb == "pid":
        put(rest, str(os.getpid()))
    elif verb == "as":
        asker.names[rest] = asker.reference
    elif verb == "apart":
        thread = threading.Thread(target=tell, args=(asker.apart(), asker.named(rest)))
        thread.start()
    elif verb == "join":
        thread.join()
    elif verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "rest":
        while asker.token:
            tell(asker, "next")
    else:
        tell(asker, asker.named(argument))
