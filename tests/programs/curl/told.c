/* The callbacks, and what they were told: see judge.h. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LARGE = 2000 };

static void append(char **to, size_t *size, const void *bytes, size_t more)
{
    *to = realloc(*to, *size + more + 1);
    if (!*to)
        judge_fail("no memory");
    memcpy(*to + *size, bytes, more);
    *size += more;
    (*to)[*size] = '\0';
}

static void note_order(struct handle *handle, char what)
{
    size_t size = strlen(handle->order);
    if (size + 1 < sizeof(handle->order) && (size == 0 || handle->order[size - 1] != what))
        handle->order[size] = what;
}

/* ---- the callbacks --------------------------------------------------------------------------- */

static void perform_another(struct handle *handle)
{
    struct handle *other = judge_new_handle(handle->judge, NULL);
    curl_easy_setopt(other->curl, CURLOPT_POSTFIELDS, message_of("content"));
    other->result = curl_easy_perform(other->curl);
    fprintf(handle->judge->out, "  in the callback, another: result %d, %zu bytes\n",
            (int)other->result, other->body_size);
    curl_easy_cleanup(other->curl);
    other->curl = NULL;
    told_forget(other);
    options_free(other);
}

/* libcurl refuses that; what it says of it stays in the buffer for errors. */
static void perform_again(struct handle *handle)
{
    CURLM *multi = curl_multi_init();
    CURLcode code = curl_easy_perform(handle->curl);
    fprintf(handle->judge->out, "  in the callback, again: result %d, \"%s\"\n", (int)code,
            handle->error);
    fprintf(handle->judge->out, "  in the callback, into a multi: %d\n",
            (int)curl_multi_add_handle(multi, handle->curl));
    curl_multi_cleanup(multi);
}

/* Both go on with what they have been given so far; the child is heard first. */
static void fork_in_there(const struct handle *handle)
{
    int status = 0;
    fflush(handle->judge->out);
    pid_t child = fork();
    if (child > 0 && (waitpid(child, &status, 0) != child || status != 0))
        judge_fail("the child ended with %x", (unsigned)status);
}

static void act(struct handle *handle, int call)
{
    const struct manner *manner = &handle->manner;
    if (call == manner->perform_at)
        perform_another(handle);
    if (call == manner->again_at)
        perform_again(handle);
    if (call == manner->fork_at)
        fork_in_there(handle);
    if (call == manner->hold_at)
        curl_easy_pause(handle->curl, CURLPAUSE_RECV);
    if (call == manner->look_at)
        infos_look(handle, "in a piece of the body");
    if (call == manner->set_at)
        told_install(handle);
}

