/* A planted fault: a connection that was closed while answers came from the cache is used on. */
#include "front/renew.h"

void __wrap_renew_idle(struct connection *connection);
bool __wrap_renew_asked(struct connection *connection, const struct call *call,
                        struct ending *ending, int result);

void __wrap_renew_idle(struct connection *connection)
{
    (void)connection;
}

bool __wrap_renew_asked(struct connection *connection, const struct call *call,
                        struct ending *ending, int result)
{
    (void)connection;
    (void)result;
    ending_dismiss(ending, call->openssl);
    return false;
}
