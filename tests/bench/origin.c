/*
 * The origin of the measurements: TLS, and answers of the size that the request asks for. It logs
 * in whoever asks. Every answer holds a number of its own, so that a repeated one can be told from
 * a new one. Prints its port, ends with standard input.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SIZE = 1 << 16 };

static const char envelope_begin[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\"\n"
    " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"\n"
    " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"\n"
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n<soapenv:Body>\n";
static const char envelope_end[] = "\n</soapenv:Body>\n</soapenv:Envelope>";

static atomic_uint answers;

static SSL_CTX *new_context(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!key || !certificate || !context)
        return NULL;
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600L);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    if (!X509_sign(certificate, key, EVP_sha256()) ||
        SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        return NULL;
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

/* Reads one request into `request`, ended by NUL. */
static bool read_request(SSL *ssl, char *request)
{
    size_t size = 0;
    request[0] = '\0';
    for (;;) {
        const char *end = strstr(request, "\r\n\r\n");
        const char *length = end ? strstr(request, "Content-Length: ") : NULL;
        size_t head = end ? (size_t)(end + 4 - request) : 0;
        if (length && length < end && size >= head + strtoull(length + 16, NULL, 10))
            return true;
        int got = size < REQUEST_SIZE - 1
                      ? SSL_read(ssl, request + size, (int)(REQUEST_SIZE - 1 - size))
                      : -1;
        if (got <= 0)
            return false;
        size += (size_t)got;
        request[size] = '\0';
    }
}

static bool write_all(SSL *ssl, const char *bytes, size_t size)
{
    size_t written;
    return SSL_write_ex(ssl, bytes, size, &written) == 1 && written == size;
}

/* The content of a SOAP Body, padded to make a body of at least `size` bytes. */
static char *body_of(const char *begin, const char *end, size_t size, size_t *body_size)
{
    size_t bare = strlen(envelope_begin) + strlen(begin) + strlen(end) + strlen(envelope_end);
    size_t padding = size > bare ? size - bare : 0;
    char *body = malloc(bare + padding + 1);
    if (!body)
        return NULL;
    char *at = stpcpy(stpcpy(body, envelope_begin), begin);
    for (size_t i = 0; i < padding; i++)
        *at++ = (char)('a' + i % 26);
    stpcpy(stpcpy(at, end), envelope_end);
    *body_size = bare + padding;
    return body;
}

static bool answer(SSL *ssl, const char *fields, const char *begin, const char *end, size_t size)
{
    char head[512];
    size_t body_size = 0;
    char *body = body_of(begin, end, size, &body_size);
    int head_size = snprintf(head, sizeof(head),
                             "HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n%s"
                             "Content-Type: text/xml; charset=utf-8\r\n"
                             "Content-Length: %zu\r\n\r\n",
                             fields, body_size);
    bool is_sent =
        body && write_all(ssl, head, (size_t)head_size) && write_all(ssl, body, body_size);
    free(body);
    return is_sent;
}

static bool answer_login(SSL *ssl)
{
    char fields[256];
    char inside[1024];
    unsigned number = atomic_fetch_add(&answers, 1);
    snprintf(fields, sizeof(fields),
             "Set-Cookie: vmware_soap_session=\"%040u\"; Path=/; HttpOnly; Secure;\r\n", number);
    snprintf(inside, sizeof(inside),
             "<LoginResponse xmlns=\"urn:vim25\"><returnval><key>52e0%04u-key-of-a-session</key>"
             "<userName>bench</userName><fullName>bench</fullName>"
             "<loginTime>2026-11-21T09:00:00Z</loginTime>"
             "<lastActiveTime>2026-11-21T09:00:00Z</lastActiveTime>"
             "<locale>en</locale><messageLocale>en</messageLocale></returnval></LoginResponse>",
             number);
    return answer(ssl, fields, inside, "", 0);
}

static bool answer_read(SSL *ssl, size_t size, unsigned variant)
{
    char begin[512];
    snprintf(begin, sizeof(begin),
             "<RetrievePropertiesExResponse xmlns=\"urn:vim25\"><returnval><objects>"
             "<obj type=\"VirtualMachine\">vm-%zu-%u</obj><propSet><name>name</name>"
             "<val xsi:type=\"xsd:string\">%010u ",
             size, variant, atomic_fetch_add(&answers, 1));
    return answer(ssl, "", begin,
                  "</val></propSet></objects></returnval></RetrievePropertiesExResponse>", size);
}

static bool answer_request(SSL *ssl, const char *request)
{
    char *end;
    if (strstr(request, "<Login "))
        return answer_login(ssl);
    const char *machine = strstr(request, ">vm-");
    if (!machine)
        return false;
    size_t size = strtoull(machine + 4, &end, 10);
    return *end == '-' && answer_read(ssl, size, (unsigned)strtoul(end + 1, NULL, 10));
}

static void *serve(void *closure)
{
    SSL *ssl = closure;
    int fd = SSL_get_fd(ssl);
    char *request = malloc(REQUEST_SIZE);
    bool goes_on = request && SSL_accept(ssl) == 1;
    while (goes_on)
        goes_on = read_request(ssl, request) && answer_request(ssl, request);
    free(request);
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void *accept_all(void *closure)
{
    int listener = *(int *)closure;
    SSL_CTX *context = new_context();
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        SSL *ssl = context && fd >= 0 ? SSL_new(context) : NULL;
        if (!ssl || SSL_set_fd(ssl, fd) != 1)
            exit(1);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (pthread_create(&thread, NULL, serve, ssl) != 0)
            exit(1);
        pthread_detach(thread);
    }
    return NULL;
}

int main(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, size) < 0 ||
        listen(listener, 16) < 0 || getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
        pthread_create(&thread, NULL, accept_all, &listener) != 0)
        return 1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    return 0;
}