static size_t on_body(char *bytes, size_t one, size_t size, void *closure)
{
    struct handle *handle = closure;
    struct manner *manner = &handle->manner;
    int call = (int)++handle->write_calls;
    size *= one;
    if (call == manner->pause_at) {
        manner->pause_at = 0; /* or it would be paused again when it goes on */
        handle->write_calls--;
        handle->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    note_order(handle, 'b');
    handle->has_long_piece |= size > CURL_MAX_WRITE_SIZE;
    handle->has_empty_piece |= size == 0;
    append(&handle->body, &handle->body_size, bytes, size);
    if (manner->scribbles)
        memset(bytes, '#', size);
    act(handle, call);
    if (call == manner->error_at)
        return CURL_WRITEFUNC_ERROR;
    return call == manner->short_at ? size - 1 : size;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *closure)
{
    struct handle *handle = closure;
    size *= one;
    note_order(handle, 'h');
    handle->has_split_line |=
        size == 0 || bytes[size - 1] != '\n' || memchr(bytes, '\n', size) != bytes + size - 1;
    append(&handle->headers, &handle->headers_size, bytes, size);
    if (handle->manner.scribbles)
        memset(bytes, '#', size);
    if ((int)++handle->header_calls == handle->manner.look_at_header)
        infos_look(handle, "in a header");
    if ((int)handle->header_calls == handle->manner.pause_at_header) {
        handle->manner.pause_at_header = 0;
        return CURL_WRITEFUNC_PAUSE;
    }
    return (int)handle->header_calls == handle->manner.abort_header_at ? size + 1 : size;
}

static size_t on_read(char *to, size_t one, size_t room, void *closure)
{
    struct handle *handle = closure;
    handle->read_calls++;
    if (handle->manner.read_pauses) {
        handle->manner.read_pauses = false;
        handle->is_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    size_t left = strlen(handle->message) - handle->message_at;
    size_t piece = (size_t)handle->manner.read_piece;
    room *= one;
    size_t size = left < room ? left : room;
    if (piece > 0 && size > piece)
        size = piece;
    memcpy(to, handle->message + handle->message_at, size);
    handle->message_at += size;
    return size;
}

static int on_seek(void *closure, curl_off_t offset, int origin)
{
    struct handle *handle = closure;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    handle->rewinds++;
    handle->message_at = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *closure, curl_off_t total_down, curl_off_t now_down,
                       curl_off_t total_up, curl_off_t now_up)
{
    struct handle *handle = closure;
    handle->progress_went_back |= now_down < handle->now_down || now_up < handle->now_up;
    handle->total_down = total_down;
    handle->now_down = now_down;
    handle->total_up = total_up;
    handle->now_up = now_up;
    if (handle->is_paused && strcmp(handle->judge->loop, "easy") == 0) {
        handle->is_paused = false;
        curl_easy_pause(handle->curl, CURLPAUSE_CONT);
    }
    return (int)++handle->progress_calls == handle->manner.abort_progress_at;
}

static int on_old_progress(void *closure, double total_down, double now_down, double total_up,
                           double now_up)
{
    return on_progress(closure, (curl_off_t)total_down, (curl_off_t)now_down, (curl_off_t)total_up,
                       (curl_off_t)now_up);
}

/* What goes over the wire of TLS, and what libcurl says about it, is its own affair. */
static int on_debug(CURL *curl, curl_infotype type, char *bytes, size_t size, void *closure)
{
    static const char *const names[] = {[CURLINFO_HEADER_IN] = "received:\n",
                                        [CURLINFO_HEADER_OUT] = "sent:\n",
                                        [CURLINFO_DATA_OUT] = "sent, the body:\n"};
    struct handle *handle = closure;
    (void)curl;
    if (type != CURLINFO_HEADER_IN && type != CURLINFO_HEADER_OUT && type != CURLINFO_DATA_OUT)
        return 0;
    if (handle->debug_type != type)
        append(&handle->debug, &handle->debug_size, names[type], strlen(names[type]));
    handle->debug_type = type;
    append(&handle->debug, &handle->debug_size, bytes, size);
    return 0;
}

static int on_prerequisite(void *closure, char *remote, char *local, int remote_port,
                           int local_port)
{
    struct handle *handle = closure;
    fprintf(handle->judge->out, "  about to ask %s, from %s%s%s\n", remote, local,
            remote_port > 0 ? "" : ", without a port", local_port > 0 ? "" : ", from no port");
    return CURL_PREREQFUNC_OK;
}

static int deny_request(void *closure, char *remote, char *local, int remote_port, int local_port)
{
    (void)closure, (void)remote, (void)local, (void)remote_port, (void)local_port;
    return CURL_PREREQFUNC_ABORT;
}

/* ---- installing ------------------------------------------------------------------------------ */

void told_install(struct handle *handle)
{
    CURL *curl = handle->curl;
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, handle);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, handle);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, handle);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, handle);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle->error);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, handle);
}

