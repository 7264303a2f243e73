#!/usr/bin/python3
"""
Opens a connection as programs do and says all that it sees of it, then takes the steps: look.py [STEP…]

    look                      all that Python tells of a connection, and that it is idle
    read, write, wsdl, other  a request: cached; taken for a write; cached, by GET; of no vSphere path
    raw, nothing              bytes past TLS; none of them, but by the same call
    passed                    the descriptor goes over a Unix socket, and is closed where it arrives
    binding                   what only the two ends of a real connection can know
    unwrap                    the end of TLS
    close                     of the connection; the next step opens another
    say:TEXT, wait:FILE       print at once; go on when FILE (a fifo) has been written
    fork                      a child takes the rest of the steps, and its parent after it
    inherit                   a program is started that has the descriptor, too, and runs to the end of the steps
    dup                       the next connection is used by a duplicate of its descriptor
    thumbprint:SHA256         end unless the certificate is that one

LOOK_INSECURE: any certificate will do. LOOK_HOST: the host's name in the certificate. LOOK_CA: who is trusted.
LOOK_CRL: revoked by these. LOOK_TIMEOUT: seconds. LOOK_ALPN: protocols, separated by commas. LOOK_NONBLOCKING: a loop
of its own around a socket that never blocks. LOOK_CERTIFICATE, LOOK_KEY: the client's own.
"""
import hashlib
import os
import select
import socket
import ssl
import subprocess
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
    "read": soap("RetrieveServiceContent", "ServiceInstance", "ServiceInstance"),
    "write": soap("Rename_Task", "Folder", "group-d1"),
    "wsdl": get("/sdk/vimService.wsdl"),
    "other": get("/"),
}


def context():
    made = ssl.create_default_context(cafile=os.environ.get("LOOK_CA", os.environ["VCENTER_CA"]))
    if os.environ.get("LOOK_INSECURE"):
        made = ssl._create_unverified_context()
    if os.environ.get("LOOK_CRL"):
        made.load_verify_locations(cafile=os.environ["LOOK_CRL"])
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if os.environ.get("LOOK_ALPN"):
        made.set_alpn_protocols(os.environ["LOOK_ALPN"].split(","))
    if os.environ.get("LOOK_CERTIFICATE"):
        made.load_cert_chain(os.environ["LOOK_CERTIFICATE"], os.environ["LOOK_KEY"])
    return made


class Looker:
    def __init__(self):
        self.context = context()
        self.connection = None
        self.timeout = float(os.environ["LOOK_TIMEOUT"]) if os.environ.get("LOOK_TIMEOUT") else None
        self.is_nonblocking = bool(os.environ.get("LOOK_NONBLOCKING"))
        self.duplicates = False
        self.heir = None

    def open(self):
        plain = socket.create_connection((HOST, PORT), timeout=self.timeout)
        if self.duplicates:
            self.original, plain = plain, plain.dup()
        self.connection = self.context.wrap_socket(plain, server_hostname=os.environ.get("LOOK_HOST", HOST),
                                                   do_handshake_on_connect=not self.is_nonblocking)
        if self.is_nonblocking:
            self.connection.setblocking(False)
            self.loop(self.connection.do_handshake)

    def loop(self, call, *arguments):
        """A call on a socket that does not block."""
        while self.is_nonblocking:
            try:
                return call(*arguments)
            except ssl.SSLWantReadError:
                ready = select.select([self.connection], [], [], 30)
            except ssl.SSLWantWriteError:
                ready = select.select([], [self.connection], [], 30)
            assert any(ready), "nothing came"
        return call(*arguments)

    def ask(self, request):
        request = request.encode()
        while request:
            request = request[self.loop(self.connection.send, request):]
        answer = self.loop(self.connection.recv, 65536)
        while b"\r\n\r\n" not in answer:
            answer += self.more()
        head, _, body = answer.partition(b"\r\n\r\n")
        size = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while len(body) < size[0]:
            body += self.more()
        return "%s, %d bytes" % (head.split(b" ", 1)[1].split(b"\r\n")[0].decode(), len(body))

    def more(self):
        data = self.loop(self.connection.recv, 65536)
        if not data:
            raise EOFError("an end in the middle")
        return data

    def look(self):
        c = self.connection
        print("certificate", c.getpeercert() or "not verified")
        print("its digest", hashlib.sha256(c.getpeercert(True)).hexdigest())
        for name in ("get_unverified_chain", "get_verified_chain"):
            chain = getattr(c._sslobj, name)() or ()
            print(name, [hashlib.sha256(found.public_bytes(2)).hexdigest() for found in chain])
        print("version", c.version(), "cipher", c.cipher(), "protocol", c.selected_alpn_protocol())
        print("compression", c.compression(), "reused", c.session_reused, "pending", c.pending())
        print("peer", c.getpeername(), "local", c.getsockname()[0], "error",
              c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        print("ready", *map(bool, select.select([], [c], [c], 0)))

    def hand_over(self):
        here, there = socket.socketpair()
        socket.send_fds(here, [b"."], [self.connection.fileno()])
        for descriptor in socket.recv_fds(there, 1, 1)[1]:
            os.close(descriptor)
        print("passed")

    def take(self, step):
        verb, _, rest = step.partition(":")
        if verb == "close":
            self.connection.close()
            self.connection = None
        elif verb == "dup":
            self.duplicates = True
        elif verb == "say":
            print(rest, flush=True)
        elif verb == "wait":
            with open(rest, encoding="utf-8") as file:
                file.read()
        else:
            self.take_open(verb, rest)

    def take_open(self, verb, rest):
        if not self.connection:
            self.open()
        if verb == "look":
            self.look()
        elif verb == "thumbprint":
            if hashlib.sha256(self.connection.getpeercert(True)).hexdigest() != rest:
                sys.exit("another thumbprint")
        elif verb == "raw":
            print("raw", socket.socket.send(self.connection, b"past TLS"))
        elif verb == "nothing":
            print("nothing", socket.socket.send(self.connection, b""))
        elif verb == "passed":
            self.hand_over()
        elif verb == "inherit":
            self.heir = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[self.connection.fileno()])
        elif verb == "binding":
            print("binding", len(self.connection.get_channel_binding()))
        elif verb == "unwrap":
            print("unwrap", type(self.connection.unwrap()).__name__)
        elif verb != "open":
            print(verb, self.ask(REQUESTS[verb]), flush=True)

    def run(self, steps):
        for at, step in enumerate(steps):
            if step == "fork":
                sys.stdout.flush()
                child = os.fork()
                if child == 0:
                    self.run(steps[at + 1:])
                    sys.stdout.flush()
                    os._exit(0)
                os.waitpid(child, 0)
                continue
            try:
                self.take(step)
            except (OSError, EOFError) as error:
                print(step, type(error).__name__, getattr(error, "verify_message", ""), flush=True)
                self.connection = None
        if self.heir:
            self.heir.communicate()


Looker().run(sys.argv[1:])
