/*
 * forgetful PASSWORD-FILE: logs in, makes a filter, logs out, and keeps nothing of the password: it
 * is read from a file, sent, and wiped. Between the steps it says what it did and waits for a line
 * on stdin (at its end it goes on at once), so that its memory can be looked at.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 65536 };

static char request[ROOM];
static char response[ROOM];
static char cookie[256];

_Noreturn static void fail(const char *what)
{
    fprintf(stderr, "forgetful: %s\n", what);
    exit(1);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        fail(name);
    return value;
}

static SSL *connect_to_vcenter(SSL_CTX *context)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(setting("VCENTER_PORT")))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, setting("VCENTER_HOST"), &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("no connection");
    SSL_CTX_load_verify_locations(context, setting("VCENTER_CA"), NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        fail("no TLS");
    return ssl;
}

/* The whole response, head and body. */
static void receive(SSL *ssl)
{
    size_t size = 0;
    const char *end = NULL;
    do {
        int got = SSL_read(ssl, response + size, (int)(ROOM - 1 - size));
        if (got <= 0)
            fail("the connection ended");
        size += (size_t)got;
        response[size] = '\0';
        end = strstr(response, "</soapenv:Envelope>");
    } while (!end);
}

static void send_all(SSL *ssl, const char *bytes, size_t size)
{
    if (SSL_write(ssl, bytes, (int)size) != (int)size)
        fail("nothing can be sent");
}

static const char envelope[] =
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>%s"
    "</s:Body></s:Envelope>";

static void send_request(SSL *ssl, size_t body_size)
{
    char head[1024];
    int head_size = snprintf(head, sizeof(head),
                             "POST /sdk HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: text/xml\r\n"
                             "Cookie: %s\r\nContent-Length: %zu\r\n\r\n",
                             setting("VCENTER_HOST"), setting("VCENTER_PORT"), cookie, body_size);
    send_all(ssl, head, (size_t)head_size);
    send_all(ssl, request, body_size);
    receive(ssl);
}

static void ask(SSL *ssl, const char *body)
{
    send_request(ssl, (size_t)snprintf(request, sizeof(request), envelope, body));
    if (strncmp(response, "HTTP/1.1 200 ", strlen("HTTP/1.1 200 ")) != 0)
        fail(response);
}

/* The body is put together by hand: what formats text keeps copies of it. */
static void log_in(SSL *ssl, const char *file)
{
    static const char before[] =
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
        "<Login xmlns=\"urn:vim25\"><_this "
        "type=\"SessionManager\">SessionManager</_this><userName>";
    static const char after[] = "</password></Login></s:Body></s:Envelope>";
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char *at =
        stpcpy(stpcpy(stpcpy(request, before), setting("VCENTER_USER")), "</userName><password>");
    ssize_t size = read(fd, at, 256);
    close(fd);
    if (size <= 0)
        fail("no password");
    at = stpcpy(at + size, after);
    send_request(ssl, (size_t)(at - request));
    OPENSSL_cleanse(request, sizeof(request));
    const char *set = strstr(response, "Set-Cookie: ");
    const char *end = set ? strchr(set, ';') : NULL;
    if (!end)
        fail(response);
    snprintf(cookie, sizeof(cookie), "%.*s", (int)(end - set - 12), set + 12);
}

static void say(const char *what)
{
    char line[16];
    printf("%s\n", what);
    fflush(stdout);
    if (read(STDIN_FILENO, line, sizeof(line)) < 0)
        fail("nobody says how to go on");
}

int main(int count, char **arguments)
{
    if (count != 2)
        fail("usage: forgetful PASSWORD-FILE");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = connect_to_vcenter(context);
    log_in(ssl, arguments[1]);
    say("logged in");
    ask(ssl,
        "<CreateFilter xmlns=\"urn:vim25\"><_this type=\"PropertyCollector\">propertyCollector"
        "</_this><spec><propSet><type>Folder</type><pathSet>name</pathSet></propSet><objectSet>"
        "<obj type=\"Folder\">group-d1</obj></objectSet></spec><partialUpdates>false"
        "</partialUpdates></CreateFilter>");
    say("filtered");
    ask(ssl, "<Logout xmlns=\"urn:vim25\"><_this type=\"SessionManager\">SessionManager</_this>"
             "</Logout>");
    say("logged out");
    SSL_free(ssl);
    SSL_CTX_free(context);
    return 0;
}
