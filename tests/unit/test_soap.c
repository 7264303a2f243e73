/* SOAP requests: what is the same, what differs, and what is picked out. Bodies are as the programs
 * of CLIENTS write them, shortened. */
#include "guarded.h"

#include "exchange/soap.h"

#define XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
#define SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define XSI "http://www.w3.org/2001/XMLSchema-instance"
#define XSD "http://www.w3.org/2001/XMLSchema"

/* In pyVmomi's envelope. */
#define ENVELOPE(body)                                                                             \
    XML "\n<soapenv:Envelope xmlns:soapenc=\"http://schemas.xmlsoap.org/soap/encoding/\""          \
        " xmlns:soapenv=\"" SOAP "\" xmlns:xsd=\"" XSD "\" xmlns:xsi=\"" XSI "\">\n"               \
        "<soapenv:Body>" body "</soapenv:Body>\n</soapenv:Envelope>"

#define OPERATION(name, inside) ENVELOPE("<" name " xmlns=\"urn:vim25\">" inside "</" name ">")

#define COLLECTOR "<_this type=\"PropertyCollector\">propertyCollector</_this>"

#define RETRIEVE(type, paths, object)                                                              \
    OPERATION("RetrievePropertiesEx",                                                              \
              COLLECTOR "<specSet><propSet><type>" type "</type><all>false</all>" paths            \
                        "</propSet><objectSet>" object "<skip>false</skip></objectSet></specSet>"  \
                        "<options><maxObjects>1</maxObjects></options>")

#define VM "<obj type=\"VirtualMachine\">vm-1</obj>"
#define NAME_AND_UUID "<pathSet>name</pathSet><pathSet>config.uuid</pathSet>"

static struct soap_request request_of(const char *text)
{
    struct soap_request request = {0};
    struct guarded body = guarded_copy(span_of_text(text));
    assert_true(soap_read_request(body.bytes, &request));
    guarded_free(&body);
    return request;
}

static bool is_understood(const char *text)
{
    struct soap_request request = request_of(text);
    bool understood = request.is_understood;
    soap_request_free(&request);
    return understood;
}

static bool is_same(const char *one, const char *other)
{
    struct soap_request a = request_of(one);
    struct soap_request b = request_of(other);
    assert_true(a.is_understood);
    assert_true(b.is_understood);
    bool same = span_equal(buffer_span(&a.canonical), buffer_span(&b.canonical));
    soap_request_free(&a);
    soap_request_free(&b);
    return same;
}

/* ---- the same ---- */

static const char *const pyvmomi = RETRIEVE("VirtualMachine", NAME_AND_UUID, VM);

static void pyvmomi_with_version_ids_asks_the_same(void **state)
{
    (void)state;
    assert_true(is_same(
        pyvmomi,
        OPERATION("RetrievePropertiesEx",
                  "<_this versionId=\"8.0.2.0\" type=\"PropertyCollector\">propertyCollector"
                  "</_this><specSet versionId=\"8.0.2.0\"><propSet><type>VirtualMachine</type>"
                  "<all>false</all>" NAME_AND_UUID "</propSet><objectSet>" VM
                  "<skip>false</skip></objectSet></specSet><options versionId=\"8.0.2.0\">"
                  "<maxObjects>1</maxObjects></options>")));
    assert_true(is_same(
        OPERATION("Fetch", "<_this versionId=\"8.0.2.0\" type=\"VirtualMachine\">"
                           "vm-1</_this><prop versionId=\"8.0.2.0\">name</prop>"),
        OPERATION("Fetch", "<_this type=\"VirtualMachine\">vm-1</_this><prop>name</prop>")));
}

static void other_prefixes_ask_the_same(void **state)
{
    (void)state;
    /* rbvmomi's envelope */
    assert_true(
        is_same(pyvmomi, XML
                "<env:Envelope xmlns:xsd=\"" XSD "\" xmlns:env=\"" SOAP "\" xmlns:xsi=\"" XSI "\">"
                "<env:Body><RetrievePropertiesEx xmlns=\"urn:vim25\">" COLLECTOR
                "<specSet><propSet><type>VirtualMachine</type><all>false</all>" NAME_AND_UUID
                "</propSet><objectSet>" VM "<skip>false</skip></objectSet></specSet><options>"
                "<maxObjects>1</maxObjects></options></RetrievePropertiesEx></env:Body>"
                "</env:Envelope>"));
    /* suds, with the operationID that oslo.vmware makes anew for every request */
    assert_true(
        is_same(pyvmomi, XML
                "<SOAP-ENV:Envelope xmlns:ns0=\"urn:vim25\" xmlns:ns1=\"" SOAP "\" xmlns:xsi=\"" XSI
                "\" xmlns:SOAP-ENV=\"" SOAP "\"><SOAP-ENV:Header><operationID>"
                "oslo.vmware-6d1f9a5c-0000-4a3c-8a87-2b6ba2d9d0b1</operationID></SOAP-ENV:Header>"
                "<ns1:Body><ns0:RetrievePropertiesEx><ns0:_this type=\"PropertyCollector\">"
                "propertyCollector</ns0:_this><ns0:specSet><ns0:propSet><ns0:type>VirtualMachine"
                "</ns0:type><ns0:all>false</ns0:all><ns0:pathSet>name</ns0:pathSet><ns0:pathSet>"
                "config.uuid</ns0:pathSet></ns0:propSet><ns0:objectSet><ns0:obj "
                "type=\"VirtualMachine\">vm-1</ns0:obj><ns0:skip>false</ns0:skip></ns0:objectSet>"
                "</ns0:specSet><ns0:options><ns0:maxObjects>1</ns0:maxObjects></ns0:options>"
                "</ns0:RetrievePropertiesEx></ns1:Body></SOAP-ENV:Envelope>"));
}

