"""
What CPython raises in the place of a connection that could not be had: python.c runs this.

urllib3 (and so requests) names an error by the call that it came from, and decides by that whether to try again; so
does httpcore (and so httpx): they are told what they would have made of connect's, had the connection not been put off.
"""
import errno
import os
import socket
import sys


def as_connect_raises(number, ran_out, in_handshake):
    if not ran_out:
        return socket.error(number, os.strerror(number))
    return socket.timeout("The handshake operation timed out" if in_handshake else "timed out")


def as_new_connection_raises(connection, names, error):
    if isinstance(error, socket.timeout):
        return names["ConnectTimeoutError"](
            connection, "Connection to %s timed out. (connect timeout=%s)" % (connection.host, connection.timeout))
    return names["NewConnectionError"](connection, "Failed to establish a new connection: %s" % error)


def as_validation_raises(pool, names, local, error):
    try:
        pool._raise_timeout(error, local["url"], local["conn"].timeout)
    except names["ReadTimeoutError"] as raised:
        return raised.with_traceback(None)
    return names["ProtocolError"]("Connection aborted.", error)


def as_backend_raises(names, error):
    return names["ConnectTimeout" if isinstance(error, socket.timeout) else "ConnectError"](error)


def as_library_raises(error, in_handshake):
    frame = sys._getframe()
    was_cut_off = in_handshake and not isinstance(error, socket.timeout)
    while frame:
        module, local = frame.f_globals.get("__name__", ""), frame.f_locals
        if module == "OpenSSL.SSL" and was_cut_off:
            error = frame.f_globals["SysCallError"](error.errno, errno.errorcode.get(error.errno))
        if module.endswith("urllib3.contrib.pyopenssl") and was_cut_off:
            return frame.f_globals["ssl"].SSLError("bad handshake: %r" % (error,))
        if module.endswith("urllib3.connection") and not in_handshake:
            return as_new_connection_raises(local["self"], frame.f_globals, error)
        if module.endswith("urllib3.connectionpool") and in_handshake:
            return as_validation_raises(local["self"], frame.f_globals, local, error)
        if module.startswith("httpcore.") and module.endswith("backends.sync"):
            return as_backend_raises(frame.f_globals, error)
        frame = frame.f_back
    return error


def failure(number, ran_out, in_handshake):
    """
    As a class whose one instance is that exception: of another thread the interpreter takes a class only, and makes
    the instance itself (before 3.11 once more each time that it finds it not to be of that class).
    """
    error = as_connect_raises(number, ran_out, in_handshake)
    try:
        error = as_library_raises(error, in_handshake)
    except (AttributeError, KeyError, TypeError):
        pass  # that is not the library that this was written for
    kind = type(error)
    return type(kind.__name__, (kind,), {"__module__": kind.__module__, "__new__": lambda *_: error})
