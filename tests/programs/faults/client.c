/*
 * A vSphere client on OpenSSL that does, step by step, what its arguments say, and prints of every
 * answer what is equal from run to run. The steps that are no requests are what a program may do
 * to a library that lives inside it: fork, close all descriptors, exit from another thread.
 *
 *     hello, login, logout, names, large, counters, folders, mkdir NAME, live   requests
 *     begin REQUEST BYTES   send it and read so many bytes of the answer
 *     finish                read and print the rest
 *     meet FIFO             make a file FIFO.PID, and wait until somebody opens FIFO for writing
 *     connect, drop         a new connection; leave this one without a word
 *     fresh                 forget the session's cookie
 *     as USER PASSWORD      from now on log in as that user
 *     sigpipe               let SIGPIPE end it, as it does by default
 *     poll                  from now on non-blocking, with poll
 *     timeout MS            from now on reading takes no longer (SO_RCVTIMEO)
 *     fork WHO, clone WHO   parent and child both do what follows; WHO (parent, child) keeps the
 *                           connection, the other one makes a new one
 *     threads N             N threads do what follows, each on its own connection
 *     own DIR N             close every descriptor from 3 on, fill N files of one's own, of 2 MiB
 *     owned                 how many of them are open still
 *     user ID               become that user (effective)
 *     cancel REQUEST FIFO   a thread asks and is cancelled at the other end's opening of FIFO
 *     jump REQUEST          ask, and be thrown out of it by a signal handler (SIGUSR1)
 *     exit REQUEST FIFO     ask, while another thread calls exit(7) at the opening of FIFO
 *     atexit                do what follows in an atexit handler
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct client {
    SSL *ssl;
    int fd;
    bool polls;
    int timeout_ms;
    FILE *out;
    char cookie[512];
    char *raw; /* what came, whole answers and the one being read */
    size_t size, capacity;
    char asked[64];
};

static SSL_CTX *context;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
    exit(1);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        die(name);
    return value;
}

/* ---- the connection ------------------------------------------------------------------------- */

