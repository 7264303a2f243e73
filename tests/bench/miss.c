/*
 * Worker: requests to the tests' vCenter that nobody has asked before, so that each is a miss. The
 * first that two workers make are the same, and so are all the others.
 *
 *     miss view PORT USER PASSWORD       an inventory of all VMs, through a view, as most scripts
 *                                        read it: a small request
 *     miss each PORT USER PASSWORD       large properties of a hundred VMs, each of them named: a
 *                                        large request
 */
#include "client.h"
#include "measure.h"

#include <stdlib.h>
#include <string.h>

enum { ASKED_VMS = 100, MOST_VMS = 1000, NAME_SIZE = 24, SPEC_SIZE = 256 };

struct misses {
    struct client client;
    char vms[MOST_VMS][NAME_SIZE];
    unsigned vm_count;
    char view[256];
    unsigned random;
    unsigned number; /* of the request */
    bool through_view;
};

static bool ask(struct misses *misses, const char *inside)
{
    struct request request = {0};
    bool is_answered = request_of(&misses->client, inside, &request) &&
                       client_send(&misses->client, &request) && client_receive(&misses->client);
    request_free(&request);
    return is_answered;
}

/* Every VM that there is, by a walk down the folders of all datacenters. */
static bool find_vms(struct misses *misses)
{
    static const char inside[] =
        "<CreateContainerView xmlns=\"urn:vim25\"><_this type=\"ViewManager\">ViewManager</_this>"
        "<container type=\"Folder\">group-d1</container><type>VirtualMachine</type>"
        "<recursive>true</recursive></CreateContainerView>";
    char read[1024];
    if (!ask(misses, inside))
        return false;
    const char *begin = memmem(misses->client.answer, misses->client.answer_size, ">session[", 9);
    if (!begin || sscanf(begin, ">%255[^<]", misses->view) != 1)
        return false;
    snprintf(read, sizeof(read),
             "<RetrievePropertiesEx xmlns=\"urn:vim25\">"
             "<_this type=\"PropertyCollector\">propertyCollector</_this><specSet><propSet>"
             "<type>ContainerView</type><pathSet>view</pathSet></propSet><objectSet>"
             "<obj type=\"ContainerView\">%s</obj></objectSet></specSet><options></options>"
             "</RetrievePropertiesEx>",
             misses->view);
    if (!ask(misses, read))
        return false;
    const char *at = misses->client.answer;
    const char *end = at + misses->client.answer_size;
    while (misses->vm_count < MOST_VMS && (at = memmem(at, (size_t)(end - at), ">vm-", 4)) &&
           sscanf(at, ">%23[^<]", misses->vms[misses->vm_count]) == 1) {
        misses->vm_count++;
        at++;
    }
    return misses->vm_count > ASKED_VMS;
}

/* The next number of a fixed row (numerical recipes' generator). */
static unsigned next_number(struct misses *misses)
{
    misses->random = misses->random * 1664525 + 1013904223;
    return misses->random >> 8;
}

/* All that are in the view; a bound that is never reached makes it another request. */
static bool make_request_through_view(struct misses *misses, struct request *request)
{
    char inside[2048];
    snprintf(inside, sizeof(inside),
             "<RetrievePropertiesEx xmlns=\"urn:vim25\">"
             "<_this type=\"PropertyCollector\">propertyCollector</_this><specSet><propSet>"
             "<type>VirtualMachine</type><all>false</all><pathSet>name</pathSet>"
             "<pathSet>runtime.powerState</pathSet><pathSet>runtime.host</pathSet>"
             "<pathSet>config.uuid</pathSet><pathSet>config.guestFullName</pathSet>"
             "<pathSet>config.hardware.numCPU</pathSet><pathSet>config.hardware.memoryMB</pathSet>"
             "<pathSet>guest.ipAddress</pathSet></propSet><objectSet>"
             "<obj type=\"ContainerView\">%s</obj><skip>true</skip>"
             "<selectSet xsi:type=\"TraversalSpec\"><type>ContainerView</type><path>view</path>"
             "<skip>false</skip></selectSet></objectSet></specSet>"
             "<options><maxObjects>%u</maxObjects></options></RetrievePropertiesEx>",
             misses->view, 100000 + misses->number++);
    return request_of(&misses->client, inside, request);
}

/* A hundred VMs, drawn anew each time. */
static bool make_request_of_each(struct misses *misses, struct request *request)
{
    char *inside = malloc((ASKED_VMS + 4) * (size_t)SPEC_SIZE);
    if (!inside)
        return false;
    char *at = stpcpy(inside, "<RetrievePropertiesEx xmlns=\"urn:vim25\">"
                              "<_this type=\"PropertyCollector\">propertyCollector</_this>"
                              "<specSet><propSet><type>VirtualMachine</type><all>false</all>"
                              "<pathSet>name</pathSet><pathSet>runtime</pathSet>"
                              "<pathSet>summary</pathSet></propSet>");
    for (unsigned i = 0; i < ASKED_VMS; i++)
        at += snprintf(at, SPEC_SIZE,
                       "<objectSet><obj type=\"VirtualMachine\">%s</obj><skip>false</skip>"
                       "</objectSet>",
                       misses->vms[next_number(misses) % misses->vm_count]);
    stpcpy(at, "</specSet><options></options></RetrievePropertiesEx>");
    bool is_made = request_of(&misses->client, inside, request);
    free(inside);
    return is_made;
}

static bool make_calls(void *closure, unsigned calls, double *ns)
{
    struct misses *misses = closure;
    bool is_done = true;
    *ns = 0;
    for (unsigned i = 0; is_done && i < calls; i++) {
        struct request request = {0};
        is_done = misses->through_view ? make_request_through_view(misses, &request)
                                       : make_request_of_each(misses, &request);
        double begun = now_ns();
        is_done =
            is_done && client_send(&misses->client, &request) && client_receive(&misses->client);
        *ns += now_ns() - begun;
        request_free(&request);
    }
    return is_done;
}

int main(int count, char **arguments)
{
    struct misses misses = {.random = 1};
    if (count != 5 || !client_connect(&misses.client, (int)number_in(arguments[2])) ||
        !client_log_in(&misses.client, arguments[3], arguments[4]) || !find_vms(&misses))
        return 1;
    misses.through_view = strcmp(arguments[1], "view") == 0;
    double ns;
    misses.client.accepts_gzip = true;
    if (!make_calls(&misses, 3, &ns))
        return 1;
    return worker_serve(0, make_calls, &misses) ? 0 : 1;
}
