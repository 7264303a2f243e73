/*
 * client MANNER [THREADS [STORY]]: the conversation in that manner, in so many threads with a
 * connection each. What they were told is printed thread by thread, in order.
 */
#include "client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct manner *const manners[] = {
    &manner_blocking, &manner_ex,    &manner_select, &manner_pselect,
    &manner_poll,     &manner_ppoll, &manner_level,  &manner_edge,
    &manner_oneshot,  &manner_peek,  &manner_close,  &manner_close_late,
    &manner_tiny,     &manner_large, &manner_moving, &manner_renumbered,
};

static const struct manner *find_manner(const char *name)
{
    for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
        if (strcmp(manners[i]->name, name) == 0)
            return manners[i];
    client_fail("no manner is called %s", name);
}

static void *run(void *client)
{
    client_run(client);
    return NULL;
}

static void finish(struct client *client)
{
    fputs(client->output, stdout);
    free(client->output);
    SSL_CTX_free(client->context);
}

int main(int count, char **arguments)
{
    enum { MOST = 64 };
    struct client clients[MOST] = {0};
    pthread_t threads[MOST];
    long wanted = count > 2 ? strtol(arguments[2], NULL, 10) : 1;
    if (count < 2 || wanted < 1 || wanted > MOST)
        client_fail("usage: client MANNER [THREADS [STORY]]");
    for (long i = 0; i < wanted; i++) {
        clients[i].manner = find_manner(arguments[1]);
        clients[i].story = count > 3 ? arguments[3] : "lists";
    }
    if (wanted == 1)
        client_run(&clients[0]);
    for (long i = 0; i < wanted && wanted > 1; i++)
        if (pthread_create(&threads[i], NULL, run, &clients[i]) != 0)
            client_fail("no thread");
    for (long i = 0; i < wanted && wanted > 1; i++)
        pthread_join(threads[i], NULL);
    for (long i = 0; i < wanted; i++)
        finish(&clients[i]);
    return 0;
}
