# vcache: build, demo, test, bench, lint, fuzz, install. `make help` lists the targets.

VERSION := 0.1.0
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions

BUILD := build
# What is built is named in a word; V=1 shows the commands.
Q := $(if $(V),,@)
said = $(if $(V),,@echo '  $(1)	$@')
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
LLHTTP := /usr/share/llhttp
OURS = -std=gnu17 -D_GNU_SOURCE -DVCACHE_VERSION='"$(VERSION)"' $(CFLAGS) $(WARNINGS) $(SANITIZE) \
       -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -ftls-model=initial-exec \
       -Ishim -I$(BUILD)/generated -I/usr/share/include/llhttp -MMD -MP

library_sources := $(wildcard shim/base/*.c shim/cache/*.c shim/exchange/*.c)
front_sources := $(wildcard shim/front/*.c)
library_objects := $(library_sources:%.c=$(BUILD)/%.o) \
                   $(patsubst %,$(BUILD)/llhttp/%.o,api http llhttp)
front_objects := $(front_sources:%.c=$(BUILD)/%.o)

.PHONY: all
all: $(BUILD)/libvcache.so $(BUILD)/vcache $(BUILD)/vcache-flush $(BUILD)/vcache-stat

.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

# ---- the shim -------------------------------------------------------------------------------

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CC) $(OURS) -c $< -o $@

# It ends in a jump, whatever else is compiled how: only an optimising compiler makes one.
$(BUILD)/shim/front/loader.o: override CFLAGS += -O2
$(BUILD)/shim/front/loader.o: override SANITIZE :=

# The parser is compiled as Debian ships it: its warnings are its authors' business.
$(BUILD)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections \
	    -DLLHTTP_STRICT_MODE=1 -I/usr/share/include/llhttp -c $< -o $@

$(BUILD)/generated/operations.inc: shim/exchange/operations.gperf
	@mkdir -p $(@D)
	$(Q)gperf --output-file=$@ $<

$(BUILD)/shim/exchange/operation.o: $(BUILD)/generated/operations.inc

# As a C string.
$(BUILD)/generated/python_failure.inc: shim/front/python_failure.py
	@mkdir -p $(@D)
	$(Q)sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $< > $@

$(BUILD)/shim/front/python.o: $(BUILD)/generated/python_failure.inc

$(BUILD)/libvcache.a: $(library_objects)
	@rm -f $@
	$(call said,AR)
	$(Q)$(AR) rcs $@ $^

# The one table of hooked names (shim/front/hooks.def) makes the linker's version script, which is
# anonymous: a named version would keep curl_easy_perform@CURL_GNUTLS_3 from binding to the shim.
$(BUILD)/generated/exports.map: shim/front/hooks.def
	@mkdir -p $(@D)
	$(Q){ echo '{ global:'; sed -n 's/^HOOK(\([A-Za-z0-9_]*\),.*/    \1;/p' $<; echo '  local: *; };'; } > $@

SHIM_LINK := -Wl,--version-script=$(BUILD)/generated/exports.map -Wl,--gc-sections -Wl,--as-needed \
             -Wl,-z,relro -Wl,-z,nodelete -Wl,-O1 -Wl,--hash-style=gnu

$(BUILD)/libvcache.so: $(front_objects) $(BUILD)/libvcache.a $(BUILD)/generated/exports.map
	$(call said,LD)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -shared -o $@ $(front_objects) $(BUILD)/libvcache.a $(SHIM_LINK)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

include tools/tools.mk
include tests/tests.mk

.PHONY: clean
clean:
	rm -rf $(BUILD)
