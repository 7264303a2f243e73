/*
 * A program on libcurl that shows all it was told: every header line, the body and the size of its
 * pieces, the progress, the result and what curl_easy_getinfo says. What differs from run to run
 * (dates, cookies, ports, times) is checked and left out. Run without and with the shim, it must
 * print the same.
 *
 *     judge [threads:N] STEP…
 *
 *     NAME=VALUE    curl_easy_setopt of CURLOPT_NAME: a number, a text, a list with | between
 *                   (one that begins with + is appended to the handle's own), a message if it
 *                   begins with @ (messages.c), or a manner of a callback (told.c, manners)
 *     ask:MESSAGE   POSTFIELDS of a message
 *     line:TEXT     appended to the list of headers that libcurl has, without telling it
 *     env:NAME=VALUE
 *     perform       and print what was told
 *     quietly       and print the result alone
 *     many:N        N duplicates of the handle, together
 *     queue:N       the same, and there are never more than two of them at a time
 *     drop          begins, in a multi handle, and is taken out of it as soon as it is paused
 *     fork          a child does what follows, and then the parent does
 *     by:LOOP       from now on in that manner: easy, or a loop of loops.c
 *     new use:N dup reset cleanup     which handle, and its life
 *     share         what is made from here on shares cookies, names and TLS sessions
 *     pass:PATH     the URL of another path of vCenter
 *     say:TEXT wait:FIFO              for tests that act meanwhile
 */
#ifndef JUDGE_H
#define JUDGE_H

/* What is old is used by old programs. */
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { MOST_HANDLES = 32, MOST_LISTS = 16, URL_SIZE = 512 };

/* What the callbacks of one transfer do at which call, counted from 1; 0: never. */
struct manner {
    int pause_at, short_at, abort_header_at, abort_progress_at, error_at;
    int perform_at; /* performs another handle in there, */
    int again_at;   /* the same, */
    int fork_at;    /* has a child go on with the transfer, and goes on after it, */
    int hold_at;    /* pauses it with curl_easy_pause, */
    int look_at;    /* asks curl_easy_getinfo, */
    int look_at_header, pause_at_header;
    int set_at;       /* sets the write function to itself, and where its data goes */
    int read_piece;   /* bytes that the read callback gives at most */
    bool read_pauses; /* before its first byte */
    bool scribbles;   /* on what it is given, which is the program's to write to */
};

/* One handle, and what it was told in its last transfer. */
struct handle {
    CURL *curl;
    struct judge *judge;
    struct manner manner;
    char error[CURL_ERROR_SIZE];
    struct curl_slist *lists[MOST_LISTS];
    size_t list_count;
    bool wants_certificates;
    curl_mime *mime;
    struct curl_httppost *form;
    const char *message; /* for the read callback */
    size_t message_at;

    char *headers; /* lines as they came */
    size_t headers_size;
    char *body;
    size_t body_size;
    char *debug; /* what was sent and received, as the debug callback was told */
    size_t debug_size;
    curl_infotype debug_type; /* of the last piece */
    char order[16]; /* h: headers; b: body; in the order of their first calls after the other */
    unsigned header_calls, write_calls, read_calls, progress_calls, rewinds, trailers;
    bool has_long_piece, has_empty_piece, has_split_line;
    bool progress_went_back;
    curl_off_t now_down, total_down, now_up, total_up;
    bool is_paused;
    double seconds; /* that it took, seen from outside */
    CURLcode result;
};

struct judge {
    FILE *out;
    struct handle handles[MOST_HANDLES];
    size_t handle_count;
    struct handle *current;
    CURLSH *share;
    const char *loop;
    size_t at_once; /* handles in a multi; 0: all */
    char url[URL_SIZE];
};

/* judge.c: what main does, for who loads it as an extension; and the steps alone. */
int judge_main(FILE *out, int count, char **arguments);
int judge_run(FILE *out, char *const *steps);
_Noreturn __attribute__((format(printf, 1, 2))) void judge_fail(const char *format, ...);
struct handle *judge_new_handle(struct judge *judge, CURL *curl);

/* options.c: applies NAME=VALUE. */
void options_apply(struct handle *handle, const char *step);
/* To the last list that was set, which is not set again. */
void options_add_line(struct handle *handle, const char *line);
void options_free(struct handle *handle);

/* messages.c: the SOAP message of that name; never freed. */
const char *message_of(const char *name);

/* told.c */
void told_install(struct handle *handle);
bool told_set_manner(struct handle *handle, const char *name, const char *value);
void told_forget(struct handle *handle);
void told_print(struct handle *handle);

/* infos.c */
void infos_print(struct handle *handle);
/* In a callback: what is known by then. */
void infos_look(struct handle *handle, const char *where);

/* loops.c: drives these to their ends, by a multi handle unless the loop is `easy`. */
void loops_drive(struct judge *judge, struct handle *const *handles, size_t count);

/* Drives it until it is paused, and leaves it there. */
void loops_drop(struct judge *judge, struct handle *handle);

/* print.c: text with what differs from run to run left out. */
void print_text(FILE *out, const char *text, size_t size);
void print_digest(FILE *out, const char *bytes, size_t size);

#endif
