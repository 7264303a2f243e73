/* The steps: see judge.h. */
#include "judge.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void judge_fail(const char *format, ...)
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
        judge_fail("%s is not set", name);
    return value;
}

/* ---- handles --------------------------------------------------------------------------------- */

/* JUDGE_NAME is a name for vCenter, which is found without asking anybody. */
static void set_url(struct handle *handle, const char *path)
{
    const char *name = getenv("JUDGE_NAME");
    const char *host = name ? name : setting("VCENTER_HOST");
    char text[URL_SIZE];
    snprintf(text, sizeof(text), strchr(host, ':') ? "https://[%s]:%s%s" : "https://%s:%s%s", host,
             setting("VCENTER_PORT"), path);
    curl_easy_setopt(handle->curl, CURLOPT_URL, text);
    if (!name)
        return;
    snprintf(text, sizeof(text), "RESOLVE=%s:%s:%s", name, setting("VCENTER_PORT"),
             setting("VCENTER_HOST"));
    options_apply(handle, text);
}

/* As a program sets one up that asks vCenter, with the read of one name for its question. */
static void set_up(struct handle *handle)
{
    set_url(handle, "/sdk");
    told_install(handle);
    curl_easy_setopt(handle->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle->curl, CURLOPT_CAINFO, setting("VCENTER_CA"));
    curl_easy_setopt(handle->curl, CURLOPT_COOKIEFILE, "");
    curl_easy_setopt(handle->curl, CURLOPT_POSTFIELDS, message_of("name"));
    options_apply(handle, "HTTPHEADER=Content-Type: text/xml; charset=utf-8|"
                          "SOAPAction: \"urn:vim25/6.5\"");
}

/* The one that is given, or a new one. */
struct handle *judge_new_handle(struct judge *judge, CURL *curl)
{
    if (judge->handle_count == MOST_HANDLES)
        judge_fail("too many handles");
    struct handle *handle = &judge->handles[judge->handle_count++];
    *handle = (struct handle){.judge = judge, .curl = curl ? curl : curl_easy_init()};
    if (!handle->curl)
        judge_fail("no handle");
    if (curl)
        told_install(handle);
    else
        set_up(handle);
    /* A duplicate does not share. */
    if (judge->share)
        curl_easy_setopt(handle->curl, CURLOPT_SHARE, judge->share);
    return handle;
}

static void end_handle(struct handle *handle)
{
    curl_easy_cleanup(handle->curl);
    handle->curl = NULL;
    told_forget(handle);
    options_free(handle);
}

/* Its data is the lock of each kind of data. */
static void lock_share(CURL *curl, curl_lock_data data, curl_lock_access access, void *locks)
{
    (void)curl, (void)access;
    pthread_mutex_lock((pthread_mutex_t *)locks + data);
}

static void unlock_share(CURL *curl, curl_lock_data data, void *locks)
{
    (void)curl;
    pthread_mutex_unlock((pthread_mutex_t *)locks + data);
}

/* One for all threads. */
static CURLSH *the_share;

