/* The trap: see trap.h. */
#include "cache/trap.h"

#include "base/log.h"

#include <setjmp.h>
#include <stddef.h>

static _Thread_local jmp_buf *innermost;

int trap_run(trap_work *work, void *closure)
{
    jmp_buf here;
    jmp_buf *volatile outer = innermost;
    int result = MDB_CORRUPTED;
    if (_setjmp(here) == 0) {
        innermost = &here;
        result = work(closure);
    }
    innermost = outer;
    return result;
}

void trap_spring(MDB_env *env, const char *message)
{
    (void)env;
    log_line(LOG_ERROR, "the cache is damaged: %s", message);
    if (innermost)
        longjmp(*innermost, 1);
}