static void indentation_and_order_of_paths_ask_the_same(void **state)
{
    (void)state;
    /* the Perl SDK */
    assert_true(is_same(
        pyvmomi, XML "\r\n<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"" SOAP "\" xmlns:xsi=\"" XSI "\">\n"
                     "  <SOAP-ENV:Body>\n    <RetrievePropertiesEx xmlns=\"urn:vim25\">\n"
                     "\t" COLLECTOR "\n<specSet>\n <propSet>\n  <type>VirtualMachine</type>\n"
                     "  <all>false</all>\n  <pathSet>config.uuid</pathSet>\n"
                     "  <pathSet>name</pathSet>\n </propSet>\n <objectSet>\n  " VM
                     "\n  <skip>false</skip>\n </objectSet>\n</specSet>\n<options>\n"
                     " <maxObjects>1</maxObjects>\n</options>\n"
                     "    </RetrievePropertiesEx>\n  </SOAP-ENV:Body>\n"
                     "</SOAP-ENV:Envelope>\n"));
    static const char *const orders[] = {
        "<pathSet>a</pathSet><pathSet>b</pathSet><pathSet>c</pathSet><pathSet>aa</pathSet>",
        "<pathSet>c</pathSet><pathSet>aa</pathSet> <pathSet>b</pathSet><pathSet>a</pathSet>",
        "<pathSet>aa</pathSet><pathSet>b</pathSet><pathSet>c</pathSet>\n<pathSet>a</pathSet>",
    };
    for (size_t i = 1; i < 3; i++) {
        char one[2048], other[2048];
        snprintf(one, sizeof(one), RETRIEVE("VirtualMachine", "%s", VM), orders[0]);
        snprintf(other, sizeof(other), RETRIEVE("VirtualMachine", "%s", VM), orders[i]);
        assert_true(is_same(one, other));
    }
}

static void order_of_attributes_and_spelling_of_text_ask_the_same(void **state)
{
    (void)state;
    assert_true(is_same(OPERATION("X", "<a b=\"1\" c=\"2\" xsi:type=\"xsd:int\">x&lt;y</a>"),
                        OPERATION("X", "<a xsi:type=\"xsd:int\" c='2' b='1'>"
                                       "<![CDATA[x<]]>&#121;<!-- no --></a>")));
    assert_true(is_same(OPERATION("X", "<a/>"), OPERATION("X", "<a></a>")));
    assert_true(is_same(
        OPERATION("X", "<a xsi:type=\"xsd:int\">1</a>"),
        OPERATION("X", "<a xmlns:i=\"" XSI "\" xmlns:s=\"" XSD "\" i:type=\"s:int\">1</a>")));
    assert_true(is_same(OPERATION("X", "<a xsi:type=\"PropertySpec\"/>"),
                        OPERATION("X", "<a xmlns:v=\"urn:vim25\" xsi:type=\"v:PropertySpec\"/>")));
}

/* ---- different ---- */

