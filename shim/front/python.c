/* How CPython is told that a connection could not be had: see python.h. */
#include "front/python.h"

#include "front/caller.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Of CPython's stable ABI. */
struct interpreter {
    int (*Py_AddPendingCall)(int (*function)(void *), void *argument);
    void *(*PyErr_SetFromErrno)(void *type);
    void **PyExc_OSError;
};

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

/* Extension modules are not linked with the interpreter, and have it from the global scope. Copied,
 * not assigned: ISO C has no conversion from an object to a function pointer. */
static bool find(const char *name, void *member)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(member, &symbol, sizeof(symbol));
    return symbol;
}

static bool find_interpreter(struct interpreter *interpreter)
{
    return find("Py_AddPendingCall", &interpreter->Py_AddPendingCall) &&
           find("PyErr_SetFromErrno", &interpreter->PyErr_SetFromErrno) &&
           find("PyExc_OSError", &interpreter->PyExc_OSError);
}

bool python_raise(const void *caller, int error)
{
    static struct interpreter interpreter; /* of the main thread alone */
    if (gettid() != getpid() || !caller_is_python(caller) || !find_interpreter(&interpreter) ||
        interpreter.Py_AddPendingCall(raise_failure, &interpreter) != 0)
        return false;
    failure = error;
    return true;
}

void python_withdraw(void)
{
    failure = 0;
}
