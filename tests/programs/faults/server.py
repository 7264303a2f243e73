"""
A TLS server that is no vCenter: server.py DIRECTORY. Its certificate is DIRECTORY/ca.pem, its address goes to stdout.
What begins like HTTP is answered as HTTP/1.1 (GET: the path; POST: the body, in chunks where the path says so), and
whatever else comes comes back in capitals, line by line.
"""
import os
import socketserver
import ssl
import subprocess
import sys

directory = sys.argv[1]
key, certificate = (os.path.join(directory, name) for name in ("key.pem", "ca.pem"))
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
               check=True, capture_output=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)


class Handler(socketserver.StreamRequestHandler):
    def setup(self):
        self.request = context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        while line := self.rfile.readline():
            if b" HTTP/1." in line:
                if not self.answer(*line.split()[:2]):
                    return
            else:
                self.wfile.write(line.upper())

    def answer(self, method, path):
        length, closes = 0, False
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.lower().partition(b":")
            if name == b"content-length":
                length = int(value)
            if name == b"expect":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            closes = closes or (name == b"connection" and value.strip() == b"close")
        body = self.rfile.read(length) if method == b"POST" else path * 20000
        if b"chunked" in path:
            head = b"Transfer-Encoding: chunked\r\n\r\n"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            head = b"Content-Length: %d\r\n\r\n" % len(body)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + head)
        if method != b"HEAD":
            self.wfile.write(body)
        return not closes


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # whoever goes away in the middle


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
sys.stdout.close()
server.serve_forever()
