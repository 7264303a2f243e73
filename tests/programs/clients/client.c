/* HTTP and SOAP of the test's client: see client.h. */
#include "client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void client_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(arguments);
    fputc('\n', stderr);
    /* Other threads go on until the end: nothing is to be cleaned up under them. */
    _exit(1);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        client_fail("%s is not set", name);
    return value;
}

/* ---- text ---- */

/* What stands between two marks, or NULL. The caller frees it. */
static char *between(const char *text, const char *before, const char *after)
{
    const char *start = strstr(text, before);
    const char *end = start ? strstr(start + strlen(before), after) : NULL;
    return end ? strndup(start + strlen(before), (size_t)(end - start) - strlen(before)) : NULL;
}

static char *between_or_fail(const char *text, const char *before, const char *after)
{
    char *found = between(text, before, after);
    if (!found)
        client_fail("no %s in: %s", before, text);
    return found;
}

__attribute__((format(printf, 2, 3))) static void say(struct client *client, const char *format,
                                                      ...)
{
    va_list arguments;
    char *line = NULL;
    va_start(arguments, format);
    int size = vasprintf(&line, format, arguments);
    va_end(arguments);
    client->output = realloc(client->output, client->output_size + (size_t)size + 1);
    memcpy(client->output + client->output_size, line, (size_t)size + 1);
    client->output_size += (size_t)size;
    free(line);
}

/* ---- HTTP ---- */

struct response {
    char *text; /* head and body as they came, with a NUL */
    size_t size, room;
    size_t head_size; /* 0: not whole yet */
};

/* Receives more; false at the connection's end. */
static bool more(struct client *client, struct response *response)
{
    if (response->room - response->size < 20000) {
        response->room = response->room * 2 + 40000;
        response->text = realloc(response->text, response->room);
    }
    size_t piece = client->manner->read_piece ? client->manner->read_piece : 16384;
    size_t size = client_receive(client, response->text + response->size, piece);
    response->size += size;
    response->text[response->size] = '\0';
    return size > 0;
}

static void receive_head(struct client *client, struct response *response)
{
    while (response->head_size == 0) {
        if (!more(client, response))
            client_fail("the connection ended before the head did");
        const char *end = strstr(response->text, "\r\n\r\n");
        if (end)
            response->head_size = (size_t)(end - response->text) + 4;
    }
}

static void receive_sized(struct client *client, struct response *response, size_t size)
{
    while (response->size < response->head_size + size)
        if (!more(client, response))
            client_fail("the connection ended before the body did");
}

/* Joins the chunks in place. */
static void receive_chunked(struct client *client, struct response *response)
{
    size_t at = response->head_size;
    size_t joined = at;
    for (;;) {
        const char *line_end;
        while (!(line_end = strstr(response->text + at, "\r\n")))
            if (!more(client, response))
                client_fail("the connection ended in a chunk's head");
        size_t size = strtoul(response->text + at, NULL, 16);
        at = (size_t)(line_end - response->text) + 2;
        while (response->size < at + size + 2)
            if (!more(client, response))
                client_fail("the connection ended in a chunk");
        memmove(response->text + joined, response->text + at, size);
        joined += size;
        at += size + 2;
        if (size == 0)
            break;
    }
    if (response->size != at)
        client_fail("bytes after the last chunk");
    response->text[joined] = '\0';
    response->size = joined;
}

static void receive_response(struct client *client, struct response *response)
{
    receive_head(client, response);
    char *length = between(response->text, "Content-Length: ", "\r\n");
    if (length)
        receive_sized(client, response, strtoul(length, NULL, 10));
    else if (strstr(response->text, "Transfer-Encoding: chunked\r\n"))
        receive_chunked(client, response);
    free(length);
    if (!client->manner->closes)
        return;
    while (more(client, response))
        continue;
}

static void keep_cookie(struct client *client, const struct response *response)
{
    char *cookie = between(response->text, "Set-Cookie: ", ";");
    if (cookie)
        snprintf(client->cookie, sizeof(client->cookie), "%s", cookie);
    free(cookie);
}

/* ---- SOAP ---- */

/* One request; the body of what came back, which the caller frees. */
static char *ask(struct client *client, const char *operation, const char *type, const char *object,
                 const char *inside)
{
    char *body = NULL;
    char *head = NULL;
    struct response response = {0};
    /* No program words its Login or its views like that, and what is so long is not repeated. */
    bool is_repeated =
        strcmp(operation, "Login") == 0 || strcmp(operation, "CreateContainerView") == 0;
    size_t padding = is_repeated ? 0 : client->manner->padding;
    int body_size =
        asprintf(&body,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                 "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                 "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>"
                 "%*s<%s xmlns=\"urn:vim25\"><_this type=\"%s\">%s</_this>%s</%s>"
                 "</soapenv:Body></soapenv:Envelope>",
                 (int)padding, "", operation, type, object, inside, operation);
    int head_size =
        asprintf(&head,
                 "POST /sdk HTTP/1.1\r\nHost: %s:%s\r\nSOAPAction: \"urn:vim25/6.5\"\r\n"
                 "Content-Type: text/xml; charset=UTF-8\r\nCookie: %s\r\n%s"
                 "Content-Length: %d\r\n\r\n",
                 setting("VCENTER_HOST"), setting("VCENTER_PORT"), client->cookie,
                 client->manner->closes ? "Connection: close\r\n" : "", body_size);
    if (!client->ssl)
        client_connect(client);
    client->at_beginning = true;
    client_send(client, head, (size_t)head_size);
    client_send(client, body, (size_t)body_size);
    receive_response(client, &response);
    if (client->manner->closes)
        client_close(client);
    if (strncmp(response.text, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) != 0)
        client_fail("%s: %s", operation, response.text);
    keep_cookie(client, &response);
    char *answer = strdup(response.text + response.head_size);
    free(body);
    free(head);
    free(response.text);
    return answer;
}

