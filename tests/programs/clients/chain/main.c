/*
 * A program that speaks by OpenSSL's BIOs alone, and never calls an SSL function to read or write:
 * the versions document, and how it was answered. With an argument it leaves the handshake to the
 * first write.
 */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

int main(int count, char **arguments)
{
    char address[300];
    char request[600];
    char answer[65536];
    size_t size = 0;
    (void)arguments;
    snprintf(address, sizeof(address), "%s:%s", getenv("VCENTER_HOST"), getenv("VCENTER_PORT"));
    snprintf(request, sizeof(request),
             "GET /sdk/vimServiceVersions.xml HTTP/1.0\r\nHost: %s\r\nConnection: close\r\n\r\n",
             address);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, getenv("VCENTER_CA"), NULL) != 1)
        return fail("cannot read the authority");
    BIO *chain = BIO_new_ssl_connect(context);
    BIO_set_conn_hostname(chain, address);
    if (count == 1 && BIO_do_handshake(chain) != 1)
        return fail("the handshake failed");
    if (BIO_puts(chain, request) <= 0)
        return fail("a write failed");
    for (int got; size < sizeof(answer) &&
                  (got = BIO_read(chain, answer + size, (int)(sizeof(answer) - size))) > 0;)
        size += (size_t)got;
    printf("%.*s, %zu bytes\n", (int)strcspn(answer, "\r"), answer, size);
    BIO_free_all(chain);
    SSL_CTX_free(context);
    return 0;
}
