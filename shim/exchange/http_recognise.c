/* HTTP, recognised: whether a connection's first bytes may be a request of vSphere's. See http.h.
 */
#include "exchange/http.h"

#include <string.h>

/* "NO" before one byte more than needed has been looked at. */
static enum http_recognised compare(struct span bytes, struct span start)
{
    size_t size = bytes.size < start.size ? bytes.size : start.size;
    if (size > 0 && memcmp(bytes.data, start.data, size) != 0)
        return HTTP_NO;
    if (bytes.size <= start.size)
        return HTTP_MAYBE;
    /* /sdk, /sdk/…, /sdk?…, and not /sdkTunnel */
    uint8_t next = bytes.data[start.size];
    return next == ' ' || next == '/' || next == '?' ? HTTP_YES : HTTP_NO;
}

enum http_recognised http_recognise(const void *bytes, size_t size)
{
    /* The datastores' files, too: what describes a machine is one, and may be changed there. */
    static const struct span starts[] = {SPAN_OF("POST /sdk"), SPAN_OF("GET /sdk"),
                                         SPAN_OF("GET /folder"), SPAN_OF("PUT /folder"),
                                         SPAN_OF("DELETE /folder")};
    struct span seen = {bytes, size};
    enum http_recognised recognised = HTTP_NO;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]) && recognised == HTTP_NO; i++)
        recognised = compare(seen, starts[i]);
    return recognised;
}
