/*
 * SOAP requests: what a request says, in canonical form (DESIGN, section 5), in one pass of expat.
 *
 * Canonical form of a Body: namespace prefixes expanded (also in xsi:type values), attributes
 * sorted, versionId attributes and whitespace between elements left out, runs of pathSet siblings
 * sorted; the SOAP Header is left out altogether. Two requests with equal canonical forms ask the
 * same of the same session; different requests never have equal ones (names, attributes and text
 * are delimited so that no text can imitate markup).
 *
 * Thread-safe: a parse has no state outside its arguments (a parser may be kept per thread or
 * process under a lock to save its creation). Whatever passed through memory of the parser is
 * wiped, for a request may hold a password.
 */
#ifndef VCACHE_EXCHANGE_SOAP_H
#define VCACHE_EXCHANGE_SOAP_H

#include "base/bytes.h"

#define SOAP_NAME_SIZE 64
#define SOAP_OBJECTS 64

/* A request, read. `{0}` is empty; soap_request_free when done with it. */
struct soap_request {
    char operation[SOAP_NAME_SIZE]; /* local name of the first element in Body; "" if none */
    struct buffer canonical;
    bool is_understood; /* well-formed, one operation in Body, no DTD, name fits, no deeper than 64
                           elements, no parameter of those below given twice */

    /* Of a property read (RetrieveProperties, RetrievePropertiesEx, Fetch), by DESIGN section 6: */
    bool is_live;            /* names a live object or property, or starts at a live object */
    bool is_current_session; /* reads SessionManager.currentSession and nothing else (so it is live
                                as well) */

    /* Copies; empty when absent. */
    struct buffer self;     /* text of _this */
    struct buffer user;     /* Login: userName */
    struct buffer password; /* Login: password */
    struct buffer locale;   /* Login: locale */
    struct buffer token;    /* ContinueRetrievePropertiesEx, CancelRetrievePropertiesEx: token */

    /* Every managed object the request names (text of an element with a plain `type` attribute,
     * such as _this, obj, entity), as spans into `object_names`, each once; cut at SOAP_OBJECTS. */
    struct buffer object_names;
    struct {
        size_t at, size;
    } objects[SOAP_OBJECTS];
    size_t object_count;
    bool is_object_list_cut;
};

/* Reads `body` (identity form) into *request, which must be {0} or freed. False: no memory or no
 * expat; then is_understood is false too. */
bool soap_read_request(struct span body, struct soap_request *request);

/* Wipes and frees. */
void soap_request_free(struct soap_request *request);

/*
 * What the beginning of a response says. Parses no further than the first child of the first
 * returnval (to its end if it is a token), however long the body is: a miss must not pay for
 * megabytes of XML.
 */
struct soap_response {
    bool is_understood; /* an Envelope with a Body that has an element, and it ends with the
                           end tag of the Envelope (trailing white space aside) */
    bool is_fault;
    char name[SOAP_NAME_SIZE]; /* local name of the first element in Body: "LoginResponse" */
    bool has_returnval;
    char returnval_type[SOAP_NAME_SIZE]; /* its `type` attribute ("Task", "ContainerView"), or "" */
    bool has_token;          /* the first child of returnval is `token`: more pages follow */
    struct buffer token;     /* its text; empty if it is no text, or longer than 1 KiB */
    size_t token_at;         /* where in the body that text is written, maybe with escapes, */
    size_t token_size;       /* and how long it is there; 0: it cannot be told */
    bool is_empty;           /* no returnval, or one without children and text */
    struct buffer returnval; /* its text, if it holds text only and is at most 1 KiB: a reference */
};

/* As above; soap_response_free when done with it. */
bool soap_read_response(struct span body, struct soap_response *response);
void soap_response_free(struct soap_response *response);

/* Whether `body` is a fault whose detail is of that type: NotAuthenticated (the origin has ended
 * the session), InvalidLogin. */
bool soap_is_fault(struct span body, const char *type);

/* The text of the first element with local name `name` under returnval's direct children ("key" of
 * a LoginResponse), appended to `text`; false if there is none. Parses the whole body: small ones
 * only. */
bool soap_find_child(struct span body, const char *name, struct buffer *text);

/* The about.instanceUuid of a ServiceContent, into `uuid`, which must be empty: how an origin is
 * called, whatever its address. It stays empty if there is an `about` without one (ESXi). False:
 * `body` is no response with a whole `about`. */
bool soap_read_origin(struct span body, struct buffer *uuid);

/*
 * Calls `visit` with the name of each task that `body` shows in its last state, success or error: a
 * response to a property read or to a wait for updates, whatever its form. `self`: what a Fetch
 * read, whose response does not name it; else empty. A name may come twice, and with `self` may be
 * no task's.
 */
typedef void soap_task_visitor(struct span task, void *closure);
void soap_visit_ended_tasks(struct span body, struct span self, soap_task_visitor *visit,
                            void *closure);

#endif
