/*
 * Worker: a whole conversation: connect, handshake, a request, its answer of one size, close.
 *
 *     whole PORT SIZE [verify]
 *
 * `verify`: the certificate is verified; the one that the first connection shows is who is trusted.
 */
#include "client.h"
#include "measure.h"

#include <stdlib.h>
#include <string.h>

struct whole {
    struct client client;
    SSL_CTX *context;
    struct request request;
    size_t size;
};

static bool converse(struct whole *whole)
{
    struct client *client = &whole->client;
    bool is_answered = client_connect_again(client, whole->context) &&
                       client_send(client, &whole->request) &&
                       client_receive_known(client, whole->size);
    if (client->ssl)
        client_disconnect(client);
    return is_answered;
}

static bool make_calls(void *closure, unsigned calls, double *ns)
{
    bool is_done = true;
    double begun = now_ns();
    for (unsigned i = 0; is_done && i < calls; i++)
        is_done = converse(closure);
    *ns = now_ns() - begun;
    return is_done;
}

static bool trust(struct whole *whole)
{
    X509 *certificate = SSL_get1_peer_certificate(whole->client.ssl);
    X509_STORE *store = SSL_CTX_get_cert_store(whole->context);
    bool is_trusted = certificate && X509_STORE_add_cert(store, certificate) == 1;
    X509_free(certificate);
    SSL_CTX_set_verify(whole->context, SSL_VERIFY_PEER, NULL);
    return is_trusted;
}

/* The first answer is the origin's, over a real connection; the next ones are what is measured. */
static bool prepare(struct whole *whole, int port, size_t size, bool verifies)
{
    struct client *client = &whole->client;
    whole->context = SSL_CTX_new(TLS_client_method());
    client->port = port;
    if (!whole->context || !client_connect_again(client, whole->context))
        return false;
    if (verifies && !trust(whole))
        return false;
    client_disconnect(client);
    if (!client_connect_again(client, whole->context) ||
        !client_log_in(client, "bench", "password") ||
        !request_of_size(client, size, 0, &whole->request) ||
        !client_send(client, &whole->request) || !client_receive(client))
        return false;
    whole->size = client->answer_size;
    client_disconnect(client);
    return true;
}

int main(int count, char **arguments)
{
    struct whole whole = {0};
    if (count < 3)
        return 2;
    bool verifies = count == 4 && strcmp(arguments[3], "verify") == 0;
    size_t size = (size_t)number_in(arguments[2]);
    return prepare(&whole, (int)number_in(arguments[1]), size, verifies) && converse(&whole) &&
                   worker_serve((long)whole.size, make_calls, &whole)
               ? 0
               : 1;
}