static void anything_that_means_something_makes_a_difference(void **state)
{
    (void)state;
    static const char *const others[] = {
        RETRIEVE("VirtualMachine", "<pathSet>name</pathSet>", VM),
        RETRIEVE("VirtualMachine", NAME_AND_UUID "<pathSet>name</pathSet>", VM),
        RETRIEVE("ManagedEntity", NAME_AND_UUID, VM),
        RETRIEVE("VirtualMachine", NAME_AND_UUID, "<obj type=\"VirtualMachine\">vm-2</obj>"),
        RETRIEVE("VirtualMachine", NAME_AND_UUID, "<obj type=\"HostSystem\">vm-1</obj>"),
        RETRIEVE("VirtualMachine", NAME_AND_UUID, "<obj>vm-1</obj>"),
        RETRIEVE("VirtualMachine", NAME_AND_UUID, "<obj type=\"VirtualMachine\">vm-1 </obj>"),
        RETRIEVE("VirtualMachine", NAME_AND_UUID, VM VM),
        RETRIEVE("VirtualMachine", "<pathSet>name</pathSet><x/><pathSet>config.uuid</pathSet>", VM),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(is_same(pyvmomi, others[i]));
}

static void forms_that_look_alike_differ(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        /* order of what is not a set */
        {OPERATION("X", "<a>1</a><a>2</a>"), OPERATION("X", "<a>2</a><a>1</a>")},
        {OPERATION("X", "<a/><b/>"), OPERATION("X", "<b/><a/>")},
        {OPERATION("X", "<pathSet>1</pathSet><a/><pathSet>0</pathSet>"),
         OPERATION("X", "<pathSet>0</pathSet><a/><pathSet>1</pathSet>")},
        {OPERATION("X", "<pathSet>1</pathSet>t<pathSet>0</pathSet>"),
         OPERATION("X", "<pathSet>0</pathSet>t<pathSet>1</pathSet>")},
        /* nesting */
        {OPERATION("X", "<a><b/></a>"), OPERATION("X", "<a/><b/>")},
        {OPERATION("X", "<a>1<b/></a>"), OPERATION("X", "<a><b/>1</a>")},
        {OPERATION("X", "<pathSet><a/></pathSet><pathSet/>"),
         OPERATION("X", "<pathSet/><pathSet/><a/>")},
        /* text that imitates markup */
        {OPERATION("X", "<a>&lt;b/&gt;</a>"), OPERATION("X", "<a><b/></a>")},
        {OPERATION("X", "<a>1&lt;/a&gt;&lt;a&gt;2</a>"), OPERATION("X", "<a>1</a><a>2</a>")},
        {OPERATION("X", "<a b=\"1&quot; c=&quot;2\"/>"), OPERATION("X", "<a b=\"1\" c=\"2\"/>")},
        {OPERATION("X", "<a b=\"&gt;\"/>"), OPERATION("X", "<a b=\"\">&gt;</a>")},
        {OPERATION("X", "<a>&amp;lt;</a>"), OPERATION("X", "<a>&lt;</a>")},
        /* white space that is a value */
        {OPERATION("X", "<a> </a>"), OPERATION("X", "<a></a>")},
        {OPERATION("X", "<a> x</a>"), OPERATION("X", "<a>x</a>")},
        {OPERATION("X", "<a>x&#10;</a>"), OPERATION("X", "<a>x</a>")},
        /* attributes */
        {OPERATION("X", "<a b=\"1\"/>"), OPERATION("X", "<a b=\"2\"/>")},
        {OPERATION("X", "<a b=\"1\"/>"), OPERATION("X", "<a c=\"1\"/>")},
        {OPERATION("X", "<a b=\"\"/>"), OPERATION("X", "<a/>")},
        {OPERATION("X", "<a xsi:nil=\"true\"/>"), OPERATION("X", "<a nil=\"true\"/>")},
        {OPERATION("X", "<a xsi:versionId=\"1\"/>"), OPERATION("X", "<a xsi:versionId=\"2\"/>")},
        /* namespaces */
        {OPERATION("X", "<a/>"), OPERATION("X", "<a xmlns=\"urn:vim2\"/>")},
        {OPERATION("X", "<a/>"), OPERATION("X", "<a xmlns=\"\"/>")},
        {ENVELOPE("<X xmlns=\"urn:vim25\"/>"), ENVELOPE("<X xmlns=\"urn:vim2\"/>")},
        /* the type that a value has */
        {OPERATION("X", "<a xsi:type=\"xsd:int\">1</a>"),
         OPERATION("X", "<a xsi:type=\"xsd:long\">1</a>")},
        {OPERATION("X", "<a xsi:type=\"xsd:int\">1</a>"),
         OPERATION("X", "<a xmlns:xsd=\"urn:other\" xsi:type=\"xsd:int\">1</a>")},
        {OPERATION("X", "<a xsi:type=\"xsd:int\">1</a>"), OPERATION("X", "<a>1</a>")},
        {OPERATION("X", "<a xsi:type=\"xsd:int\">1</a>"),
         OPERATION("X", "<a type=\"xsd:int\">1</a>")},
        {OPERATION("X", "<a xsi:type=\"none:int\">1</a>"),
         OPERATION("X", "<a xmlns:none=\"none:int\" xsi:type=\"none:int\">1</a>")},
        {OPERATION("X", "<a xsi:type=\"int\">1</a>"),
         OPERATION("X", "<a xmlns=\"\" xsi:type=\"int\">1</a>")},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (is_same(pairs[i][0], pairs[i][1]))
            fail_msg("pair %zu came out the same:\n%s\n%s", i, pairs[i][0], pairs[i][1]);
}

/* A prefix means what the innermost declaration says, and no longer than its element. */
static void declarations_go_out_of_force(void **state)
{
    (void)state;
    assert_true(is_same(OPERATION("X", "<b xmlns:p=\"urn:1\"/><a xsi:type=\"p:T\"/>"),
                        OPERATION("X", "<b/><a xsi:type=\"p:T\"/>")));
    assert_true(is_same(OPERATION("X", "<b xmlns:p=\"urn:1\"><c xmlns:p=\"urn:2\"/>"
                                       "<a xsi:type=\"p:T\"/></b>"),
                        OPERATION("X", "<b xmlns:q=\"urn:1\"><c/><a xsi:type=\"q:T\"/></b>")));
}

/* ---- what is not understood ---- */

static void what_is_not_one_soap_request_is_not_understood(void **state)
{
    (void)state;
    assert_true(is_understood(pyvmomi));
    static const char *const bodies[] = {
        "",
        " ",
        "<",
        "hello",
        "<a/>",
        "<Envelope><Body><X/></Body></Envelope>",
        ENVELOPE(""),
        ENVELOPE("text"),
        ENVELOPE("<X/><Y/>"),
        ENVELOPE("<X/></soapenv:Body><soapenv:Body><X/>"),
        ENVELOPE("<X/></soapenv:Body><soapenv:Header/><soapenv:Body>"),
        ENVELOPE("<X/>") "<more/>",
        ENVELOPE("<X><Y></X></Y>"),
        ENVELOPE("<X a='1' a='2'/>"),
        ENVELOPE("<X>&#1;</X>"),
        ENVELOPE("<X>\x01</X>"),
        ENVELOPE("<X>\xff</X>"),
        ENVELOPE("<X>&unknown;</X>"),
        ENVELOPE("<p:X/>"),
        ENVELOPE("<X xmlns:p=\"a&#1;b\"/>"),
        ENVELOPE("<ThisNameHasSixtyFourCharactersWhichIsOneMoreThanWhatIsKeptOfThem123/>"),
        "<!DOCTYPE a [<!ENTITY e \"x\">]>" ENVELOPE("<X/>"),
        "<!DOCTYPE a>" ENVELOPE("<X/>"),
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><X/></s:Body>"
        "</s:Envelope>",
        OPERATION("Login", "<password>1</password><password>2</password>"),
        OPERATION("X", "<_this>1</_this><_this>2</_this>"),
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (is_understood(bodies[i]))
            fail_msg("understood: %s", bodies[i]);
}

static void a_request_cut_short_anywhere_is_not_understood(void **state)
{
    (void)state;
    size_t size = strlen(pyvmomi);
    for (size_t cut = 0; cut < size; cut++) {
        struct soap_request request = {0};
        struct guarded body = guarded_copy((struct span){(const uint8_t *)pyvmomi, cut});
        assert_true(soap_read_request(body.bytes, &request));
        assert_false(request.is_understood);
        soap_request_free(&request);
        guarded_free(&body);
    }
}

/* `count` times `start`, then as many times `end`, as the operation X. */
static struct buffer repeated(const char *start, const char *end, size_t count)
{
    static const char before[] = "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body><X>";
    struct buffer b = {0};
    buffer_append_text(&b, before);
    for (size_t i = 0; i < count; i++)
        buffer_append_text(&b, start);
    for (size_t i = 0; i < count; i++)
        buffer_append_text(&b, end);
    buffer_append_text(&b, "</X></s:Body></s:Envelope>");
    assert_false(b.failed);
    return b;
}

static bool is_repeated_understood(const char *start, const char *end, size_t count)
{
    struct buffer b = repeated(start, end, count);
    struct soap_request request = {0};
    assert_true(soap_read_request(buffer_span(&b), &request));
    bool understood = request.is_understood;
    soap_request_free(&request);
    buffer_free(&b);
    return understood;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    assert_true(is_repeated_understood("<a>", "</a>", 61)); /* 64 with Envelope, Body and X */
    assert_false(is_repeated_understood("<a>", "</a>", 62));
    assert_false(is_repeated_understood("<a>", "</a>", 100000));
    assert_false(is_repeated_understood("<a type='T'>", "</a>", 1000));
    assert_true(is_repeated_understood("<a/>", "", 100000));
    assert_true(is_repeated_understood("<pathSet>x</pathSet>", "", 100000));
    assert_true(is_repeated_understood("<pathSet><pathSet>", "</pathSet></pathSet>", 30));
}

/* A long namespace is written once in a request, but at every element of its canonical form. */
static void a_request_cannot_grow_out_of_proportion(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_append_text(&b, "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body><X xmlns=\"urn:");
    for (size_t i = 0; i < 10000; i++)
        buffer_append_text(&b, "0123456789");
    buffer_append_text(&b, "\">");
    for (size_t i = 0; i < 20000; i++)
        buffer_append_text(&b, "<a/>");
    buffer_append_text(&b, "</X></s:Body></s:Envelope>");
    struct soap_request request = {0};
    assert_true(soap_read_request(buffer_span(&b), &request));
    assert_false(request.is_understood);
    assert_true(request.canonical.capacity < 64 * b.size);
    soap_request_free(&request);
    buffer_free(&b);
}

/* ---- what is picked out ---- */

static void assert_text(const struct buffer *b, const char *text)
{
    assert_int_equal(b->size, strlen(text));
    assert_memory_equal(b->size ? (const char *)b->data : "", text, b->size);
}

static void a_login_is_read(void **state)
{
    (void)state;
    struct soap_request request = request_of(
        OPERATION("Login", "<_this type=\"SessionManager\">SessionManager</_this>"
                           "<userName>VSPHERE.LOCAL\\admin</userName>"
                           "<password> p&amp;ss &lt;word&gt; </password><locale>en</locale>"));
    assert_true(request.is_understood);
    assert_string_equal(request.operation, "Login");
    assert_text(&request.self, "SessionManager");
    assert_text(&request.user, "VSPHERE.LOCAL\\admin");
    assert_text(&request.password, " p&ss <word> ");
    assert_text(&request.locale, "en");
    soap_request_free(&request);
    assert_null(request.password.data);

    request = request_of(OPERATION("Login", "<userName>a</userName><password></password>"));
    assert_true(request.is_understood);
    assert_text(&request.password, "");
    assert_text(&request.locale, "");
    soap_request_free(&request);

    request = request_of(OPERATION("AddHost_Task", "<spec><userName>u</userName></spec>"
                                                   "<userName>u</userName>"));
    assert_text(&request.user, "");
    soap_request_free(&request);
}

/* Where `word`, each byte of which is one too high, lies in plain in memory of this process that
 * can be written, the stack aside. */
static __attribute__((no_sanitize("address", "undefined"))) size_t count_in_memory(const char *word)
{
    size_t size = strlen(word), count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    char line[512];
    while (fgets(line, sizeof(line), maps)) {
        unsigned long from, to;
        char access[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, access) != 3 || strcmp(access, "rw-p") != 0 ||
            strstr(line, "[stack]") || to - from > 64UL * 1024 * 1024)
            continue;
        for (const volatile char *at = (const char *)from; at + size <= (const char *)to; at++) {
            size_t same = 0;
            while (same < size && at[same] == (char)(word[same] - 1))
                same++;
            count += same == size;
        }
    }
    fclose(maps);
    return count;
}

static __attribute__((no_sanitize("address", "undefined"))) void
a_password_leaves_no_copy_behind(void **state)
{
    (void)state;
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "valgrind"))
        skip(); /* its own memory, copies of ours included, is in the maps as well */
    static const char raised[] = "ivoufs3"; /* the password is one less in each byte: "hunter2" */
    char text[1024], password[sizeof(raised)];
    for (size_t i = 0; i < sizeof(raised); i++)
        password[i] = raised[i] ? (char)(raised[i] - 1) : '\0';
    snprintf(text, sizeof(text),
             OPERATION("Login", "<userName>a</userName><password>%s</password>"), password);
    struct soap_request request = request_of(text);
    assert_int_equal(request.password.size, sizeof(password) - 1);
    assert_true(count_in_memory(raised) > 0);
    soap_request_free(&request);
    assert_int_equal(count_in_memory(raised), 0);
    /* nor of a request that is broken off behind it */
    text[strlen(text) - 20] = '\0';
    assert_false(is_understood(text));
    assert_int_equal(count_in_memory(raised), 0);
}

