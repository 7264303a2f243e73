/*
 * reused: an SSL asks for what is none of vSphere's, and then another connection under the same SSL
 * (cleared), or under another one at the same address (freed), asks for what is.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "reused: %s\n", what);
    exit(1);
}

static void connect_under(SSL *ssl)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(getenv("VCENTER_PORT")))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, getenv("VCENTER_HOST"), &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("no connection");
    if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        fail("no TLS");
}

/* Twice, so that what is known of the SSL by then is what is known of most. Prints the last answer,
 * which is shorter than a record. */
static void ask(SSL *ssl, const char *path)
{
    char request[256];
    char answer[16384];
    int got = 0;
    int size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n", path,
                        getenv("VCENTER_HOST"), getenv("VCENTER_PORT"));
    for (int i = 0; i < 2; i++) {
        if (SSL_write(ssl, request, size) != size)
            fail("nothing can be sent");
        got = SSL_read(ssl, answer, sizeof(answer));
        if (got <= 0)
            fail("no answer");
    }
    printf("%.*s\n", (int)strcspn(answer, "\r"), answer);
}

static void disconnect(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_shutdown(ssl);
    close(fd);
}

/* ---- memory that comes back -------------------------------------------------------------------
 */

/* What was freed last is what is given next to who asks for as much: an SSL of its like. */
union block {
    size_t size;
    max_align_t alignment;
};
static union block *freed[4096];
static size_t freed_count;

static void *allocate(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    for (size_t i = freed_count; i-- > 0;) {
        union block *block = freed[i];
        if (block->size != size)
            continue;
        memmove(&freed[i], &freed[i + 1], (--freed_count - i) * sizeof(freed[0]));
        return block + 1;
    }
    union block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->size = size;
    return block + 1;
}

static void release(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    if (memory && freed_count < sizeof(freed) / sizeof(freed[0]))
        freed[freed_count++] = (union block *)memory - 1;
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
    void *moved = allocate(size, file, line);
    if (moved && memory) {
        size_t old = ((union block *)memory - 1)->size;
        memcpy(moved, memory, old < size ? old : size);
        release(memory, file, line);
    }
    return moved;
}

/* ---------------------------------------------------------------------------------------------- */

static SSL *free_and_make_at_its_address(SSL_CTX *context, SSL *ssl)
{
    const void *address = ssl;
    SSL_free(ssl);
    ssl = SSL_new(context);
    if (ssl != address)
        fail("no SSL at the address of the one that was freed");
    return ssl;
}

int main(void)
{
    CRYPTO_set_mem_functions(allocate, reallocate, release);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    for (int i = 0; i < 2; i++) {
        connect_under(ssl);
        ask(ssl, "/nothing");
        disconnect(ssl);
        if (i == 0)
            SSL_clear(ssl);
        else
            ssl = free_and_make_at_its_address(context, ssl);
        connect_under(ssl);
        ask(ssl, "/sdk/vimServiceVersions.xml");
        disconnect(ssl);
        if (i == 0)
            SSL_clear(ssl);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return 0;
}
