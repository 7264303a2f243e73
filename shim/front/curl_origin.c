/* Origins: see curl_origin.h. */
#include "front/curl_origin.h"
#include "front/real.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct curl_origin {
    const struct curl *curl;
    CURL *easy;
    CURLM *multi; /* of its own: the program's counts what is in it */
    int epoll;    /* the sockets that connecting waits for, the timer, and then the connection */
    int timer;
    curl_socket_t socket; /* once connected */
    bool waits_to_write;
    CURLcode code;
    char error[CURL_ERROR_SIZE];
};

/* ---- what it waits for ---- */

static void watch(const struct curl_origin *origin, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    const struct libc *libc = libc_real();
    if (events == 0)
        libc->epoll_ctl(origin->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (libc->epoll_ctl(origin->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        libc->epoll_ctl(origin->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *closure, void *data)
{
    (void)easy, (void)data;
    uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= EPOLLOUT;
    watch(closure, fd, events);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *closure)
{
    (void)multi;
    enum { MS_PER_S = 1000, NS_PER_MS = 1000000 };
    const struct curl_origin *origin = closure;
    struct itimerspec spec = {0};
    if (timeout_ms >= 0) {
        spec.it_value.tv_sec = timeout_ms / MS_PER_S;
        /* Nothing at all would turn the timer off. */
        spec.it_value.tv_nsec = timeout_ms % MS_PER_S * NS_PER_MS + (timeout_ms == 0);
    }
    timerfd_settime(origin->timer, 0, &spec, NULL);
    return 0;
}

static int act(struct curl_origin *origin, int fd, int events)
{
    int running = 0;
    uint64_t expirations;
    if (fd == origin->timer && read(fd, &expirations, sizeof(expirations)) < 0)
        return 0;
    origin->curl->curl_multi_socket_action(
        origin->multi, fd == origin->timer ? CURL_SOCKET_TIMEOUT : fd, events, &running);
    return running;
}

static void act_on_all(struct curl_origin *origin)
{
    enum { EVENTS = 8 };
    struct epoll_event events[EVENTS];
    int count = libc_real()->epoll_wait(origin->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        int what = 0;
        if (events[i].events & EPOLLIN)
            what |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT)
            what |= CURL_CSELECT_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            what |= CURL_CSELECT_ERR;
        act(origin, events[i].data.fd, what);
    }
}

/* ---- beginnings and ends ---- */

/* Not for the program's children. */
static curl_socket_t open_socket(void *closure, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)closure, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool is_set_up(struct curl_origin *origin)
{
    const struct curl *curl = origin->curl;
    return origin->multi && origin->epoll >= 0 && origin->timer >= 0 &&
           !curl->curl_easy_setopt(origin->easy, CURLOPT_ERRORBUFFER, origin->error) &&
           !curl->curl_easy_setopt(origin->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           !curl->curl_multi_setopt(origin->multi, CURLMOPT_SOCKETFUNCTION, on_socket) &&
           !curl->curl_multi_setopt(origin->multi, CURLMOPT_SOCKETDATA, origin) &&
           !curl->curl_multi_setopt(origin->multi, CURLMOPT_TIMERFUNCTION, on_timer) &&
           !curl->curl_multi_setopt(origin->multi, CURLMOPT_TIMERDATA, origin) &&
           !curl->curl_multi_add_handle(origin->multi, origin->easy);
}

struct curl_origin *curl_origin_open(const struct curl *curl, CURL *easy)
{
    struct curl_origin *origin = calloc(1, sizeof(*origin));
    if (!origin) {
        curl->curl_easy_cleanup(easy);
        return NULL;
    }
    *origin = (struct curl_origin){
        .curl = curl,
        .easy = easy,
        .multi = curl->curl_multi_init(),
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
        .socket = CURL_SOCKET_BAD,
    };
    if (origin->epoll >= 0 && origin->timer >= 0)
        watch(origin, origin->timer, EPOLLIN);
    if (is_set_up(origin))
        return origin;
    curl_origin_close(origin);
    return NULL;
}

void curl_origin_give_up(struct curl_origin *origin)
{
    origin->code = CURLE_COULDNT_CONNECT;
    origin->curl->curl_multi_remove_handle(origin->multi, origin->easy);
}

void curl_origin_close(struct curl_origin *origin)
{
    if (!origin)
        return;
    const struct curl *curl = origin->curl;
    if (origin->multi)
        curl->curl_multi_remove_handle(origin->multi, origin->easy);
    curl->curl_easy_cleanup(origin->easy);
    if (origin->multi)
        curl->curl_multi_cleanup(origin->multi);
    if (origin->epoll >= 0)
        close(origin->epoll);
    if (origin->timer >= 0)
        close(origin->timer);
    free(origin);
}

/* ---- connecting ---- */

/* Connecting has ended, one way or the other. */
static void look(struct curl_origin *origin)
{
    int left = 0;
    const CURLMsg *message = origin->curl->curl_multi_info_read(origin->multi, &left);
    if (!message || message->msg != CURLMSG_DONE)
        return;
    origin->code = message->data.result;
    if (origin->code != CURLE_OK)
        return;
    /* From now on others tell of the transfer. */
    origin->curl->curl_easy_setopt(origin->easy, CURLOPT_VERBOSE, 0L);
    origin->curl->curl_easy_getinfo(origin->easy, CURLINFO_ACTIVESOCKET, &origin->socket);
    if (origin->socket == CURL_SOCKET_BAD)
        origin->code = CURLE_COULDNT_CONNECT;
    else
        watch(origin, origin->socket, EPOLLIN);
}

enum curl_origin_state curl_origin_step(struct curl_origin *origin)
{
    if (origin->socket == CURL_SOCKET_BAD && origin->code == CURLE_OK) {
        act_on_all(origin);
        look(origin);
    }
    return curl_origin_state(origin);
}

enum curl_origin_state curl_origin_state(const struct curl_origin *origin)
{
    if (origin->code != CURLE_OK)
        return CURL_ORIGIN_FAILED;
    return origin->socket == CURL_SOCKET_BAD ? CURL_ORIGIN_WAITS : CURL_ORIGIN_READY;
}

enum curl_origin_state curl_origin_finish(struct curl_origin *origin)
{
    struct pollfd polled = {.fd = origin->epoll, .events = POLLIN};
    while (curl_origin_step(origin) == CURL_ORIGIN_WAITS)
        libc_real()->poll(&polled, 1, -1);
    return curl_origin_state(origin);
}

int curl_origin_descriptor(const struct curl_origin *origin)
{
    return origin->epoll;
}

/* ---- connected ---- */

CURLcode curl_origin_send(struct curl_origin *origin, const void *bytes, size_t size, size_t *sent)
{
    *sent = 0;
    CURLcode code = origin->curl->curl_easy_send(origin->easy, bytes, size, sent);
    bool waits = code == CURLE_AGAIN;
    if (waits != origin->waits_to_write)
        watch(origin, origin->socket, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    origin->waits_to_write = waits;
    if (code != CURLE_OK && !waits)
        origin->code = code;
    return code;
}

CURLcode curl_origin_receive(struct curl_origin *origin, void *bytes, size_t size, size_t *received)
{
    *received = 0;
    CURLcode code = origin->curl->curl_easy_recv(origin->easy, bytes, size, received);
    if (code != CURLE_OK && code != CURLE_AGAIN)
        origin->code = code;
    return code;
}

const char *curl_origin_error(const struct curl_origin *origin)
{
    return origin->error;
}

CURLcode curl_origin_code(const struct curl_origin *origin)
{
    return origin->code;
}

bool curl_origin_was_ready(const struct curl_origin *origin)
{
    return origin->socket != CURL_SOCKET_BAD;
}

CURL *curl_origin_easy(const struct curl_origin *origin)
{
    return origin->easy;
}
