/* A library that calls itself libssl and is another than the program's: its SSLs, as OpenSSL's,
 * have a pointer to their method, which lies in the library. */
#include <stddef.h>

struct method {
    int version;
};

struct ssl {
    int version;
    const struct method *method;
    char rest[128];
};

static const struct method method = {1};
static struct ssl ssl = {1, &method, {0}};

struct ssl *other_new(void);
int SSL_pending(const struct ssl *s);
int SSL_write(struct ssl *s, const void *bytes, int size);

struct ssl *other_new(void)
{
    return &ssl;
}

int SSL_pending(const struct ssl *s)
{
    (void)s;
    return 42;
}

int SSL_write(struct ssl *s, const void *bytes, int size)
{
    (void)s, (void)bytes;
    return size + 1000;
}