static void log_in(struct client *client)
{
    char inside[512];
    snprintf(inside, sizeof(inside), "<userName>%s</userName><password>%s</password>",
             setting("VCENTER_USER"), setting("VCENTER_PASSWORD"));
    char *answer = ask(client, "Login", "SessionManager", "SessionManager", inside);
    char *user = between_or_fail(answer, "<userName>", "</userName>");
    say(client, "logged in as %s\n", user);
    free(user);
    free(answer);
}

static void read_content(struct client *client)
{
    char *answer = ask(client, "RetrieveServiceContent", "ServiceInstance", "ServiceInstance", "");
    char *name = between_or_fail(answer, "<fullName>", "</fullName>");
    say(client, "%s\n", name);
    free(name);
    free(answer);
}

/* The view that every VM is in; the caller frees it. */
static char *make_view(struct client *client)
{
    char *answer = ask(client, "CreateContainerView", "ViewManager", "ViewManager",
                       "<container type=\"Folder\">group-d1</container><type>VirtualMachine</type>"
                       "<recursive>true</recursive>");
    char *view = between_or_fail(answer, "<returnval type=\"ContainerView\">", "</returnval>");
    free(answer);
    return view;
}

/* The names of what is in the view, as the inside of a specification; the caller frees it. */
static char *names_in(const char *view)
{
    char *inside = NULL;
    if (asprintf(&inside,
                 "<propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>"
                 "<objectSet><obj type=\"ContainerView\">%s</obj><skip>true</skip>"
                 "<selectSet xsi:type=\"TraversalSpec\"><type>ContainerView</type><path>view</path>"
                 "</selectSet></objectSet>",
                 view) < 0)
        client_fail("no memory");
    return inside;
}

static void say_names(struct client *client, char *answer)
{
    for (char *at = answer; (at = strstr(at, "<val xsi:type=\"")); at++) {
        char *name = between_or_fail(strchr(at, '>'), ">", "</val>");
        say(client, "VM %s\n", name);
        free(name);
    }
    free(answer);
}

/* An answer that may be cached, then one that never is. */
static void pause_and_read(struct client *client, const char *fifo)
{
    puts("paused");
    fflush(stdout);
    FILE *file = fopen(fifo, "re");
    if (!file)
        client_fail("cannot read %s", fifo);
    fgetc(file);
    fclose(file);
    client->has_paused = true;
    read_content(client);
    char *answer = ask(client, "CurrentTime", "ServiceInstance", "ServiceInstance", "");
    free(between_or_fail(answer, "<returnval>", "</returnval>"));
    free(answer);
    say(client, "it has a clock\n");
}

static void read_names(struct client *client, const char *names)
{
    char inside[1024];
    snprintf(inside, sizeof(inside), "<specSet>%s</specSet><options></options>", names);
    say_names(client, ask(client, "RetrievePropertiesEx", "PropertyCollector", "propertyCollector",
                          inside));
}

static void wait_for_names(struct client *client, const char *names)
{
    char inside[1024];
    snprintf(inside, sizeof(inside), "<spec>%s</spec><partialUpdates>false</partialUpdates>",
             names);
    char *answer = ask(client, "CreateFilter", "PropertyCollector", "propertyCollector", inside);
    char *filter = between_or_fail(answer, "<returnval type=\"PropertyFilter\">", "</returnval>");
    free(answer);
    answer = ask(client, "WaitForUpdatesEx", "PropertyCollector", "propertyCollector",
                 "<version></version>");
    char *told = between_or_fail(answer, "<filter type=\"PropertyFilter\">", "</filter>");
    say(client, "told of its own filter: %s\n", strcmp(told, filter) == 0 ? "yes" : "no");
    free(told);
    say_names(client, answer);
    free(ask(client, "DestroyPropertyFilter", "PropertyFilter", filter, ""));
    free(filter);
}

void client_run(struct client *client)
{
    bool waits = strcmp(client->story, "waits") == 0;
    bool leaves = strcmp(client->story, "leaves") == 0;
    read_content(client);
    log_in(client);
    char *view = make_view(client);
    char *names = names_in(view);
    read_names(client, names);
    if (waits) {
        wait_for_names(client, names);
        read_names(client, names);
    }
    free(names);
    free(view);
    read_content(client);
    if (getenv("CLIENT_PAUSE"))
        pause_and_read(client, getenv("CLIENT_PAUSE"));
    if (!leaves) {
        free(ask(client, "Logout", "SessionManager", "SessionManager", ""));
        say(client, "logged out\n");
    }
    if (client->ssl)
        client_close(client);
}
