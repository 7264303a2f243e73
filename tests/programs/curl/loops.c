/* The ways to drive a transfer: see judge.h. */
#include "judge.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct drive {
    struct judge *judge;
    CURLM *multi;
    struct handle *const *handles;
    size_t count;
    size_t added;
    size_t done;
    int epoll, timer;
};

static void expect_ok(CURLMcode code)
{
    if (code != CURLM_OK)
        judge_fail("multi: %s", curl_multi_strerror(code));
}

/* No more of them at a time than the judge says. */
static void add_more(struct drive *drive)
{
    size_t most = drive->judge->at_once ? drive->judge->at_once : drive->count;
    while (drive->added < drive->count && drive->added - drive->done < most)
        expect_ok(curl_multi_add_handle(drive->multi, drive->handles[drive->added++]->curl));
}

/* What the handles say that are done: once for each. */
static void take_messages(struct drive *drive)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(drive->multi, &left))) {
        struct handle *handle = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&handle);
        if (message->msg != CURLMSG_DONE || !handle || handle->curl != message->easy_handle)
            judge_fail("a message that is none");
        handle->result = result;
        expect_ok(curl_multi_remove_handle(drive->multi, handle->curl));
        drive->done++;
    }
    add_more(drive);
}

static void go_on_with_paused(struct drive *drive)
{
    for (size_t i = 0; i < drive->count; i++)
        if (drive->handles[i]->is_paused) {
            drive->handles[i]->is_paused = false;
            curl_easy_pause(drive->handles[i]->curl, CURLPAUSE_CONT);
        }
}

/* ---- curl_multi_perform ---------------------------------------------------------------------- */

static void wait_poll(struct drive *drive)
{
    expect_ok(curl_multi_poll(drive->multi, NULL, 0, 1000, NULL));
}

static void wait_wait(struct drive *drive)
{
    expect_ok(curl_multi_wait(drive->multi, NULL, 0, 1000, NULL));
}

/* As https://curl.se/libcurl/c/curl_multi_fdset.html tells programs to do. */
static void wait_select(struct drive *drive)
{
    fd_set to_read, to_write, odd;
    long milliseconds = -1;
    int highest = -1;
    FD_ZERO(&to_read);
    FD_ZERO(&to_write);
    FD_ZERO(&odd);
    expect_ok(curl_multi_timeout(drive->multi, &milliseconds));
    expect_ok(curl_multi_fdset(drive->multi, &to_read, &to_write, &odd, &highest));
    if (milliseconds < 0 || milliseconds > 1000)
        milliseconds = 1000;
    if (highest == -1 && milliseconds > 100)
        milliseconds = 100;
    struct timeval timeout = {milliseconds / 1000, milliseconds % 1000 * 1000};
    if (select(highest + 1, &to_read, &to_write, &odd, &timeout) < 0 && errno != EINTR)
        judge_fail("select: %s", strerror(errno));
}

static void drive_by_perform(struct drive *drive, void (*wait)(struct drive *))
{
    for (;;) {
        int running;
        expect_ok(curl_multi_perform(drive->multi, &running));
        go_on_with_paused(drive);
        take_messages(drive);
        if (drive->done == drive->count)
            return;
        wait(drive);
    }
}

/* ---- curl_multi_socket_action ---------------------------------------------------------------- */

static int on_socket(CURL *curl, curl_socket_t socket, int what, void *closure, void *registered)
{
    struct drive *drive = closure;
    (void)curl;
    if (what == CURL_POLL_REMOVE) {
        /* It may have been closed by now. */
        epoll_ctl(drive->epoll, EPOLL_CTL_DEL, socket, NULL);
        curl_multi_assign(drive->multi, socket, NULL);
        return 0;
    }
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0U) |
                                          (what & CURL_POLL_OUT ? EPOLLOUT : 0U),
                                .data.fd = socket};
    if (epoll_ctl(drive->epoll, registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0)
        judge_fail("epoll_ctl: %s", strerror(errno));
    curl_multi_assign(drive->multi, socket, drive);
    return 0;
}

/* Of event loops that look after libcurl's time-outs every so often, whatever it asks for. */
static bool is_ticking(const struct drive *drive)
{
    return strcmp(drive->judge->loop, "tick") == 0;
}

static int on_timer(CURLM *multi, long milliseconds, void *closure)
{
    const struct drive *drive = closure;
    struct itimerspec when = {0};
    (void)multi;
    if (is_ticking(drive))
        return 0;
    if (milliseconds > 0) {
        when.it_value.tv_sec = milliseconds / 1000;
        when.it_value.tv_nsec = milliseconds % 1000 * 1000000;
    } else if (milliseconds == 0) {
        when.it_value.tv_nsec = 1;
    }
    return timerfd_settime(drive->timer, 0, &when, NULL);
}

