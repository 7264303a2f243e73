/*
 * Options: what a program has set on an easy handle, as far as it matters (curl_options.def), for
 * libcurl does not tell.
 *
 * Strings are copied, as libcurl copies them; objects, functions and lists are remembered by
 * address, as libcurl does. Not thread-safe, as an easy handle is not.
 */
#ifndef VCACHE_FRONT_CURL_OPTIONS_H
#define VCACHE_FRONT_CURL_OPTIONS_H

#include "base/bytes.h"
#include "front/real_curl.h"

enum curl_option_id {
#define OPTION(name, kind, role) CURL_OPTION_##name,
#include "front/curl_options.def"
#undef OPTION
    CURL_OPTION_COUNT
};

enum curl_option_kind { CURL_TEXT, CURL_NUMBER, CURL_OFFSET, CURL_POINTER, CURL_BLOB, CURL_LIST };
enum curl_option_role { CURL_ASKED, CURL_CHANGED, CURL_TRUST, CURL_CONNECTS, CURL_FORBIDS };

struct curl_option {
    CURLoption number;
    enum curl_option_kind kind;
    enum curl_option_role role;
};
/* Indexed by enum curl_option_id. */
extern const struct curl_option curl_option_table[CURL_OPTION_COUNT];

/* One argument of curl_easy_setopt; which member it is follows from the option's number. */
union curl_argument {
    long number;
    curl_off_t offset;
    void *object;
    void (*function)(void);
};

union curl_option_value {
    long number;
    curl_off_t offset;
    const void *pointer; /* of POINTER and LIST */
    struct buffer bytes; /* of TEXT, with its NUL, and of BLOB */
};

struct curl_options {
    union curl_option_value values[CURL_OPTION_COUNT];
    bool is_set[CURL_OPTION_COUNT]; /* even to its default */
    unsigned forbidding;
    bool has_unknown;     /* an option that this front was not written for */
    bool has_failed;      /* memory ran out: what is remembered is not what libcurl has */
    bool has_cookies;     /* the handle's own cookie engine was turned on */
    bool sends_body;      /* the method is one that has a body */
    curl_off_t body_size; /* of POSTFIELDS; negative: it is a string */
    struct buffer body;   /* that COPYPOSTFIELDS has copied; empty: POSTFIELDS, or too long */
};

/* Whether it matters that `option` is set; and whether it is one that a link changes. */
bool curl_options_know(CURLoption option);
bool curl_options_are_changed(CURLoption option);

/* What a new handle has. */
void curl_options_begin(struct curl_options *options);
/* The program has set `option`, and libcurl took it. */
void curl_options_set(struct curl_options *options, CURLoption option,
                      const union curl_argument *argument);
/* Whether that is what it is set to already. False also of a list, which may be another all the
 * same, and of what takes effect each time it is set. */
bool curl_options_are_as(const struct curl_options *options, CURLoption option,
                         const union curl_argument *argument);
/* curl_easy_reset: everything but the share and the cookies. */
void curl_options_reset(struct curl_options *options);
/* curl_easy_duphandle: `copy` is empty. A share is not handed on. */
void curl_options_copy(struct curl_options *copy, const struct curl_options *options);
void curl_options_free(struct curl_options *options);

/* Sets on `easy`, which is new, what was set here with that role. False if libcurl refused. */
bool curl_options_apply(const struct curl_options *options, enum curl_option_role role,
                        const struct curl *curl, CURL *easy);

/* Whether a request may change what the origin has: it is no GET, and no HEAD. */
bool curl_options_may_write(const struct curl_options *options);
/* The request's body, if it is in memory, and not a long one of libcurl's; else data is NULL. */
struct span curl_options_body(const struct curl_options *options);

/* Whether all that was set can be honoured over a link. */
bool curl_options_allow_link(const struct curl_options *options);

bool curl_options_has(const struct curl_options *options, enum curl_option_id id);
/* NULL: not set, or to NULL. */
const char *curl_options_text(const struct curl_options *options, enum curl_option_id id);
const void *curl_options_pointer(const struct curl_options *options, enum curl_option_id id);
/* `standard` if it was not set. */
long curl_options_number(const struct curl_options *options, enum curl_option_id id, long standard);

#endif
