/* A vSphere client: see client.h. */
#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char envelope_begin[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\""
    " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">\n<soapenv:Body>";
static const char envelope_end[] = "</soapenv:Body>\n</soapenv:Envelope>";

/* ---- requests -------------------------------------------------------------------------------- */

bool request_of(const struct client *client, const char *inside, struct request *request)
{
    int size = asprintf(&request->bytes,
                        "POST /sdk HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\n"
                        "Cookie: %s\r\nSOAPAction: \"urn:vim25/6.5\"\r\n"
                        "Content-Type: text/xml; charset=UTF-8\r\n"
                        "User-Agent: pyvmomi Python/3.11.2 (Linux; 6.1.0-37-amd64; x86_64)\r\n"
                        "Accept-Encoding: %s\r\n\r\n%s%s%s",
                        client->port,
                        sizeof(envelope_begin) - 1 + strlen(inside) + sizeof(envelope_end) - 1,
                        client->cookie, client->accepts_gzip ? "gzip, deflate" : "identity",
                        envelope_begin, inside, envelope_end);
    if (size < 0)
        return false;
    request->size = (size_t)size;
    request->head_size = (size_t)(strstr(request->bytes, "\r\n\r\n") + 4 - request->bytes);
    return true;
}

bool request_of_size(const struct client *client, size_t size, unsigned variant,
                     struct request *request)
{
    char inside[1024];
    snprintf(inside, sizeof(inside),
             "<RetrievePropertiesEx xmlns=\"urn:vim25\">"
             "<_this type=\"PropertyCollector\">propertyCollector</_this>"
             "<specSet><propSet><type>VirtualMachine</type><all>false</all>"
             "<pathSet>name</pathSet></propSet>"
             "<objectSet><obj type=\"VirtualMachine\">vm-%zu-%u</obj><skip>false</skip>"
             "</objectSet></specSet><options><maxObjects>1</maxObjects></options>"
             "</RetrievePropertiesEx>",
             size, variant);
    return request_of(client, inside, request);
}

void request_free(struct request *request)
{
    free(request->bytes);
    *request = (struct request){0};
}

/* ---- the connection -------------------------------------------------------------------------- */

static int connect_to(int port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0)
        return fd;
    close(fd);
    return -1;
}

bool client_connect_again(struct client *client, SSL_CTX *context)
{
    int fd = connect_to(client->port);
    if (fd < 0)
        return false;
    client->ssl = SSL_new(context);
    return client->ssl && SSL_set_fd(client->ssl, fd) == 1 && SSL_connect(client->ssl) == 1;
}

bool client_connect(struct client *client, int port)
{
    *client = (struct client){.port = port};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    bool is_connected = context && client_connect_again(client, context);
    SSL_CTX_free(context); /* the SSL holds it */
    return is_connected;
}

void client_disconnect(struct client *client)
{
    int fd = SSL_get_fd(client->ssl);
    SSL_free(client->ssl);
    close(fd);
    client->ssl = NULL;
}

void client_close(struct client *client)
{
    if (client->ssl)
        client_disconnect(client);
    free(client->answer);
    *client = (struct client){0};
}

static bool write_all(SSL *ssl, const char *bytes, size_t size)
{
    while (size > 0) {
        int written = SSL_write(ssl, bytes, (int)size);
        if (written <= 0)
            return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

bool client_send(struct client *client, const struct request *request)
{
    return write_all(client->ssl, request->bytes, request->head_size) &&
           write_all(client->ssl, request->bytes + request->head_size,
                     request->size - request->head_size);
}

static bool make_room(struct client *client, size_t size)
{
    if (client->answer_capacity >= size)
        return true;
    size += client->answer_capacity; /* at least doubled: a large answer comes in many reads */
    char *grown = realloc(client->answer, size);
    if (!grown)
        return false;
    client->answer = grown;
    client->answer_capacity = size;
    return true;
}

static bool read_up_to(struct client *client, size_t size)
{
    while (client->answer_size < size) {
        int got = SSL_read(client->ssl, client->answer + client->answer_size,
                           (int)(size - client->answer_size));
        if (got <= 0)
            return false;
        client->answer_size += (size_t)got;
    }
    return true;
}

bool client_receive_known(struct client *client, size_t size)
{
    client->answer_size = 0;
    return read_up_to(client, size);
}

/* A field of the answer's head: what follows its name and colon, or NULL. */
static const char *field_of(const struct client *client, const char *name, size_t *size)
{
    const char *end = memmem(client->answer, client->answer_size, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end - client->answer) + 2 : 0;
    const char *field = memmem(client->answer, head, name, strlen(name));
    if (!field)
        return NULL;
    field += strlen(name);
    const char *line = memmem(field, (size_t)(client->answer + head - field), "\r\n", 2);
    *size = (size_t)(line - field);
    return field;
}

static bool is_whole(const struct client *client)
{
    static const char last_chunk[] = "\r\n0\r\n\r\n";
    size_t size;
    size_t tail = sizeof(last_chunk) - 1;
    const char *end = memmem(client->answer, client->answer_size, "\r\n\r\n", 4);
    const char *length = field_of(client, "\r\nContent-Length: ", &size);
    if (!end)
        return false;
    if (length)
        return client->answer_size >=
               (size_t)(end + 4 - client->answer) + strtoull(length, NULL, 10);
    return memcmp(client->answer + client->answer_size - tail, last_chunk, tail) == 0;
}

bool client_receive(struct client *client)
{
    client->answer_size = 0;
    do {
        if (!make_room(client, client->answer_size + (1 << 16)))
            return false;
        int got = SSL_read(client->ssl, client->answer + client->answer_size, 1 << 16);
        if (got <= 0)
            return false;
        client->answer_size += (size_t)got;
    } while (!is_whole(client));
    return true;
}

bool client_log_in(struct client *client, const char *user, const char *password)
{
    char inside[512];
    struct request request = {0};
    snprintf(inside, sizeof(inside),
             "<Login xmlns=\"urn:vim25\"><_this type=\"SessionManager\">SessionManager</_this>"
             "<userName>%s</userName><password>%s</password></Login>",
             user, password);
    bool is_done = request_of(client, inside, &request) && client_send(client, &request) &&
                   client_receive(client);
    request_free(&request);
    if (!is_done)
        return false;
    size_t size;
    const char *field = field_of(client, "\r\nSet-Cookie: ", &size);
    if (!field || size >= sizeof(client->cookie))
        return false;
    memcpy(client->cookie, field, size);
    client->cookie[size] = '\0';
    return true;
}