static void set_mode(struct client *c)
{
    if (c->polls)
        fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    struct timeval limit = {c->timeout_ms / 1000, c->timeout_ms % 1000 * 1000};
    if (c->timeout_ms)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* False after having said why; waits when that is all there is to do. */
static bool may_go_on(struct client *c, int result, const char *what)
{
    int reason = SSL_get_error(c->ssl, result);
    struct pollfd ready = {.fd = c->fd};
    if (c->polls && (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)) {
        ready.events = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        int count = poll(&ready, 1, c->timeout_ms ? c->timeout_ms : -1);
        if (count > 0 || (count < 0 && errno == EINTR))
            return true;
        fprintf(c->out, "%s: timed out\n", what);
        return false;
    }
    unsigned long error = ERR_peek_error();
    fprintf(c->out, "%s: error %d (%s, %s)\n", what, reason,
            reason == SSL_ERROR_SYSCALL ? strerror(errno) : "-",
            error ? ERR_reason_error_string(error) : "-");
    ERR_clear_error();
    return false;
}

static void drop(struct client *c)
{
    SSL_free(c->ssl);
    if (c->fd >= 0)
        close(c->fd);
    c->ssl = NULL;
    c->fd = -1;
    c->size = 0;
}

static bool open_connection(struct client *c)
{
    const char *host = setting("VCENTER_HOST");
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    if (getaddrinfo(host, setting("VCENTER_PORT"), &hints, &found) != 0)
        die("getaddrinfo");
    c->size = 0;
    c->fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int failed = c->fd < 0 || connect(c->fd, found->ai_addr, found->ai_addrlen) != 0;
    freeaddrinfo(found);
    if (failed) {
        fprintf(c->out, "connect: %s\n", strerror(errno));
        return false;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    set_mode(c);
    c->ssl = SSL_new(context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), host);
    SSL_set_fd(c->ssl, c->fd);
    for (int result; (result = SSL_connect(c->ssl)) != 1;) {
        if (!may_go_on(c, result, "handshake"))
            return false;
    }
    return true;
}

/* ---- requests ------------------------------------------------------------------------------- */

/* What stands in the Body; `argument` is what some take. */
static const char *request_body(const char *name, const char *argument, char *text, size_t size)
{
    const char *vms =
        "<RetrievePropertiesEx xmlns=\"urn:vim25\"><_this type=\"PropertyCollector\">"
        "propertyCollector</_this><specSet><propSet><type>%s</type><pathSet>%s</pathSet>"
        "</propSet><objectSet><obj type=\"%s\">%s</obj><skip>%s</skip>%s</objectSet></specSet>"
        "<options></options></RetrievePropertiesEx>";
    const char *down = "<selectSet xsi:type=\"TraversalSpec\"><type>Folder</type>"
                       "<path>childEntity</path></selectSet>";
    if (!strcmp(name, "hello"))
        return "<RetrieveServiceContent xmlns=\"urn:vim25\"><_this type=\"ServiceInstance\">"
               "ServiceInstance</_this></RetrieveServiceContent>";
    if (!strcmp(name, "live"))
        return "<CurrentTime xmlns=\"urn:vim25\"><_this type=\"ServiceInstance\">"
               "ServiceInstance</_this></CurrentTime>";
    if (!strcmp(name, "logout"))
        return "<Logout xmlns=\"urn:vim25\"><_this "
               "type=\"SessionManager\">SessionManager</_this></Logout>";
    if (!strcmp(name, "login"))
        snprintf(text, size,
                 "<Login xmlns=\"urn:vim25\"><_this type=\"SessionManager\">SessionManager</_this>"
                 "<userName>%s</userName><password>%s</password></Login>",
                 setting("VCENTER_USER"), setting("VCENTER_PASSWORD"));
    else if (!strcmp(name, "names"))
        snprintf(text, size, vms, "VirtualMachine", "name", "Folder", "folder-3", "true", down);
    else if (!strcmp(name, "large"))
        snprintf(text, size, vms, "VirtualMachine", "config", "Folder", "folder-3", "true", down);
    else if (!strcmp(name, "folders"))
        snprintf(text, size, vms, "Folder", "name", "Folder", "folder-3", "false", down);
    else if (!strcmp(name, "counters"))
        snprintf(text, size, vms, "PerformanceManager", "perfCounter", "PerformanceManager",
                 "PerfMgr", "false", "");
    else if (!strcmp(name, "mkdir"))
        snprintf(text, size,
                 "<CreateFolder xmlns=\"urn:vim25\"><_this type=\"Folder\">folder-3</_this>"
                 "<name>%s</name></CreateFolder>",
                 argument);
    else {
        fprintf(stderr, "client: no such step: %s\n", name);
        exit(2);
    }
    return text;
}

static bool send_all(struct client *c, const char *bytes, size_t size)
{
    while (size > 0) {
        int sent = SSL_write(c->ssl, bytes, (int)size);
        if (sent <= 0) {
            if (!may_go_on(c, sent, "write"))
                return false;
            continue;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool send_request(struct client *c, const char *name, const char *argument)
{
    char inside[2048], body[4096], head[2048];
    const char *version = getenv("CLIENT_VERSION"); /* another one asks another question */
    if (!c->ssl && !open_connection(c))
        return false;
    snprintf(c->asked, sizeof(c->asked), "%s", name);
    int size = snprintf(body, sizeof(body),
                        "<?xml version=\"1.0\"?><soapenv:Envelope"
                        " xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""
                        " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
                        "<soapenv:Body>%s</soapenv:Body></soapenv:Envelope>",
                        request_body(name, argument, inside, sizeof(inside)));
    int head_size = snprintf(head, sizeof(head),
                             "POST /sdk HTTP/1.1\r\nHost: %s:%s\r\nSOAPAction: \"urn:vim25/%s\"\r\n"
                             "Content-Type: text/xml; charset=UTF-8\r\nCookie: %s\r\n"
                             "Content-Length: %d\r\n\r\n",
                             setting("VCENTER_HOST"), setting("VCENTER_PORT"),
                             version ? version : "6.5", c->cookie, size);
    /* In two writes, as most programs do. */
    return send_all(c, head, (size_t)head_size) && send_all(c, body, (size_t)size);
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool receive(struct client *c)
{
    if (c->capacity - c->size < 65536) {
        c->capacity = c->capacity * 2 + 65536;
        c->raw = realloc(c->raw, c->capacity + 1);
        if (!c->raw)
            die("memory");
    }
    for (;;) {
        int got = SSL_read(c->ssl, c->raw + c->size, 16384);
        if (got > 0) {
            c->size += (size_t)got;
            c->raw[c->size] = '\0';
            return true;
        }
        if (!may_go_on(c, got, c->asked))
            return false;
    }
}

/* Joins the chunks in place; false when they are not whole yet. */
static bool join_chunks(char *body, size_t size, bool is_dry, size_t *joined)
{
    char *at = body, *end = body + size, *to = body;
    for (;;) {
        char *line = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (!line)
            return false;
        size_t length = strtoul(at, NULL, 16);
        at = line + 2;
        if ((size_t)(end - at) < length + 2)
            return false;
        if (length == 0)
            break;
        if (!is_dry)
            memmove(to, at, length);
        to += length;
        at += length + 2;
    }
    *joined = (size_t)(to - body);
    return true;
}

static const char *field(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);
    return at ? at + strlen(name) : NULL;
}

/* Whether the answer is whole; its body, joined, from *body. */
static bool is_whole(struct client *c, char **body, size_t *size)
{
    char *end = c->size ? memmem(c->raw, c->size, "\r\n\r\n", 4) : NULL;
    if (!end)
        return false;
    *body = end + 4;
    size_t there = c->size - (size_t)(*body - c->raw);
    end[2] = '\0'; /* the head is text now */
    const char *length = field(c->raw, "\r\nContent-Length: ");
    bool is_chunked = field(c->raw, "\r\nTransfer-Encoding: chunked") != NULL;
    bool whole = true;
    if (length)
        whole = there >= (*size = strtoul(length, NULL, 10));
    else if (is_chunked && (whole = join_chunks(*body, there, true, size)))
        join_chunks(*body, there, false, size);
    else
        *size = there;
    if (!whole)
        end[2] = '\r';
    return whole;
}

static void keep_cookie(struct client *c)
{
    const char *from = field(c->raw, "\r\nSet-Cookie: ");
    if (from)
        snprintf(c->cookie, sizeof(c->cookie), "%.*s", (int)strcspn(from, "\r"), from);
}

/* FNV-1a, 64 bits. */
static unsigned long long digest(const char *bytes, size_t size)
{
    unsigned long long value = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3;
    return value;
}

static void print_folders(struct client *c, const char *body)
{
    for (const char *at = body; (at = strstr(at, "<val xsi:type=\"xsd:string\">")) != NULL;) {
        at += strlen("<val xsi:type=\"xsd:string\">");
        fprintf(c->out, " %.*s", (int)strcspn(at, "<"), at);
    }
    fprintf(c->out, "\n");
}

static void print_answer(struct client *c, const char *body, size_t size)
{
    int status = 0;
    sscanf(c->raw, "HTTP/1.1 %d", &status);
    fprintf(c->out, "%s: %d", c->asked, status);
    const char *fault = strstr(body, "<faultstring>");
    if (fault)
        fprintf(c->out, " %.*s\n", (int)strcspn(fault + 13, "<"), fault + 13);
    else if (!strcmp(c->asked, "folders"))
        print_folders(c, body);
    else if (strstr("login logout live mkdir", c->asked)) /* another one each time */
        fprintf(c->out, " %s\n", strstr(body, "Response") ? "Response" : "no response");
    else
        fprintf(c->out, " %zu bytes %016llx\n", size, digest(body, size));
}

static bool finish(struct client *c)
{
    char *body;
    size_t size;
    if (!c->ssl)
        return fprintf(c->out, "nothing was begun\n"), false;
    while (!is_whole(c, &body, &size))
        if (!receive(c))
            return false;
    char after = body[size];
    body[size] = '\0';
    keep_cookie(c);
    print_answer(c, body, size);
    body[size] = after;
    c->size = 0;
    return true;
}

static bool begin(struct client *c, const char *name, const char *argument, size_t bytes)
{
    if (!send_request(c, name, argument))
        return false;
    while (c->size < bytes)
        if (!receive(c))
            return false;
    return true;
}

/* A connection that failed is given up, and the next step makes a new one. */
static void ask(struct client *c, const char *name, const char *argument)
{
    if (!begin(c, name, argument, 0) || !finish(c))
        drop(c);
}

/* ---- what programs do ----------------------------------------------------------------------- */

static void meet(const char *fifo)
{
    char byte, arrived[4096];
    snprintf(arrived, sizeof(arrived), "%s.%d", fifo, (int)getpid());
    close(open(arrived, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    int fd = open(fifo, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(fifo);
    while (read(fd, &byte, 1) > 0)
        ;
    close(fd);
}

static void run(struct client *c, char **steps);

static struct client *new_client(FILE *out)
{
    struct client *c = calloc(1, sizeof(*c));
    c->fd = -1;
    c->out = out;
    return c;
}

static void free_client(struct client *c)
{
    drop(c);
    free(c->raw);
    free(c);
}

struct worker {
    pthread_t thread;
    char **steps;
    char *text;
    size_t size;
    struct client template;
};

static void *work(void *closure)
{
    struct worker *w = closure;
    struct client *c = new_client(open_memstream(&w->text, &w->size));
    memcpy(c->cookie, w->template.cookie, sizeof(c->cookie));
    c->polls = w->template.polls;
    run(c, w->steps);
    fclose(c->out);
    free_client(c);
    return NULL;
}

static void threads(struct client *c, int count, char **steps)
{
    struct worker *workers = calloc((size_t)count, sizeof(*workers));
    for (int i = 0; i < count; i++) {
        workers[i].steps = steps;
        workers[i].template = *c;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("pthread_create");
    }
    for (int i = 0; i < count; i++) {
        pthread_join(workers[i].thread, NULL);
        fprintf(c->out, "thread %d\n%s", i, workers[i].text);
        free(workers[i].text);
    }
    free(workers);
}

/* Both go on with `steps`; the child's output comes after the parent's. */
static void fork_and_go_on(struct client *c, bool is_raw, bool child_keeps, char **steps)
{
    FILE *childs = tmpfile();
    fflush(c->out);
    pid_t child = is_raw ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
    if (child < 0 || !childs)
        die("fork");
    if (child_keeps == (child != 0))
        drop(c);
    if (child == 0) {
        c->out = childs;
        run(c, steps);
        fflush(childs);
        _exit(0);
    }
    run(c, steps);
    int status;
    waitpid(child, &status, 0);
    fprintf(c->out, "child: status %d\n", status);
    rewind(childs);
    for (int byte; (byte = getc(childs)) != EOF;)
        putc(byte, c->out);
    fclose(childs);
}

static struct {
    int fd;
    ino_t inode;
} owned[64];
static int owned_count;

static void own_files(struct client *c, const char *directory, int count)
{
    char path[4096];
    struct stat status;
    close_range(3, ~0U, 0);
    /* The socket is gone, and its number is somebody else's. */
    c->fd = -1;
    drop(c);
    for (owned_count = 0; owned_count < count && owned_count < 64; owned_count++) {
        snprintf(path, sizeof(path), "%s/own.%d", directory, owned_count);
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dprintf(fd, "file %d of the program\n", owned_count) < 0 ||
            ftruncate(fd, 2 << 20) != 0 || fstat(fd, &status) != 0)
            die(path);
        owned[owned_count].fd = fd;
        owned[owned_count].inode = status.st_ino;
    }
}

static void print_owned(struct client *c)
{
    struct stat status;
    int still = 0;
    for (int i = 0; i < owned_count; i++)
        still += fstat(owned[i].fd, &status) == 0 && status.st_ino == owned[i].inode;
    fprintf(c->out, "owned: %d of %d files are still open\n", still, owned_count);
}

struct waiting {
    struct client *client;
    const char *name, *fifo;
};

static void *ask_in_vain(void *closure)
{
    struct waiting *w = closure;
    ask(w->client, w->name, "");
    fprintf(w->client->out, "was not cancelled\n");
    return NULL;
}

static void cancel(struct client *c, const char *name, const char *fifo)
{
    pthread_t thread;
    void *result;
    struct waiting w = {new_client(c->out), name, fifo};
    memcpy(w.client->cookie, c->cookie, sizeof(c->cookie));
    if (pthread_create(&thread, NULL, ask_in_vain, &w) != 0)
        die("pthread_create");
    meet(fifo);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    fprintf(c->out, "%s\n", result == PTHREAD_CANCELED ? "cancelled" : "ended");
}

static sigjmp_buf out_of_it;

static void jump_out(int number)
{
    siglongjmp(out_of_it, number);
}

static void jump(struct client *c, const char *name)
{
    signal(SIGUSR1, jump_out);
    if (sigsetjmp(out_of_it, 1) == 0) {
        ask(c, name, "");
        fprintf(c->out, "was not interrupted\n");
        return;
    }
    fprintf(c->out, "interrupted\n");
    drop(c);
}

static void *exit_elsewhere(void *closure)
{
    meet(closure);
    exit(7);
}

static struct client *last_client;
static char **last_steps;

static void run_at_exit(void)
{
    run(last_client, last_steps);
    fflush(last_client->out);
}

/* Does one step; returns how many arguments it took, 0 when the rest is done, too. */
static int step(struct client *c, char **s)
{
    pthread_t thread;
    const char *first = s[1] ? s[1] : "", *second = s[1] && s[2] ? s[2] : "";
    if (!strcmp(*s, "meet"))
        return meet(first), 2;
    if (!strcmp(*s, "connect"))
        return drop(c), open_connection(c), 1;
    if (!strcmp(*s, "drop"))
        return drop(c), 1;
    if (!strcmp(*s, "fresh"))
        return c->cookie[0] = '\0', 1;
    if (!strcmp(*s, "sigpipe"))
        return signal(SIGPIPE, SIG_DFL), 1;
    if (!strcmp(*s, "as"))
        return setenv("VCENTER_USER", first, 1), setenv("VCENTER_PASSWORD", second, 1), 3;
    if (!strcmp(*s, "poll"))
        return c->polls = true, set_mode(c), 1;
    if (!strcmp(*s, "timeout"))
        return c->timeout_ms = atoi(first), set_mode(c), 2;
    if (!strcmp(*s, "begin"))
        return begin(c, first, "", (size_t)atol(second)), 3;
    if (!strcmp(*s, "finish"))
        return finish(c) ? (void)0 : drop(c), 1;
    if (!strcmp(*s, "threads"))
        return threads(c, atoi(first), s + 2), 0;
    if (!strcmp(*s, "fork") || !strcmp(*s, "clone"))
        return fork_and_go_on(c, **s == 'c', !strcmp(first, "child"), s + 2), 0;
    if (!strcmp(*s, "own"))
        return own_files(c, first, atoi(second)), 3;
    if (!strcmp(*s, "owned"))
        return print_owned(c), 1;
    if (!strcmp(*s, "user"))
        return seteuid((uid_t)atoi(first)) == 0 ? 2 : (die("seteuid"), 0);
    if (!strcmp(*s, "cancel"))
        return cancel(c, first, second), 3;
    if (!strcmp(*s, "jump"))
        return jump(c, first), 2;
    if (!strcmp(*s, "exit")) {
        pthread_create(&thread, NULL, exit_elsewhere, s[2]);
        return ask(c, first, ""), 3;
    }
    if (!strcmp(*s, "atexit")) {
        last_client = c;
        last_steps = s + 1;
        return atexit(run_at_exit), 0;
    }
    return ask(c, *s, first), strcmp(*s, "mkdir") ? 1 : 2;
}

static void run(struct client *c, char **steps)
{
    for (int taken = 1; *steps && taken; steps += taken)
        taken = step(c, steps);
}

int main(int count, char **arguments)
{
    (void)count;
    signal(SIGPIPE, SIG_IGN);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, setting("VCENTER_CA"), NULL) != 1)
        die("VCENTER_CA");
    setvbuf(stdout, NULL, _IOLBF, 0); /* whoever waits for a line sees it */
    struct client *c = new_client(stdout);
    run(c, arguments + 1);
    fflush(stdout);
    if (last_steps)
        return 0;
    free_client(c);
    SSL_CTX_free(context);
    return 0;
}