/* The parser that is kept for the next request remembers nothing of the one before. */
static void the_next_request_is_read_the_same_after_a_login(void **state)
{
    (void)state;
    struct soap_request before = request_of(pyvmomi);
    for (int i = 0; i < 3; i++) {
        struct soap_request login =
            request_of(OPERATION("Login", "<userName>a</userName><password>b</password>"));
        soap_request_free(&login);
        assert_false(is_understood("<broken"));
        struct soap_request after = request_of(pyvmomi);
        assert_true(span_equal(buffer_span(&before.canonical), buffer_span(&after.canonical)));
        soap_request_free(&after);
    }
    soap_request_free(&before);
}

static struct span object(const struct soap_request *request, size_t index)
{
    return (struct span){request->object_names.data + request->objects[index].at,
                         request->objects[index].size};
}

static void objects_are_named_once_each(void **state)
{
    (void)state;
    struct soap_request request = request_of(
        OPERATION("MoveIntoFolder_Task",
                  "<_this type=\"Folder\">group-v3</_this><list type=\"VirtualMachine\">vm-1</list>"
                  "<list type=\"VirtualMachine\">vm-2</list><list type=\"VirtualMachine\">vm-1"
                  "</list><x xsi:type=\"T\">not</x><y>nor</y><z type=\"T\"><w/></z>"
                  "<e type=\"T\"/>"));
    assert_int_equal(request.object_count, 3);
    assert_true(span_equal(object(&request, 0), SPAN_OF("group-v3")));
    assert_true(span_equal(object(&request, 1), SPAN_OF("vm-1")));
    assert_true(span_equal(object(&request, 2), SPAN_OF("vm-2")));
    assert_false(request.is_object_list_cut);
    soap_request_free(&request);
}

