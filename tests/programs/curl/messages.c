/* SOAP messages: see judge.h. */
#include "judge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN                                                                                      \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                 \
    "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\""                \
    " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>"
#define END "</soapenv:Body></soapenv:Envelope>"
#define THIS(type, id) " xmlns=\"urn:vim25\"><_this type=\"" type "\">" id "</_this>"
#define READ(kind, id, path, more)                                                                 \
    BEGIN "<RetrievePropertiesEx" THIS(                                                            \
        "PropertyCollector", "propertyCollector") "<specSet><propSet><type>" kind                  \
                                                  "</type><pathSet>" path "</pathSet></propSet>"   \
                                                  "<objectSet><obj type=\"" id "</obj>" more       \
                                                  "</objectSet></specSet><options/>"               \
                                                  "</RetrievePropertiesEx>" END
#define ALL_VMS                                                                                    \
    "<skip>true</skip><selectSet xsi:type=\"TraversalSpec\"><type>Folder</type>"                   \
    "<path>childEntity</path></selectSet>"

static const struct {
    const char *name, *text;
} messages[] = {
    {"content", BEGIN "<RetrieveServiceContent" THIS(
                    "ServiceInstance", "ServiceInstance") "</RetrieveServiceContent>" END},
    {"login",
     BEGIN "<Login" THIS("SessionManager",
                         "SessionManager") "<userName>{user}</userName><password>{password}</"
                                           "password></Login>" END},
    {"logout", BEGIN "<Logout" THIS("SessionManager", "SessionManager") "</Logout>" END},
    {"name", READ("VirtualMachine", "VirtualMachine\">vm-57", "name", "")},
    {"names", READ("VirtualMachine", "Folder\">folder-3", "name", ALL_VMS)},
    {"large", READ("VirtualMachine", "Folder\">folder-3", "config", ALL_VMS)},
    {"current", READ("SessionManager", "SessionManager\">SessionManager", "currentSession", "")},
    {"time", BEGIN "<CurrentTime" THIS("ServiceInstance", "ServiceInstance") "</CurrentTime>" END},
    {"unknown", BEGIN "<FrobnicateVM" THIS("VirtualMachine", "vm-57") "</FrobnicateVM>" END},
    {"rename", BEGIN
     "<Rename_Task" THIS("VirtualMachine", "vm-57") "<newName>{new}</newName></Rename_Task>" END},
    {"missing", READ("VirtualMachine", "VirtualMachine\">vm-9999", "name", "")},
};
enum { COUNT = sizeof(messages) / sizeof(messages[0]) };

static char *filled[COUNT];

static char *replaced(char *text, const char *mark, const char *variable)
{
    const char *value = getenv(variable);
    char *at = strstr(text, mark);
    char *result;
    if (!at)
        return text;
    if (asprintf(&result, "%.*s%s%s", (int)(at - text), text, value ? value : "",
                 at + strlen(mark)) < 0)
        judge_fail("no memory");
    free(text);
    return result;
}

static void fill(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        filled[i] = replaced(strdup(messages[i].text), "{user}", "VCENTER_USER");
        filled[i] = replaced(filled[i], "{password}", "VCENTER_PASSWORD");
        filled[i] = replaced(filled[i], "{new}", "JUDGE_NEW_NAME");
    }
}

const char *message_of(const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    for (size_t i = 0; i < COUNT; i++)
        if (strcmp(messages[i].name, name) == 0)
            return filled[i];
    judge_fail("no message is called %s", name);
}
