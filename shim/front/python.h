/*
 * How CPython is told that a connection could not be had.
 *
 * For its ssl module and for the libraries above it a connection is refused by connect, never by a
 * write: from 3.10 on the module writes by SSL_write_ex, and as released before April 2025 it makes
 * ssl.SSLError of whatever made that fail. So the exception that connect would have raised is
 * raised by the interpreter itself, between two instructions (C API: Py_AddPendingCall,
 * PyThreadState_SetAsyncExc): the write, or the handshake that asked for the connection, is said to
 * have gone well, and what follows it is not reached. Which exception that is, is said in Python
 * (python_failure.py).
 *
 * Everything here is about the calling thread.
 */
#ifndef VCACHE_FRONT_PYTHON_H
#define VCACHE_FRONT_PYTHON_H

#include <stdbool.h>

struct python_failure {
    int error;         /* as errno has it */
    bool ran_out;      /* ETIMEDOUT, of a program that has a time-out */
    bool in_handshake; /* and not in connect */
};

/* That is raised when the hook returns to CPython's ssl module, whose call is to succeed. False: it
 * cannot be raised. No lock may be held, for the interpreter's own may be waited for. */
bool python_raise(const struct python_failure *failure);

/* What the last failure was does not matter any more: should the interpreter not have come to raise
 * it, it is not raised where nobody expects it. */
void python_withdraw(void);

#endif