static void many_objects_are_cut(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_append_text(&b, "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body><X>");
    for (int i = 0; i < SOAP_OBJECTS + 1; i++) {
        char element[64];
        snprintf(element, sizeof(element), "<o type='VirtualMachine'>vm-%d</o>", i);
        buffer_append_text(&b, element);
    }
    buffer_append_text(&b, "</X></s:Body></s:Envelope>");
    struct soap_request request = {0};
    assert_true(soap_read_request(buffer_span(&b), &request));
    assert_true(request.is_understood);
    assert_int_equal(request.object_count, SOAP_OBJECTS);
    assert_true(request.is_object_list_cut);
    soap_request_free(&request);
    buffer_free(&b);
}

/* ---- live ---- */

static bool is_live(const char *text)
{
    struct soap_request request = request_of(text);
    assert_true(request.is_understood);
    bool live = request.is_live;
    soap_request_free(&request);
    return live;
}

#define READ_OF(type, path)                                                                        \
    RETRIEVE(type, "<pathSet>name</pathSet><pathSet>" path "</pathSet>",                           \
             "<obj type=\"" type "\">x-1</obj>")
#define FETCH(type, name)                                                                          \
    OPERATION("Fetch", "<_this type=\"" type "\">x-1</_this><prop>" name "</prop>")

static void a_read_of_something_live_is_live(void **state)
{
    (void)state;
    static const char *const live[] = {
        READ_OF("Task", "info"),
        READ_OF("SessionManager", "sessionList"),
        READ_OF("PropertyCollector", "filter"),
        READ_OF("PropertyFilter", "spec"),
        READ_OF("TaskHistoryCollector", "latestPage"),
        READ_OF("EventHistoryCollector", "latestPage"),
        READ_OF("HistoryCollector", "filter"),
        READ_OF("HttpNfcLease", "state"),
        READ_OF("ServiceInstance", "serverClock"),
        READ_OF("TaskManager", "recentTask"),
        READ_OF("VirtualMachine", "recentTask"),
        READ_OF("VirtualMachine", "recentTask[&quot;task-1&quot;].info"),
        READ_OF("EventManager", "latestEvent"),
        READ_OF("EventManager", "latestEvent.key"),
        READ_OF("VirtualMachine", "runtime.question"),
        READ_OF("VirtualMachine", "runtime.question.text"),
        READ_OF("VirtualMachine", " runtime.question "),
        /* one of the two is enough */
        RETRIEVE("Task", "<pathSet>info</pathSet>", "<obj type=\"Folder\">group-d1</obj>"),
        RETRIEVE("ManagedEntity", "<pathSet>name</pathSet>", "<obj type=\"Task\">task-1</obj>"),
        /* reached by a traversal */
        RETRIEVE("ManagedObject", "<pathSet>info</pathSet>",
                 "<obj type=\"TaskManager\">TaskManager</obj><selectSet xsi:type=\"TraversalSpec\">"
                 "<type>TaskManager</type><path>recentTask</path></selectSet>"),
        /* what it is of cannot be told */
        RETRIEVE("ManagedObject", "<pathSet>name</pathSet>", "<obj>x-1</obj>"),
        RETRIEVE("VirtualMachine", "<pathSet><a/></pathSet>", VM),
        FETCH("Task", "info"),
        FETCH("PropertyCollector", "filter"),
        FETCH("VirtualMachine", "recentTask"),
        FETCH("SessionManager", "currentSession"),
        FETCH("vim.Task", "info"),
    };
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
        if (!is_live(live[i]))
            fail_msg("not live: %s", live[i]);
}