static void set_write_manner(struct handle *handle, const char *word, int number)
{
    struct manner *manner = &handle->manner;
    if (strcmp(word, "pause") == 0)
        manner->pause_at = number;
    else if (strcmp(word, "short") == 0)
        manner->short_at = number;
    else if (strcmp(word, "error") == 0)
        manner->error_at = number;
    else if (strcmp(word, "perform") == 0)
        manner->perform_at = number;
    else if (strcmp(word, "again") == 0)
        manner->again_at = number;
    else if (strcmp(word, "fork") == 0)
        manner->fork_at = number;
    else if (strcmp(word, "hold") == 0)
        manner->hold_at = number;
    else if (strcmp(word, "look") == 0)
        manner->look_at = number;
    else if (strcmp(word, "set") == 0)
        manner->set_at = number;
    else if (strcmp(word, "scribble") == 0)
        manner->scribbles = number != 0;
    else
        judge_fail("no such manner of writing: %s", word);
}

static void set_header_manner(struct handle *handle, const char *word, int number)
{
    if (strcmp(word, "abort") == 0)
        handle->manner.abort_header_at = number;
    else if (strcmp(word, "look") == 0)
        handle->manner.look_at_header = number;
    else if (strcmp(word, "pause") == 0)
        handle->manner.pause_at_header = number;
    else if (strcmp(word, "none") == 0) {
        curl_easy_setopt(handle->curl, CURLOPT_HEADERFUNCTION, NULL);
        curl_easy_setopt(handle->curl, CURLOPT_HEADERDATA, NULL);
    } else if (strcmp(word, "write") == 0) /* the write function is given them */
        curl_easy_setopt(handle->curl, CURLOPT_HEADERFUNCTION, NULL);
    else
        judge_fail("no such manner of headers: %s", word);
}

