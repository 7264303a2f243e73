/* Context: see context.h. */
#include "exchange/context.h"

#include "base/late.h"
#include "base/log.h"

#include <pthread.h>
#include <stddef.h>

static struct context context;
static const struct context *made_early;
static const struct context *made;

static void make_early(void)
{
    config_read(&context.config);
    if (context.config.is_disabled)
        return;
    log_open(&context.config);
    context.cache = cache_open(&context.config);
    if (context.cache)
        made_early = &context;
}

const struct context *context_early(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_early);
    return made_early;
}

static void make(void)
{
    if (!context_early())
        return;
    const char *missing = late_missing();
    if (missing)
        log_line(LOG_ERROR, "%s cannot be opened: everything passes through", missing);
    else if (cache_ready(context.cache, true) != CACHE_OK)
        log_line(LOG_ERROR, "no cache: %s", cache_reason(context.cache));
    made = &context;
}

const struct context *context_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make);
    return made;
}
