/*
 * How CPython is told that a connection could not be had.
 *
 * For its ssl module a connection is refused by connect, never by a write: from 3.10 on it writes
 * by SSL_write_ex, and as released before April 2025 it makes ssl.SSLError of whatever made that
 * fail. So the exception that connect would have raised is raised by the interpreter itself,
 * between two instructions (C API: Py_AddPendingCall, PyThreadState_SetAsyncExc): the write is said
 * to have gone well, and what follows it is not reached. In another thread than the main one no
 * more can be told so than the exception's class; later releases are told by the error queue there.
 */
#ifndef VCACHE_FRONT_PYTHON_H
#define VCACHE_FRONT_PYTHON_H

#include <stdbool.h>

/* The OSError of that errno is raised when the hook returns, whose caller goes on at `caller`: the
 * call is to succeed. False: that is not CPython's ssl module, or need not be told so. No lock may
 * be held, for the interpreter's own may be waited for. */
bool python_raise(const void *caller, int error);

/* What this thread's last failure was does not matter any more: should the interpreter not have
 * come to raise it, it is not raised where nobody expects it. */
void python_withdraw(void);

#endif
