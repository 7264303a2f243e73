/* How CPython is told that a connection could not be had: see python.h. */
#include "front/python.h"

#include "front/caller.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of CPython's stable ABI. */
struct interpreter {
    const char *(*Py_GetVersion)(void);
    void **PyExc_OSError;
    void *(*PyErr_SetFromErrno)(void *type);
    void *(*PyErr_Occurred)(void); /* borrowed */
    void (*PyErr_Clear)(void);
    int (*Py_AddPendingCall)(int (*function)(void *), void *argument);
    int (*PyGILState_Ensure)(void);
    void (*PyGILState_Release)(int state);
    unsigned long (*PyThread_get_thread_ident)(void);
    int (*PyThreadState_SetAsyncExc)(unsigned long thread, void *type);
};

/* Extension modules are not linked with the interpreter, and have it from the global scope. Copied,
 * not assigned: ISO C has no conversion from an object to a function pointer. */
static bool find(void *member, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(member, &symbol, sizeof(symbol));
    return symbol;
}

/* Two threads that come here at once write the same values. */
static bool find_interpreter(struct interpreter *interpreter)
{
#define FIND(name) find(&interpreter->name, #name)
    return FIND(Py_GetVersion) && FIND(PyExc_OSError) && FIND(PyErr_SetFromErrno) &&
           FIND(PyErr_Occurred) && FIND(PyErr_Clear) && FIND(Py_AddPendingCall) &&
           FIND(PyGILState_Ensure) && FIND(PyGILState_Release) && FIND(PyThread_get_thread_ident) &&
           FIND(PyThreadState_SetAsyncExc);
#undef FIND
}

/* ---- in the main thread ---- */

/* As errno has it; 0: nothing is to be raised. The call may run in no other thread. */
static _Thread_local int failure;

static int raise_failure(void *closure)
{
    const struct interpreter *interpreter = closure;
    if (failure == 0)
        return 0;
    errno = failure;
    failure = 0;
    interpreter->PyErr_SetFromErrno(*interpreter->PyExc_OSError);
    return -1;
}

static bool raise_in_main(struct interpreter *interpreter, int error)
{
    if (interpreter->Py_AddPendingCall(raise_failure, interpreter) != 0)
        return false;
    failure = error;
    return true;
}

/* ---- in another one ---- */

/* Releases of 2025 and later look into OpenSSL's queue, and find errno there (CPython, gh-127257).
 */
static bool reads_queue(const struct interpreter *interpreter)
{
    static const int since[] = {[10] = 17, [11] = 12, [12] = 9, [13] = 2}; /* 3.10.17, … */
    static const size_t known = sizeof(since) / sizeof(since[0]);
    char *end;
    unsigned long major = strtoul(interpreter->Py_GetVersion(), &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
    unsigned long micro = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
    return major > 3 || minor >= known || micro >= (unsigned long)since[minor];
}

/* The class is what OSError makes of errno. The interpreter calls it without arguments. */
static bool raise_in_other(const struct interpreter *interpreter, int error)
{
    if (reads_queue(interpreter))
        return false;
    int state = interpreter->PyGILState_Ensure();
    errno = error;
    interpreter->PyErr_SetFromErrno(*interpreter->PyExc_OSError);
    bool is_raised =
        interpreter->PyThreadState_SetAsyncExc(interpreter->PyThread_get_thread_ident(),
                                               interpreter->PyErr_Occurred()) == 1;
    interpreter->PyErr_Clear();
    interpreter->PyGILState_Release(state);
    return is_raised;
}

bool python_raise(const void *caller, int error)
{
    static struct interpreter interpreter;
    if (!caller_is_python(caller) || !find_interpreter(&interpreter))
        return false;
    return gettid() == getpid() ? raise_in_main(&interpreter, error)
                                : raise_in_other(&interpreter, error);
}

void python_withdraw(void)
{
    failure = 0;
}
