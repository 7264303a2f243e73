/* How CPython is told that a connection could not be had: see python.h. */
#include "front/python.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

/* ---- the interpreter ---- */

/* Of CPython's stable ABI. */
struct interpreter {
    void *(*Py_CompileString)(const char *source, const char *file, int start);
    void *(*PyDict_New)(void);
    int (*PyDict_SetItemString)(void *dictionary, const char *key, void *value);
    void *(*PyDict_GetItemString)(void *dictionary, const char *key); /* borrowed */
    void *(*PyEval_GetBuiltins)(void);                                /* borrowed */
    void *(*PyEval_EvalCode)(void *code, void *global, void *local);
    void *(*PyObject_CallFunction)(void *function, const char *format, ...);
    void (*Py_DecRef)(void *object); /* or NULL */
    void (*PyErr_SetNone)(void *type);
    void *(*PyErr_Occurred)(void); /* borrowed */
    int (*PyErr_CheckSignals)(void);
    void (*PyErr_Fetch)(void **type, void **value, void **traceback);
    void (*PyErr_Restore)(void *type, void *value, void *traceback);
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
    return FIND(Py_CompileString) && FIND(PyDict_New) && FIND(PyDict_SetItemString) &&
           FIND(PyDict_GetItemString) && FIND(PyEval_GetBuiltins) && FIND(PyEval_EvalCode) &&
           FIND(PyObject_CallFunction) && FIND(Py_DecRef) && FIND(PyErr_SetNone) &&
           FIND(PyErr_Occurred) && FIND(PyErr_CheckSignals) && FIND(PyErr_Fetch) &&
           FIND(PyErr_Restore) && FIND(PyErr_Clear) && FIND(Py_AddPendingCall) &&
           FIND(PyGILState_Ensure) && FIND(PyGILState_Release) && FIND(PyThread_get_thread_ident) &&
           FIND(PyThreadState_SetAsyncExc);
#undef FIND
}

/* ---- the exception ---- */

static const char script[] =
#include "python_failure.inc"
    ;

/* Its class, for which Python is run: the interpreter's lock is held. A new reference; NULL: an
 * exception of another kind (an interrupt, no memory) is set. */
static void *class_of(const struct interpreter *interpreter, const struct python_failure *failure)
{
    enum { WHOLE_FILE = 257 }; /* Py_file_input */
    void *class = NULL, *done = NULL;
    void *names = interpreter->PyDict_New();
    void *code = interpreter->Py_CompileString(script, "<vcache>", WHOLE_FILE);
    if (names && code &&
        interpreter->PyDict_SetItemString(names, "__builtins__",
                                          interpreter->PyEval_GetBuiltins()) == 0)
        done = interpreter->PyEval_EvalCode(code, names, names);
    if (done)
        class = interpreter->PyObject_CallFunction(
            interpreter->PyDict_GetItemString(names, "failure"), "iii", failure->error,
            failure->ran_out, failure->in_handshake);
    interpreter->Py_DecRef(done);
    interpreter->Py_DecRef(code);
    interpreter->Py_DecRef(names);
    return class;
}

/* ---- in the main thread ---- */

/* The call may run in no other thread. No error: nothing is to be raised. */
static _Thread_local struct python_failure pending;
/* What a handler of a signal raised meanwhile, which goes before it. */
static _Thread_local struct {
    void *type, *value, *traceback;
} raised;

static int raise_pending(void *closure)
{
    const struct interpreter *interpreter = closure;
    struct python_failure failure = pending;
    pending.error = 0;
    if (raised.type) {
        interpreter->PyErr_Restore(raised.type, raised.value, raised.traceback);
        raised.type = NULL;
        return -1;
    }
    if (failure.error == 0)
        return 0;
    void *class = class_of(interpreter, &failure);
    if (class)
        interpreter->PyErr_SetNone(class);
    interpreter->Py_DecRef(class);
    return -1;
}

/* The handlers of signals run first: the module has them run when the call has returned, and what
 * is pending would be raised in the midst of them. */
static bool raise_in_main(struct interpreter *interpreter, const struct python_failure *failure)
{
    int state = interpreter->PyGILState_Ensure();
    if (interpreter->PyErr_CheckSignals() != 0)
        interpreter->PyErr_Fetch(&raised.type, &raised.value, &raised.traceback);
    interpreter->PyGILState_Release(state);
    bool is_pending = interpreter->Py_AddPendingCall(raise_pending, interpreter) == 0;
    if (is_pending)
        pending = *failure;
    return is_pending;
}

/* ---- in another one ---- */

static bool raise_in_other(const struct interpreter *interpreter,
                           const struct python_failure *failure)
{
    int state = interpreter->PyGILState_Ensure();
    void *class = class_of(interpreter, failure);
    /* Somebody else may have raised something in this thread: that goes before it. */
    void *told = class ? class : interpreter->PyErr_Occurred();
    bool is_raised = told && interpreter->PyThreadState_SetAsyncExc(
                                 interpreter->PyThread_get_thread_ident(), told) == 1;
    interpreter->Py_DecRef(class);
    interpreter->PyErr_Clear();
    interpreter->PyGILState_Release(state);
    return is_raised;
}

bool python_raise(const struct python_failure *failure)
{
    static struct interpreter interpreter;
    if (!find_interpreter(&interpreter))
        return false;
    return gettid() == getpid() ? raise_in_main(&interpreter, failure)
                                : raise_in_other(&interpreter, failure);
}

void python_withdraw(void)
{
    pending.error = 0;
}
