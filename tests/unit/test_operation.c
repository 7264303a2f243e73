/* The table of operations: names found exactly, classes as DESIGN's section 6 has them. */
#include "guarded.h"

#include "exchange/operation.h"

static enum operation_class class_of(const char *name)
{
    const struct operation *found = operation_find(span_of_text(name));
    return found ? found->class : OPERATION_UNKNOWN;
}

static void every_operation_is_found_by_its_name(void **state)
{
    (void)state;
    assert_int_equal(operation_count(), 979);
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);
        assert_non_null(operation);
        assert_ptr_equal(operation_find(span_of_text(operation->name)), operation);
        assert_int_equal(operation->number, i + 1);
        assert_int_not_equal(operation->class, OPERATION_UNKNOWN);
    }
    assert_null(operation_at(operation_count()));
    assert_null(operation_at(SIZE_MAX));
}

static void another_name_is_not_found(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",          "L",         "Logi",           "Login2",         "login",
        "LOGIN",     " Login",    "Login ",         "QueryPerfX",     "PowerOnVM",
        "GET",       "GET wsdl2", "CurrentTimes",   "CurrentTim",     "vim25",
        "Fetch\x01", "urn:Login", "FetchSoap_Task", "DestroyView/..", "RetrieveProperties_",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_null(operation_find(span_of_text(names[i])));
    assert_null(operation_find((struct span){NULL, 0}));
    assert_null(operation_find((struct span){(const uint8_t *)"Login\0", 6}));
    static uint8_t long_name[4096];
    memset(long_name, 'R', sizeof(long_name));
    for (size_t size = 0; size <= sizeof(long_name); size++)
        assert_null(operation_find((struct span){long_name, size}));
}

/* A changed letter anywhere makes another name. */
static void names_are_compared_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < operation_count(); i++) {
        char name[128];
        size_t size = strlen(operation_at(i)->name);
        assert_true(size < sizeof(name));
        for (size_t at = 0; at < size; at++) {
            memcpy(name, operation_at(i)->name, size);
            name[at] = '#';
            assert_null(operation_find((struct span){(const uint8_t *)name, size}));
        }
    }
}

static void a_name_is_not_read_beyond_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < operation_count(); i++) {
        struct span name = span_of_text(operation_at(i)->name);
        for (size_t size = name.size - 1; size <= name.size; size++) {
            struct guarded copy = guarded_copy((struct span){name.data, size});
            const struct operation *found = operation_find(copy.bytes);
            if (size == name.size)
                assert_ptr_equal(found, operation_at(i));
            guarded_free(&copy);
        }
    }
}

static void reads_are_cached(void **state)
{
    (void)state;
    assert_int_equal(class_of("FindByUuid"), OPERATION_READ);
    assert_int_equal(class_of("QueryPerfCounter"), OPERATION_READ);
    assert_int_equal(class_of("QueryPerf"), OPERATION_READ);
    assert_int_equal(class_of("RetrieveServiceContent"), OPERATION_READ);
    assert_int_equal(class_of("HasPrivilegeOnEntity"), OPERATION_READ);
    assert_int_equal(class_of("HasUserPrivilegeOnEntities"), OPERATION_READ);
    assert_int_equal(class_of("queryDatacenterConfigOptionDescriptor"), OPERATION_READ);
    assert_int_equal(class_of("RetrieveProperties"), OPERATION_PROPERTY_READ);
    assert_int_equal(class_of("RetrievePropertiesEx"), OPERATION_PROPERTY_READ);
    assert_int_equal(class_of("Fetch"), OPERATION_PROPERTY_READ);
    assert_int_equal(class_of("ContinueRetrievePropertiesEx"), OPERATION_PAGE);
    assert_int_equal(class_of("CancelRetrievePropertiesEx"), OPERATION_PAGE);
    assert_int_equal(class_of("CreateContainerView"), OPERATION_VIEW);
    assert_int_equal(class_of("DestroyView"), OPERATION_DESTROY_VIEW);
}

static void what_must_be_fresh_or_is_secret_is_live(void **state)
{
    (void)state;
    static const char *const names[] = {
        "CurrentTime",
        "SessionIsActive",
        "QueryDateTime",
        "FetchSoap",
        "PlaceVm",
        "RecommendDatastores",
        "BrowseDiagnosticLog",
        "ListProcessesInGuest",
        "ValidateCredentialsInGuest",
        "QueryConnectionInfo",
        "ExtractOvfEnvironment",
        "RetrieveAnswerFile",
        "RetrieveHostCustomizations",
        "GetCustomizationSpec",
        "RetrieveClientCsr",
        "QueryTpmAttestationReport",
        "QueryVsanUpgradeStatus",
        "RetrieveHardwareUptime",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(class_of(names[i]), OPERATION_LIVE);
        assert_false(operation_find(span_of_text(names[i]))->is_in_session);
    }
}