static void any_other_read_is_not(void **state)
{
    (void)state;
    static const char *const others[] = {
        READ_OF("VirtualMachine", "runtime"),
        READ_OF("VirtualMachine", "runtime.questionable"),
        READ_OF("VirtualMachine", "recentTaskCount"),
        READ_OF("ServiceInstance", "content"),
        READ_OF("TaskManager", "maxCollector"),
        READ_OF("TaskInfo", "x.recentTask"),
        RETRIEVE(
            "VirtualMachine", "<pathSet>name</pathSet>",
            "<obj type=\"ContainerView\">session[1]2</obj><selectSet xsi:type=\"TraversalSpec\">"
            "<type>ContainerView</type><path>view</path></selectSet>"),
        FETCH("VirtualMachine", "name"),
        FETCH("Folder", "childEntity"),
        /* the name of another operation's parameter */
        OPERATION("FindByUuid", "<_this type=\"SearchIndex\">x</_this><type>Task</type>"
                                "<obj type=\"Task\">task-1</obj><pathSet>recentTask</pathSet>"),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (is_live(others[i]))
            fail_msg("live: %s", others[i]);
}

static bool reads_current_session(const char *text)
{
    struct soap_request request = request_of(text);
    assert_true(request.is_understood);
    bool reads = request.is_current_session;
    assert_true(!reads || request.is_live);
    soap_request_free(&request);
    return reads;
}

#define SESSION_MANAGER "<obj type=\"SessionManager\">SessionManager</obj>"
#define CURRENT_SESSION "<pathSet>currentSession</pathSet>"

static void the_current_session_alone_is_told(void **state)
{
    (void)state;
    static const char *const alone[] = {
        RETRIEVE("SessionManager", CURRENT_SESSION, SESSION_MANAGER),
        FETCH("SessionManager", "currentSession"),
        /* libvirt */
        OPERATION("RetrieveProperties",
                  COLLECTOR "<specSet><propSet><type>SessionManager</type>" CURRENT_SESSION
                            "</propSet><objectSet>" SESSION_MANAGER "</objectSet></specSet>"),
    };
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
        assert_true(reads_current_session(alone[i]));
    static const char *const others[] = {
        RETRIEVE("SessionManager", CURRENT_SESSION "<pathSet>sessionList</pathSet>",
                 SESSION_MANAGER),
        RETRIEVE("SessionManager", CURRENT_SESSION CURRENT_SESSION, SESSION_MANAGER),
        RETRIEVE("SessionManager", "<pathSet>currentSession.key</pathSet>", SESSION_MANAGER),
        RETRIEVE("SessionManager", CURRENT_SESSION, SESSION_MANAGER SESSION_MANAGER),
        RETRIEVE("SessionManager", CURRENT_SESSION, VM),
        RETRIEVE("VirtualMachine", CURRENT_SESSION, SESSION_MANAGER),
        RETRIEVE("SessionManager", CURRENT_SESSION, SESSION_MANAGER "<selectSet/>"),
        RETRIEVE("SessionManager", CURRENT_SESSION "<all>true</all>", SESSION_MANAGER),
        RETRIEVE("SessionManager",
                 CURRENT_SESSION "</propSet><propSet><type>X</type><pathSet>a</pathSet>",
                 SESSION_MANAGER),
        RETRIEVE("SessionManager", CURRENT_SESSION,
                 SESSION_MANAGER "</objectSet><objectSet>" SESSION_MANAGER),
        FETCH("SessionManager", "sessionList"),
        FETCH("VirtualMachine", "currentSession"),
        OPERATION("Fetch", "<_this type=\"SessionManager\">S</_this><prop>currentSession</prop>"
                           "<prop>sessionList</prop>"),
        OPERATION("FindByUuid", SESSION_MANAGER CURRENT_SESSION),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (reads_current_session(others[i]))
            fail_msg("not the current session alone: %s", others[i]);
}

/* ---- responses ---- */

static struct soap_response response_of(const char *text)
{
    struct soap_response response = {0};
    struct guarded body = guarded_copy(span_of_text(text));
    assert_true(soap_read_response(body.bytes, &response));
    guarded_free(&body);
    return response;
}

static void a_reference_is_read(void **state)
{
    (void)state;
    struct soap_response response = response_of(
        OPERATION("PowerOnVM_TaskResponse", "<returnval type=\"Task\">task-42</returnval>"));
    assert_true(response.is_understood);
    assert_false(response.is_fault);
    assert_string_equal(response.name, "PowerOnVM_TaskResponse");
    assert_true(response.has_returnval);
    assert_string_equal(response.returnval_type, "Task");
    assert_text(&response.returnval, "task-42");
    assert_false(response.is_empty);
    assert_false(response.has_token);
    soap_response_free(&response);
}

static void a_page_is_told_by_its_token(void **state)
{
    (void)state;
    struct soap_response response = response_of(OPERATION(
        "RetrievePropertiesExResponse", "<returnval>\n <token>1</token><objects/></returnval>"));
    assert_true(response.is_understood);
    assert_true(response.has_token);
    assert_false(response.is_empty);
    assert_text(&response.returnval, "");
    soap_response_free(&response);

    response = response_of(OPERATION("RetrievePropertiesExResponse",
                                     "<returnval><objects><token>1</token></objects></returnval>"));
    assert_true(response.is_understood);
    assert_false(response.has_token);
    soap_response_free(&response);
}

static const char *token_of(const char *returnval, struct soap_response *response)
{
    static char text[8192];
    snprintf(text, sizeof(text), OPERATION("RetrievePropertiesExResponse", "%s"), returnval);
    *response = response_of(text);
    assert_true(response->is_understood);
    assert_true(response->has_token);
    return text;
}

static void a_token_is_read_and_found_in_the_text(void **state)
{
    (void)state;
    static const char *const written[][2] = {
        {"0", "0"},       {"52ab-cd", "52ab-cd"}, {"a&amp;b", "a&b"}, {"<![CDATA[<0>]]>", "<0>"},
        {" 7\n", " 7\n"},
    };
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        char returnval[256];
        struct soap_response response;
        snprintf(returnval, sizeof(returnval),
                 "<returnval><token >%s</token ><objects/></returnval>", written[i][0]);
        const char *text = token_of(returnval, &response);
        assert_text(&response.token, written[i][1]);
        assert_int_equal(response.token_size, strlen(written[i][0]));
        assert_memory_equal(text + response.token_at, written[i][0], response.token_size);
        soap_response_free(&response);
    }
}

/* However the reading is cut in pieces. */
static void a_token_is_found_wherever_it_lies(void **state)
{
    (void)state;
    for (int before = 1500; before < 2100; before += 7) {
        char returnval[4096];
        struct soap_response response;
        snprintf(returnval, sizeof(returnval), "<returnval>%*s<token>12345</token></returnval>",
                 before, "");
        const char *text = token_of(returnval, &response);
        assert_text(&response.token, "12345");
        assert_memory_equal(text + response.token_at, "12345<", 6);
        assert_int_equal(response.token_size, 5);
        soap_response_free(&response);
    }
}

static void what_is_no_text_is_no_token_to_ask_with(void **state)
{
    (void)state;
    static char long_token[1200];
    memset(long_token, 'x', sizeof(long_token) - 1);
    static const char *const written[] = {"<token/>", "<token></token>", "<token>1<part/>2</token>",
                                          "<token>%s</token>"};
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        char token[2048];
        char returnval[4096];
        struct soap_response response;
        snprintf(token, sizeof(token), written[i], long_token);
        snprintf(returnval, sizeof(returnval), "<returnval>%s</returnval>", token);
        token_of(returnval, &response);
        assert_true(response.token.size == 0 || response.token_size == 0);
        soap_response_free(&response);
    }
}

