/* An extension that is bound to the other library, as a Python or Perl module may be. */
struct ssl;
struct ssl *other_new(void);
int SSL_pending(const struct ssl *s);
int SSL_write(struct ssl *s, const void *bytes, int size);

int extension_write(const char *bytes, int size);
int extension_pending(const struct ssl *s);
struct ssl *extension_new(void);

struct ssl *extension_new(void)
{
    return other_new();
}

int extension_write(const char *bytes, int size)
{
    int written = SSL_write(other_new(), bytes, size);
    return written > 0 ? written + 1 : written;
}

/* A tail call: the return address is its caller's, who is bound to OpenSSL itself. */
int extension_pending(const struct ssl *s)
{
    return SSL_pending(s);
}
