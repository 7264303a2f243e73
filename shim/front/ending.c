/* Endings: see ending.h. */
#include "front/ending.h"
#include "front/connection.h"

#include <errno.h>

void ending_expect(struct ending *ending, const struct openssl *openssl)
{
    /* Programs leave errors in the queue: what is new is told from them by what was the last. */
    *ending = (struct ending){.queued = openssl->ERR_peek_last_error()};
    openssl->ERR_set_mark();
}

void ending_note(struct ending *ending, const struct openssl *openssl, const SSL *ssl, int result)
{
    unsigned long last = openssl->ERR_peek_last_error();
    *ending = (struct ending){
        .is_known = true,
        .is_clean = openssl->SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN,
        .result = result,
        .number = errno,
        .queued = last == ending->queued ? 0 : last,
    };
    ending->is_reset = !ending->is_clean && !ending->queued && result < 0;
    openssl->ERR_pop_to_mark();
}

void ending_dismiss(struct ending *ending, const struct openssl *openssl)
{
    *ending = (struct ending){0};
    openssl->ERR_clear_last_mark();
}

int ending_of_read(const struct ending *ending, const struct call *call)
{
    const struct openssl *openssl = call->openssl;
    if (ending->is_clean)
        openssl->SSL_set_shutdown(call->ssl,
                                  openssl->SSL_get_shutdown(call->ssl) | SSL_RECEIVED_SHUTDOWN);
    else if (ending->queued)
        openssl_queue_error(openssl, ERR_GET_LIB(ending->queued), ERR_GET_REASON(ending->queued));
    errno = ending->number;
    return call->is_ex ? 0 : ending->result;
}

int ending_of_write(const struct ending *ending, const struct call *call)
{
    if (!ending->is_reset)
        return 1;
    errno = ECONNRESET;
    return call->is_ex ? 0 : -1;
}