static void act_on(struct drive *drive, const struct epoll_event *event)
{
    int running;
    uint64_t times;
    if (event->data.fd == drive->timer) {
        if (read(drive->timer, &times, sizeof(times)) == sizeof(times))
            expect_ok(curl_multi_socket_action(drive->multi, CURL_SOCKET_TIMEOUT, 0, &running));
        return;
    }
    int what = (event->events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
               (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (event->events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    expect_ok(curl_multi_socket_action(drive->multi, event->data.fd, what, &running));
}

/* The callbacks are there before the handles, as libcurl demands. */
static void begin_epoll(struct drive *drive)
{
    struct epoll_event event = {.events = EPOLLIN};
    drive->epoll = epoll_create1(EPOLL_CLOEXEC);
    drive->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    event.data.fd = drive->timer;
    epoll_ctl(drive->epoll, EPOLL_CTL_ADD, drive->timer, &event);
    curl_multi_setopt(drive->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(drive->multi, CURLMOPT_SOCKETDATA, drive);
    curl_multi_setopt(drive->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(drive->multi, CURLMOPT_TIMERDATA, drive);
}

static void tick(struct drive *drive)
{
    int running;
    expect_ok(curl_multi_socket_action(drive->multi, CURL_SOCKET_TIMEOUT, 0, &running));
    go_on_with_paused(drive);
    take_messages(drive);
}

static void drive_by_epoll(struct drive *drive)
{
    while (drive->done < drive->count) {
        struct epoll_event events[8];
        int ready = epoll_wait(drive->epoll, events, 8, is_ticking(drive) ? 10 : 60000);
        if (ready == 0 && is_ticking(drive))
            tick(drive);
        else if (ready == 0)
            judge_fail("nobody was woken");
        for (int i = 0; i < ready; i++) {
            act_on(drive, &events[i]);
            go_on_with_paused(drive);
            take_messages(drive);
        }
    }
}

/* ---------------------------------------------------------------------------------------------- */

static void drive_easy(struct handle *const *handles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        handles[i]->result = curl_easy_perform(handles[i]->curl);
}

/* A multi handle for each thread, as long as it runs: what is shared in it, stays. */
static _Thread_local struct drive kept = {.epoll = -1, .timer = -1};

static void end_drive(void)
{
    if (kept.multi)
        curl_multi_cleanup(kept.multi);
    if (kept.epoll >= 0) {
        close(kept.epoll);
        close(kept.timer);
    }
    kept = (struct drive){.epoll = -1, .timer = -1};
}

static void begin_drive(bool is_epoll)
{
    if (kept.multi && is_epoll == (kept.epoll >= 0))
        return;
    end_drive();
    kept.multi = curl_multi_init();
    if (is_epoll)
        begin_epoll(&kept);
}

static void drive_multi(struct judge *judge, struct handle *const *handles, size_t count)
{
    bool is_epoll = strcmp(judge->loop, "epoll") == 0 || strcmp(judge->loop, "tick") == 0;
    begin_drive(is_epoll);
    kept.judge = judge;
    kept.handles = handles;
    kept.count = count;
    kept.added = 0;
    kept.done = 0;
    add_more(&kept);
    if (is_epoll)
        drive_by_epoll(&kept);
    else if (strcmp(judge->loop, "poll") == 0)
        drive_by_perform(&kept, wait_poll);
    else if (strcmp(judge->loop, "wait") == 0)
        drive_by_perform(&kept, wait_wait);
    else if (strcmp(judge->loop, "select") == 0)
        drive_by_perform(&kept, wait_select);
    else
        judge_fail("no loop is called %s", judge->loop);
}

void loops_drive(struct judge *judge, struct handle *const *handles, size_t count)
{
    if (count == 0)
        end_drive();
    else if (strcmp(judge->loop, "easy") == 0)
        drive_easy(handles, count);
    else
        drive_multi(judge, handles, count);
}

void loops_drop(struct judge *judge, struct handle *handle)
{
    int running = 1;
    begin_drive(false);
    kept.judge = judge;
    expect_ok(curl_multi_add_handle(kept.multi, handle->curl));
    while (running > 0 && !handle->is_paused) {
        expect_ok(curl_multi_perform(kept.multi, &running));
        if (!handle->is_paused)
            wait_poll(&kept);
    }
    expect_ok(curl_multi_remove_handle(kept.multi, handle->curl));
    fprintf(judge->out, "%s after %u headers\n",
            handle->is_paused ? "dropped" : "done before it was to be dropped",
            handle->header_calls);
    handle->is_paused = false;
}