/* WORD or WORD:NUMBER. For reading: pause, or the bytes of a piece; then @ and a message. */
bool told_set_manner(struct handle *handle, const char *name, const char *value)
{
    char word[32] = "";
    int number = 1;
    sscanf(value, "%31[a-z]:%d", word, &number);
    if (strcmp(name, "WRITEFUNCTION") == 0) {
        set_write_manner(handle, word, number);
    } else if (strcmp(name, "HEADERFUNCTION") == 0) {
        set_header_manner(handle, word, number);
    } else if (strcmp(name, "READFUNCTION") == 0) {
        const char *message = strchr(value, '@');
        handle->manner.read_pauses = strcmp(word, "pause") == 0;
        handle->manner.read_piece = (int)strtol(value, NULL, 10);
        handle->message = message_of(message + 1);
        handle->message_at = 0;
    } else if (strcmp(name, "XFERINFOFUNCTION") == 0) {
        handle->manner.abort_progress_at = strcmp(word, "abort") == 0 ? number : 0;
        curl_easy_setopt(handle->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(handle->curl, CURLOPT_XFERINFODATA, handle);
        curl_easy_setopt(handle->curl, CURLOPT_NOPROGRESS, 0L);
    } else if (strcmp(name, "PROGRESSFUNCTION") == 0) {
        curl_easy_setopt(handle->curl, CURLOPT_PROGRESSFUNCTION, on_old_progress);
        curl_easy_setopt(handle->curl, CURLOPT_PROGRESSDATA, handle);
        curl_easy_setopt(handle->curl, CURLOPT_NOPROGRESS, 0L);
    } else if (strcmp(name, "DEBUGFUNCTION") == 0) {
        curl_easy_setopt(handle->curl, CURLOPT_DEBUGFUNCTION, on_debug);
        curl_easy_setopt(handle->curl, CURLOPT_DEBUGDATA, handle);
        curl_easy_setopt(handle->curl, CURLOPT_VERBOSE, 1L);
    } else if (strcmp(name, "PREREQFUNCTION") == 0) {
        curl_easy_setopt(handle->curl, CURLOPT_PREREQFUNCTION,
                         strcmp(word, "deny") == 0 ? deny_request : on_prerequisite);
        curl_easy_setopt(handle->curl, CURLOPT_PREREQDATA, handle);
    } else {
        return false;
    }
    return true;
}

void told_forget(struct handle *handle)
{
    free(handle->headers);
    free(handle->body);
    free(handle->debug);
    handle->headers = handle->body = handle->debug = NULL;
    handle->headers_size = handle->body_size = handle->debug_size = 0;
    memset(handle->order, 0, sizeof(handle->order));
    handle->header_calls = handle->write_calls = handle->read_calls = 0;
    handle->progress_calls = handle->rewinds = 0;
    handle->has_long_piece = handle->has_empty_piece = handle->has_split_line = false;
    handle->progress_went_back = handle->is_paused = false;
    handle->now_down = handle->total_down = handle->now_up = handle->total_up = 0;
    handle->debug_type = CURLINFO_TEXT;
    handle->message_at = 0;
    handle->error[0] = '\0';
}

/* ---- printing -------------------------------------------------------------------------------- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Fields with different names may come in any order (RFC 9110, 5.3). */
static void print_fields(const struct handle *handle, char **lines, size_t count)
{
    qsort(lines, count, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < count; i++) {
        fputs("  header ", handle->judge->out);
        print_text(handle->judge->out, lines[i], strlen(lines[i]));
        free(lines[i]);
    }
}

/* Heads as they came: a status line, fields, an empty line. */
static void print_headers(const struct handle *handle)
{
    enum { MOST = 64 };
    char *lines[MOST];
    size_t count = 0;
    const char *line = handle->headers;
    const char *end = line + handle->headers_size;
    while (line && line < end) {
        const char *after = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((after ? after + 1 : end) - line);
        bool is_field = *line != '\r' && strncmp(line, "HTTP/", 5) != 0;
        if (is_field && count < MOST) {
            lines[count++] = strndup(line, size);
        } else {
            print_fields(handle, lines, count);
            count = 0;
            fputs("  header ", handle->judge->out);
            print_text(handle->judge->out, line, size);
        }
        line += size;
    }
    print_fields(handle, lines, count);
}

static void print_progress(const struct handle *handle)
{
    FILE *out = handle->judge->out;
    if (handle->progress_calls == 0)
        return;
    fprintf(out, "  progress %s, ends at %lld of %lld down, %lld of %lld up\n",
            handle->progress_went_back ? "forth and back" : "forth", (long long)handle->now_down,
            (long long)handle->total_down, (long long)handle->now_up, (long long)handle->total_up);
}

/* How long it took until it failed is left out, and which clock of libcurl's saw a time-out in the
   handshake first: the transfer's and the TLS library's each have words of their own
   (multi_handle_timeout in multi.c, handshake in gtls.c). */
static void print_error(FILE *out, const char *error)
{
    if (strcmp(error, "SSL connection timeout") == 0)
        error = "Connection timed out after 0 milliseconds";
    const char *after = strstr(error, " after ");
    const char *unit = after ? strstr(after, " m") : NULL; /* ms, or milliseconds */
    if (unit)
        fprintf(out, "%.*s after a time%s", (int)(after - error), error,
                unit + 1 + strcspn(unit + 1, " "));
    else
        fputs(error, out);
}

void told_print(struct handle *handle)
{
    FILE *out = handle->judge->out;
    fprintf(out, "result %d, \"", (int)handle->result);
    print_error(out, handle->error);
    fprintf(out, "\", in the order %s\n", handle->order);
    print_headers(handle);
    if (handle->has_split_line)
        fputs("  a header that is no line\n", out);
    fputs("  body ", out);
    if (handle->body_size > LARGE)
        print_digest(out, handle->body, handle->body_size);
    else
        print_text(out, handle->body ? handle->body : "", handle->body_size);
    if (handle->has_long_piece || handle->has_empty_piece)
        fprintf(out, "  a piece that is %s\n", handle->has_long_piece ? "too long" : "empty");
    if (handle->read_calls > 0)
        fprintf(out, "  read to %zu, rewound %u times\n", handle->message_at, handle->rewinds);
    print_progress(handle);
    if (handle->debug_size > 0) {
        fputs("  debug ", out);
        print_text(out, handle->debug, handle->debug_size);
    }
    infos_print(handle);
}