static void what_lives_in_a_session_says_so(void **state)
{
    (void)state;
    static const char *const waiting[] = {
        "CreateFilter",     "WaitForUpdates",  "WaitForUpdatesEx",  "CreateCollectorForEvents",
        "CreateListView",   "ReadNextTasks",   "ReadNextEvents",    "HttpNfcLeaseProgress",
        "AcquireMksTicket", "CheckForUpdates", "FetchAuditRecords", "DestroyPropertyFilter",
    };
    for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
        assert_int_equal(class_of(waiting[i]), OPERATION_WAITING);
        assert_true(operation_find(span_of_text(waiting[i]))->is_in_session);
    }
    static const char *const leases[] = {"ImportVApp", "ExportVm", "HttpNfcLeaseComplete",
                                         "ModifyListView"};
    for (size_t i = 0; i < sizeof(leases) / sizeof(leases[0]); i++) {
        assert_int_equal(class_of(leases[i]), OPERATION_WRITE);
        assert_true(operation_find(span_of_text(leases[i]))->is_in_session);
    }
    assert_int_equal(class_of("Login"), OPERATION_LOGIN);
    assert_int_equal(class_of("Logout"), OPERATION_LOGOUT);
    assert_int_equal(class_of("LoginByToken"), OPERATION_SESSION);
    assert_int_equal(class_of("SetLocale"), OPERATION_SESSION);
    assert_int_equal(class_of("TerminateSession"), OPERATION_SESSION);
    assert_int_equal(class_of("AcquireCloneTicket"), OPERATION_SESSION);
}

static void what_changes_something_is_never_a_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < operation_count(); i++) {
        const struct operation *operation = operation_at(i);
        size_t size = strlen(operation->name);
        if (size > 5 && strcmp(operation->name + size - 5, "_Task") == 0)
            assert_int_equal(operation->class, OPERATION_TASK);
    }
    static const char *const names[] = {
        "setCustomValue", "Destroy_Task",   "CreateFolder",         "AddAuthorizationRole",
        "ExecuteSoap",    "RenameSnapshot", "SetEntityPermissions", "InitiateFileTransferToGuest"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_true(class_of(names[i]) == OPERATION_WRITE || class_of(names[i]) == OPERATION_TASK);
}

static const char *get(const char *path)
{
    struct guarded copy = guarded_copy(span_of_text(path));
    const struct operation *found = operation_of_get(copy.bytes);
    guarded_free(&copy);
    return found ? found->name : "";
}

static void the_gets_are_operations_too(void **state)
{
    (void)state;
    assert_string_equal(get("/sdk/vimServiceVersions.xml"), "GET vimServiceVersions.xml");
    assert_string_equal(get("/sdk/vimService.wsdl"), "GET wsdl");
    assert_string_equal(get("/sdk/vim.wsdl"), "GET wsdl");
    assert_string_equal(get("/folder/a%2Fb.vmx"), "GET vmx");
    assert_string_equal(get("/sdk/core-types.xsd"), "GET wsdl");
    assert_int_equal(operation_of_get(SPAN_OF("/sdk/vim.wsdl"))->class, OPERATION_READ);
    static const char *const others[] = {
        "",
        "/",
        "/sdk",
        "/sdk/",
        "/sdk/x.xml",
        "/folder/a.wsdl",
        "/sdk/../x.wsdl",
        "/sdk/vimServiceVersions.xml/",
        "/sdk/.wsd",
        "/sdk/a/b.xsd",
        "sdk/vim.wsdl",
        "/SDK/vim.wsdl",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_string_equal(get(others[i]), "");
}

static void classes_have_names(void **state)
{
    (void)state;
    for (int class = OPERATION_UNKNOWN; class <= OPERATION_WRITE; class ++)
        for (int other = OPERATION_UNKNOWN; other < class; other++)
            assert_string_not_equal(operation_class_name((enum operation_class) class),
                                    operation_class_name((enum operation_class)other));
    assert_string_equal(operation_class_name(OPERATION_READ), "read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_is_found_by_its_name),
        cmocka_unit_test(another_name_is_not_found),
        cmocka_unit_test(names_are_compared_whole),
        cmocka_unit_test(a_name_is_not_read_beyond_its_end),
        cmocka_unit_test(reads_are_cached),
        cmocka_unit_test(what_must_be_fresh_or_is_secret_is_live),
        cmocka_unit_test(what_lives_in_a_session_says_so),
        cmocka_unit_test(what_changes_something_is_never_a_read),
        cmocka_unit_test(the_gets_are_operations_too),
        cmocka_unit_test(classes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
