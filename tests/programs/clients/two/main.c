/*
 * two EXTENSION: a program on OpenSSL that opens, with RTLD_LOCAL, an extension that is bound to
 * another libssl. Each must reach its own functions, whoever is asked first.
 */
#include <dlfcn.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static void *find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol;
}

int main(int count, char **arguments)
{
    int (*extension_write)(const char *, int);
    int (*extension_pending)(const void *);
    void *(*extension_new)(void);
    void *extension = count == 2 ? dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!extension || !find(extension, "extension_write", &extension_write) ||
        !find(extension, "extension_pending", &extension_pending) ||
        !find(extension, "extension_new", &extension_new))
        return 1;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    void *other = extension_new();
    for (int i = 0; i < 3; i++)
        printf("%d %d %d %d\n", SSL_pending(ssl), extension_write("POST /sdk", 9),
               extension_pending(other), SSL_has_pending(ssl));
    SSL_free(ssl);
    SSL_CTX_free(context);
    return 0;
}
