# Programs in C for the program tests, and the unit tests of the front, which the library does not hold.

CLIENTS := $(TESTS)/clients
CLIENT = $(CC) -std=gnu17 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS)
client_sources := $(wildcard tests/programs/clients/*.c)
client_programs := $(CLIENTS)/client $(CLIENTS)/two $(CLIENTS)/forgetful $(CLIENTS)/reused $(CLIENTS)/chain

$(CLIENTS)/client: $(client_sources) tests/programs/clients/client.h
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CLIENT) $(client_sources) -lssl -lcrypto -lpthread -o $@

$(CLIENTS)/forgetful $(CLIENTS)/reused $(CLIENTS)/chain: $(CLIENTS)/%: tests/programs/clients/%/main.c
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CLIENT) $< -lssl -lcrypto -o $@

# A program on OpenSSL with an extension on another libssl, whose symbols have a version as OpenSSL's have.
$(CLIENTS)/libssl-other.so: tests/programs/clients/two/other_library.c tests/programs/clients/two/other_library.map
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CLIENT) -fPIC -shared $< -Wl,--version-script=$(word 2,$^) -o $@

$(CLIENTS)/extension.so: tests/programs/clients/two/extension.c $(CLIENTS)/libssl-other.so
	$(call said,CC)
	$(Q)$(CLIENT) -O2 -fPIC -shared $< -L$(CLIENTS) -lssl-other '-Wl,-rpath,$$ORIGIN' -o $@

$(CLIENTS)/two: tests/programs/clients/two/main.c $(CLIENTS)/extension.so
	$(call said,CC)
	$(Q)$(CLIENT) $< -lssl -lcrypto -ldl -o $@

# With the hooks in the program itself: its own calls of poll and so on go through them.
$(TESTS)/unit/test_wake $(TESTS)/unit/test_dial $(TESTS)/unit/test_standin: $(TESTS)/unit/%: tests/unit/%.c $(front_objects) $(BUILD)/libvcache.a
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CC) $(OURS) -Itests/unit $< $(front_objects) $(BUILD)/libvcache.a -lcmocka -lpthread -o $@

# The same, over libcurl.
$(TESTS)/unit/test_curl_options $(TESTS)/unit/test_curl_cookies: $(TESTS)/unit/%: tests/unit/%.c $(front_objects) $(BUILD)/libvcache.a
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CC) $(OURS) -Itests/unit $< $(front_objects) $(BUILD)/libvcache.a -lcmocka -lpthread \
	    -Wl,--no-as-needed -lcurl -o $@

# The judge of libcurl, on each flavour of it; and as two extensions of one program.
JUDGE := $(CLIENTS)/judge
judge_sources := $(wildcard tests/programs/curl/*.c)
judge_flavours := $(JUDGE) $(JUDGE)-gnutls
judge_extensions := $(judge_flavours:%=%.so)
client_programs += $(judge_flavours) $(CLIENTS)/judges

$(JUDGE) $(JUDGE).so: CURL := -lcurl
$(JUDGE)-gnutls $(JUDGE)-gnutls.so: CURL := -l:libcurl-gnutls.so.4
$(judge_extensions): AS_EXTENSION := -fPIC -shared
$(judge_flavours) $(judge_extensions): $(judge_sources) tests/programs/curl/judge.h
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CLIENT) $(AS_EXTENSION) $(judge_sources) $(CURL) -lpthread -lm -o $@

$(CLIENTS)/judges: tests/programs/curl/judges/main.c $(judge_extensions)
	$(call said,CC)
	$(Q)$(CLIENT) $< -lpthread -ldl -o $@