static void the_token_of_a_page_request_is_read(void **state)
{
    (void)state;
    static const char *const operations[] = {"ContinueRetrievePropertiesEx",
                                             "CancelRetrievePropertiesEx"};
    for (size_t i = 0; i < 2; i++) {
        char text[2048];
        snprintf(text, sizeof(text), ENVELOPE("<%s xmlns=\"urn:vim25\">%s</%s>"), operations[i],
                 COLLECTOR "<token>0</token>", operations[i]);
        struct soap_request request = request_of(text);
        assert_true(request.is_understood);
        assert_text(&request.token, "0");
        soap_request_free(&request);
    }
    assert_false(is_understood(
        OPERATION("ContinueRetrievePropertiesEx", COLLECTOR "<token>0</token><token>1</token>")));
    struct soap_request request = request_of(OPERATION("FindByUuid", "<token>0</token>"));
    assert_int_equal(request.token.size, 0);
    soap_request_free(&request);
}

static void an_empty_result_is_told(void **state)
{
    (void)state;
    static const char *const empty[] = {
        OPERATION("RetrievePropertiesExResponse", ""),
        OPERATION("RetrievePropertiesExResponse", "<returnval/>"),
        OPERATION("RetrievePropertiesExResponse", "<returnval> \n </returnval>"),
        OPERATION("DestroyViewResponse", "<other>1</other>"),
    };
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        struct soap_response response = response_of(empty[i]);
        assert_true(response.is_understood);
        assert_true(response.is_empty);
        soap_response_free(&response);
    }
}

