/*
 * A vSphere client: as much of one as the measurements need, with pyVmomi's requests byte for byte,
 * head and body in two writes as Python sends them.
 */
#ifndef VCACHE_BENCH_CLIENT_H
#define VCACHE_BENCH_CLIENT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct client {
    SSL *ssl;
    int port;
    bool accepts_gzip;
    char cookie[256]; /* the Set-Cookie value of the login, whole */
    char *answer;     /* the last one, head and body */
    size_t answer_size;
    size_t answer_capacity;
};

struct request {
    char *bytes; /* head and body */
    size_t head_size;
    size_t size;
};

/* To 127.0.0.1. The certificate is not looked at. */
bool client_connect(struct client *client, int port);
/* Anew, as the context has it; the client's buffer and cookie stay. */
bool client_connect_again(struct client *client, SSL_CTX *context);
void client_disconnect(struct client *client);
bool client_log_in(struct client *client, const char *user, const char *password);
void client_close(struct client *client);

/* What the origin of the measurements answers with `size` bytes; `variant` makes it another
 * request. */
bool request_of_size(const struct client *client, size_t size, unsigned variant,
                     struct request *request);
/* A POST of `inside`, the content of the SOAP Body. */
bool request_of(const struct client *client, const char *inside, struct request *request);
void request_free(struct request *request);

bool client_send(struct client *client, const struct request *request);
/* Reads an answer of whatever size. */
bool client_receive(struct client *client);
/* Reads an answer of `size` bytes, which the client's buffer must hold already. */
bool client_receive_known(struct client *client, size_t size);

#endif