static void make_share(void)
{
    static pthread_mutex_t locks[CURL_LOCK_DATA_LAST];
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&locks[i], NULL);
    the_share = curl_share_init();
    curl_share_setopt(the_share, CURLSHOPT_LOCKFUNC, lock_share);
    curl_share_setopt(the_share, CURLSHOPT_UNLOCKFUNC, unlock_share);
    curl_share_setopt(the_share, CURLSHOPT_USERDATA, locks);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(the_share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void drive(struct judge *judge, struct handle *const *handles, size_t count)
{
    for (size_t i = 0; i < count; i++)
        told_forget(handles[i]);
    double begun = now();
    loops_drive(judge, handles, count);
    for (size_t i = 0; i < count; i++)
        handles[i]->seconds = now() - begun;
}

static void quietly(struct judge *judge)
{
    long code = 0;
    drive(judge, &judge->current, 1);
    curl_easy_getinfo(judge->current->curl, CURLINFO_RESPONSE_CODE, &code);
    fprintf(judge->out, "result %d, status %ld\n", (int)judge->current->result, code);
}

static void many(struct judge *judge, int count)
{
    struct handle *handles[MOST_HANDLES] = {NULL};
    for (int i = 0; i < count; i++)
        handles[i] = judge_new_handle(judge, curl_easy_duphandle(judge->current->curl));
    drive(judge, handles, (size_t)count);
    for (int i = 0; i < count; i++) {
        told_print(handles[i]);
        end_handle(handles[i]);
    }
    judge->handle_count -= (size_t)count;
}

static void duplicate(struct judge *judge)
{
    struct handle *old = judge->current;
    judge->current = judge_new_handle(judge, curl_easy_duphandle(old->curl));
    judge->current->manner = old->manner;
    judge->current->message = old->message;
}

static void reset(struct judge *judge)
{
    struct handle *handle = judge->current;
    curl_easy_reset(handle->curl);
    handle->manner = (struct manner){0};
    set_up(handle);
}

static void fork_here(struct judge *judge)
{
    int status = 0;
    loops_drive(judge, NULL, 0); /* two processes cannot go on with one connection */
    fflush(judge->out);
    pid_t child = fork();
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
        judge_fail("the child ended with %x", (unsigned)status);
}

static void wait_for(const char *fifo)
{
    FILE *file = fopen(fifo, "re");
    if (!file)
        judge_fail("no %s", fifo);
    while (fgetc(file) != EOF)
        continue;
    fclose(file);
}

static void say(struct judge *judge, const char *text)
{
    fprintf(judge->out, "%s\n", text);
    fflush(judge->out);
}

/* What follows `word` and a colon in the step, or NULL. */
static const char *after(const char *step, const char *word)
{
    size_t size = strlen(word);
    return strncmp(step, word, size) == 0 && step[size] == ':' ? step + size + 1 : NULL;
}

static bool do_plain_step(struct judge *judge, const char *step)
{
    if (strcmp(step, "perform") == 0) {
        drive(judge, &judge->current, 1);
        told_print(judge->current);
    } else if (strcmp(step, "quietly") == 0)
        quietly(judge);
    else if (strcmp(step, "new") == 0)
        judge->current = judge_new_handle(judge, NULL);
    else if (strcmp(step, "dup") == 0)
        duplicate(judge);
    else if (strcmp(step, "reset") == 0)
        reset(judge);
    else if (strcmp(step, "drop") == 0) {
        told_forget(judge->current);
        loops_drop(judge, judge->current);
    } else if (strcmp(step, "fork") == 0)
        fork_here(judge);
    else if (strcmp(step, "cleanup") == 0)
        end_handle(judge->current);
    else if (strcmp(step, "share") == 0)
        judge->share = the_share;
    else
        return false;
    return true;
}

static void do_step(struct judge *judge, const char *step)
{
    const char *value;
    if (do_plain_step(judge, step))
        return;
    if ((value = after(step, "ask")))
        curl_easy_setopt(judge->current->curl, CURLOPT_POSTFIELDS, message_of(value));
    else if ((value = after(step, "line")))
        options_add_line(judge->current, value);
    else if ((value = after(step, "env")))
        putenv((char *)value);
    else if ((value = after(step, "many")))
        many(judge, (int)strtol(value, NULL, 10));
    else if ((value = after(step, "queue"))) {
        judge->at_once = 2;
        many(judge, (int)strtol(value, NULL, 10));
        judge->at_once = 0;
    } else if ((value = after(step, "by")))
        judge->loop = value;
    else if ((value = after(step, "use")))
        judge->current = &judge->handles[strtol(value, NULL, 10)];
    else if ((value = after(step, "pass")))
        set_url(judge->current, value);
    else if ((value = after(step, "say")))
        say(judge, value);
    else if ((value = after(step, "wait")))
        wait_for(value);
    else if (strchr(step, '='))
        options_apply(judge->current, step);
    else
        judge_fail("no such step: %s", step);
}

int judge_run(FILE *out, char *const *steps)
{
    struct judge judge = {.out = out, .loop = "easy"};
    if (getenv("JUDGE_LOOP"))
        judge.loop = getenv("JUDGE_LOOP");
    /* A share must be there before the first handle. */
    if (*steps && strcmp(*steps, "share") == 0)
        judge.share = the_share;
    judge.current = judge_new_handle(&judge, NULL);
    for (; *steps; steps++)
        do_step(&judge, *steps);
    for (size_t i = 0; i < judge.handle_count; i++)
        if (judge.handles[i].curl)
            end_handle(&judge.handles[i]);
    loops_drive(&judge, NULL, 0);
    return 0;
}

/* ---- threads --------------------------------------------------------------------------------- */

struct thread {
    pthread_t id;
    char *const *steps;
    char *text;
    size_t size;
};

static void *run_thread(void *closure)
{
    struct thread *thread = closure;
    FILE *out = open_memstream(&thread->text, &thread->size);
    judge_run(out, thread->steps);
    fclose(out);
    return NULL;
}

static int run_threads(FILE *out, long count, char *const *steps)
{
    struct thread threads[64] = {0};
    if (count < 1 || count > 64)
        judge_fail("not so many threads");
    for (long i = 0; i < count; i++) {
        threads[i].steps = steps;
        if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i]) != 0)
            judge_fail("no thread");
    }
    for (long i = 0; i < count; i++) {
        pthread_join(threads[i].id, NULL);
        fwrite(threads[i].text, 1, threads[i].size, out);
        free(threads[i].text);
    }
    return 0;
}

int judge_main(FILE *out, int count, char **arguments)
{
    const char *threads = count > 1 ? after(arguments[1], "threads") : NULL;
    int result;
    alarm(600); /* whoever hangs has failed */
    curl_global_init(CURL_GLOBAL_DEFAULT);
    make_share();
    fprintf(out, "with %s\n", curl_version_info(CURLVERSION_NOW)->ssl_version);
    if (threads)
        result = run_threads(out, strtol(threads, NULL, 10), arguments + 2);
    else
        result = judge_run(out, arguments + 1);
    curl_share_cleanup(the_share);
    curl_global_cleanup();
    return result;
}

int main(int count, char **arguments)
{
    return judge_main(stdout, count, arguments);
}