static void a_fault_is_told(void **state)
{
    (void)state;
    static const char fault[] = ENVELOPE(
        "<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>The session is "
        "not authenticated.</faultstring><detail><NotAuthenticatedFault xmlns=\"urn:vim25\""
        " xsi:type=\"NotAuthenticated\"><object type=\"Folder\">group-d1</object>"
        "<privilegeId>System.View</privilegeId></NotAuthenticatedFault></detail>"
        "</soapenv:Fault>");
    struct soap_response response = response_of(fault);
    assert_true(response.is_understood);
    assert_true(response.is_fault);
    assert_string_equal(response.name, "Fault");
    soap_response_free(&response);
    assert_true(soap_is_fault(SPAN_OF(fault), "NotAuthenticated"));
    assert_false(soap_is_fault(SPAN_OF(fault), "InvalidLogin"));
    assert_true(soap_is_fault(
        span_of_text(ENVELOPE("<soapenv:Fault><faultcode/><detail><Fault xmlns:v=\"urn:vim25\" "
                              "xsi:type=\"v:NotAuthenticated\"/></detail></soapenv:Fault>")),
        "NotAuthenticated"));
    static const char *const others[] = {
        ENVELOPE("<soapenv:Fault><faultstring>NotAuthenticatedFault</faultstring><detail>"
                 "<InvalidLoginFault xsi:type=\"InvalidLogin\"/></detail></soapenv:Fault>"),
        ENVELOPE("<soapenv:Fault><x><NotAuthenticatedFault/></x></soapenv:Fault>"),
        ENVELOPE("<soapenv:Fault><detail/></soapenv:Fault>"),
        OPERATION("XResponse", "<detail><NotAuthenticatedFault/></detail>"),
        "",
        "NotAuthenticatedFault",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(soap_is_fault(span_of_text(others[i]), "NotAuthenticated"));
    assert_true(soap_is_fault(span_of_text(others[0]), "InvalidLogin"));
}

static void a_response_cut_short_is_not_understood(void **state)
{
    (void)state;
    static const char whole[] = OPERATION(
        "RetrievePropertiesExResponse",
        "<returnval><objects><obj type=\"VirtualMachine\">vm-1</obj></objects></returnval>");
    for (size_t cut = 0; cut < sizeof(whole) - 1; cut++) {
        struct soap_response response = {0};
        struct guarded body = guarded_copy((struct span){(const uint8_t *)whole, cut});
        assert_true(soap_read_response(body.bytes, &response));
        assert_false(response.is_understood);
        soap_response_free(&response);
        guarded_free(&body);
    }
    static const char *const others[] = {
        "<html></html>", "{\"value\": []}", "<x></Envelope>",
        "</Envelope>",   "Envelope>",       ENVELOPE(""),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct soap_response response = response_of(others[i]);
        assert_false(response.is_understood);
        soap_response_free(&response);
    }
    struct soap_response response = response_of(OPERATION("X", "<returnval/>") " \r\n\t");
    assert_true(response.is_understood);
    soap_response_free(&response);
}

/* Only the beginning of a long response is parsed: rubbish behind it is not seen, and text that is
 * too long for a reference is not kept. */
static void a_long_response_is_read_at_its_beginning(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_append_text(&b, "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body><XResponse><returnval><obj>");
    size_t start = b.size;
    while (b.size < 100000)
        buffer_append_text(&b, "<not><well<formed");
    buffer_append_text(&b, "</s:Envelope>");
    struct soap_response response;
    assert_true(soap_read_response(buffer_span(&b), &response));
    assert_true(response.is_understood);
    assert_string_equal(response.name, "XResponse");
    soap_response_free(&response);

    b.size = start - strlen("<obj>");
    while (b.size < 100000)
        buffer_append_text(&b, "text &amp; text");
    buffer_append_text(&b, "<not><well<formed</s:Envelope>");
    assert_true(soap_read_response(buffer_span(&b), &response));
    assert_true(response.is_understood);
    assert_false(response.is_empty);
    assert_int_equal(response.returnval.size, 0);
    soap_response_free(&response);
    buffer_free(&b);
}

static void a_long_text_is_not_a_reference(void **state)
{
    (void)state;
    for (size_t size = 1023; size <= 5000; size += size == 1025 ? 1975 : 1) {
        struct buffer b = {0};
        buffer_append_text(&b, "<s:Envelope xmlns:s=\"" SOAP "\"><s:Body><XResponse><returnval>");
        for (size_t i = 0; i < size; i++)
            buffer_append_text(&b, "x");
        buffer_append_text(&b, "</returnval></XResponse></s:Body></s:Envelope>");
        struct soap_response response;
        assert_true(soap_read_response(buffer_span(&b), &response));
        assert_true(response.is_understood);
        assert_false(response.is_empty);
        assert_int_equal(response.returnval.size, size <= 1024 ? size : 0);
        soap_response_free(&response);
        buffer_free(&b);
    }
}

static void a_child_of_returnval_is_found(void **state)
{
    (void)state;
    static const char login[] = OPERATION(
        "LoginResponse", "<returnval><x><key>deep</key></x><key>52-&amp;key</key><userName>u"
                         "</userName><key>second</key></returnval>");
    struct buffer text = {0};
    buffer_append_text(&text, "=");
    assert_true(soap_find_child(SPAN_OF(login), "key", &text));
    assert_text(&text, "=52-&key");
    assert_false(soap_find_child(SPAN_OF(login), "locale", &text));
    assert_false(soap_find_child(SPAN_OF("<a>"), "key", &text));
    assert_false(soap_find_child(
        span_of_text(OPERATION("LoginResponse", "<other><key>1</key></other>")), "key", &text));
    assert_false(soap_find_child(span_of_text("<E><B><R><returnval><key>cut"), "key", &text));
    assert_text(&text, "=52-&key");
    buffer_free(&text);
}

static void an_origin_says_what_it_is_called(void **state)
{
    (void)state;
    static const char content[] =
        OPERATION("RetrieveServiceContentResponse",
                  "<returnval><rootFolder type=\"Folder\">group-d1</rootFolder>"
                  "<instanceUuid>beside</instanceUuid><about><name>VMware vCenter Server</name>"
                  "<x><instanceUuid>below</instanceUuid></x><instanceUuid>dbed6e0c&#45;bd88"
                  "</instanceUuid><apiType>VirtualCenter</apiType></about></returnval>");
    struct buffer uuid = {0};
    assert_true(soap_read_origin(SPAN_OF(content), &uuid));
    assert_text(&uuid, "dbed6e0c-bd88");
    buffer_free(&uuid);
    assert_true(soap_read_origin(
        span_of_text(OPERATION("RetrieveServiceContentResponse",
                               "<returnval><about><name>VMware ESXi</name></about></returnval>")),
        &uuid));
    assert_int_equal(uuid.size, 0);
    const char *end = strstr(content, "</about>");
    for (const char *cut = content; cut < end; cut++) {
        struct guarded body =
            guarded_copy((struct span){(const uint8_t *)content, (size_t)(cut - content)});
        assert_false(soap_read_origin(body.bytes, &uuid));
        buffer_free(&uuid);
        guarded_free(&body);
    }
    static const char *const others[] = {
        "",
        "not XML",
        OPERATION("RetrieveServiceContentResponse", "<returnval></returnval>"),
        OPERATION("RetrieveServiceContentResponse",
                  "<about><instanceUuid>1</instanceUuid></about>"),
        ENVELOPE("<soapenv:Fault><faultstring/><detail><about><instanceUuid>1</instanceUuid>"
                 "</about></detail></soapenv:Fault>"),
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(soap_read_origin(span_of_text(others[i]), &uuid));
    assert_int_equal(uuid.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pyvmomi_with_version_ids_asks_the_same),
        cmocka_unit_test(other_prefixes_ask_the_same),
        cmocka_unit_test(indentation_and_order_of_paths_ask_the_same),
        cmocka_unit_test(order_of_attributes_and_spelling_of_text_ask_the_same),
        cmocka_unit_test(anything_that_means_something_makes_a_difference),
        cmocka_unit_test(forms_that_look_alike_differ),
        cmocka_unit_test(declarations_go_out_of_force),
        cmocka_unit_test(what_is_not_one_soap_request_is_not_understood),
        cmocka_unit_test(a_request_cut_short_anywhere_is_not_understood),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_request_cannot_grow_out_of_proportion),
        cmocka_unit_test(a_login_is_read),
        cmocka_unit_test(a_password_leaves_no_copy_behind),
        cmocka_unit_test(the_next_request_is_read_the_same_after_a_login),
        cmocka_unit_test(objects_are_named_once_each),
        cmocka_unit_test(many_objects_are_cut),
        cmocka_unit_test(a_read_of_something_live_is_live),
        cmocka_unit_test(any_other_read_is_not),
        cmocka_unit_test(the_current_session_alone_is_told),
        cmocka_unit_test(a_reference_is_read),
        cmocka_unit_test(a_page_is_told_by_its_token),
        cmocka_unit_test(a_token_is_read_and_found_in_the_text),
        cmocka_unit_test(a_token_is_found_wherever_it_lies),
        cmocka_unit_test(what_is_no_text_is_no_token_to_ask_with),
        cmocka_unit_test(the_token_of_a_page_request_is_read),
        cmocka_unit_test(an_empty_result_is_told),
        cmocka_unit_test(a_fault_is_told),
        cmocka_unit_test(a_response_cut_short_is_not_understood),
        cmocka_unit_test(a_long_response_is_read_at_its_beginning),
        cmocka_unit_test(a_long_text_is_not_a_reference),
        cmocka_unit_test(a_child_of_returnval_is_found),
        cmocka_unit_test(an_origin_says_what_it_is_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
