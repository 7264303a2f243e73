/*
 * Worker: performs of libcurl's that are no vCenter's business, as cheap as such can be, so that
 * what the shim adds shows.
 *
 *     curl_foreign file       of an empty file
 *     curl_foreign refused    of a server, over TLS, at a port where nobody listens
 *     curl_foreign option     no perform: a curl_easy_setopt of a number
 */
#include "measure.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct performs {
    CURL *curl;
    CURLcode expected;
};

/* A port that is nobody's as long as this socket has it and does not listen. Not at the address of
 * the origins, one of which had any port before: the cache may know it. */
static int port_of_nobody(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -1;
    return ntohs(address.sin_port);
}

static size_t take(const char *bytes, size_t one, size_t size, void *closure)
{
    (void)bytes;
    (void)closure;
    return one * size;
}

static bool make_performs(void *closure, unsigned calls, double *ns)
{
    const struct performs *performs = closure;
    bool is_done = true;
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = curl_easy_perform(performs->curl) == performs->expected;
    *ns = now_ns() - begun;
    return is_done;
}

static bool make_settings(void *closure, unsigned calls, double *ns)
{
    const struct performs *performs = closure;
    bool is_done = true;
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = curl_easy_setopt(performs->curl, CURLOPT_TIMEOUT_MS, (long)i) == CURLE_OK;
    *ns = now_ns() - begun;
    return is_done;
}

int main(int count, char **arguments)
{
    struct performs performs = {.curl = curl_easy_init()};
    char url[64] = "file:///dev/null";
    if (count != 2 || !performs.curl)
        return 2;
    if (strcmp(arguments[1], "refused") == 0) {
        snprintf(url, sizeof(url), "https://127.0.0.2:%d/status", port_of_nobody());
        performs.expected = CURLE_COULDNT_CONNECT;
    }
    curl_easy_setopt(performs.curl, CURLOPT_URL, url);
    curl_easy_setopt(performs.curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(performs.curl, CURLOPT_WRITEFUNCTION, take);
    bool is_setting = strcmp(arguments[1], "option") == 0;
    bool is_good = worker_serve(0, is_setting ? make_settings : make_performs, &performs);
    curl_easy_cleanup(performs.curl);
    return is_good ? 0 : 1;
}
