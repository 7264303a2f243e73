# Tests: one harness (prove, TAP) over unit tests (cmocka), program tests (bats) and the vCenter's own.

TESTS := $(BUILD)/tests
unit_sources := $(wildcard tests/unit/test_*.c)
unit_tests := $(unit_sources:tests/unit/%.c=$(TESTS)/unit/%)
bats_tests := $(wildcard tests/vcenter/*.bats tests/programs/*.bats tests/oracle/*.bats)

export GO111MODULE := off
export GOPATH := /usr/share/gocode
export GOFLAGS :=
export GOCACHE := $(CURDIR)/build/gocache

.PHONY: packages
packages:
	@.ci/install

.PHONY: vcenter
vcenter: $(TESTS)/vcenter

$(TESTS)/vcenter: $(wildcard tests/vcenter/*.go)
	@mkdir -p $(@D)
	$(call said,GO)
	$(Q)cd tests/vcenter && go build -o $(CURDIR)/$@ .

$(TESTS)/unit/%: tests/unit/%.c $(BUILD)/libvcache.a
	@mkdir -p $(@D)
	$(call said,CC)
	$(Q)$(CC) $(OURS) -Itests/unit $< $(BUILD)/libvcache.a -lcmocka -lpthread -lz -o $@

.PHONY: unit-tests
unit-tests: $(unit_tests)

-include tests/programs/clients.mk
-include tests/bench/bench.mk
-include tests/demo/demo.mk
-include tests/oracle/oracle.mk

# ---- make test ------------------------------------------------------------------------------------

# The same unit tests three times: as they are, with the sanitizers, and under valgrind. With the sanitizers, too: what
# only whole programs do to connections.
SANITIZED := $(BUILD)/sanitized
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
suites = $(unit_tests) \
         $(unit_tests:$(BUILD)/%=$(SANITIZED)/%) \
         $(unit_tests:%=valgrind:%) \
         go:tests/vcenter $(bats_tests) \
         $(patsubst %,sanitized:tests/programs/%.bats,connections deferred deferred-trust deferred-failures)

.PHONY: test-programs
test-programs: all vcenter unit-tests $(client_programs) $(planted_shims)
	$(MAKE) --no-print-directory BUILD=$(SANITIZED) SANITIZE='$(SANITIZERS)' \
	    all unit-tests $(SANITIZED)/tests/clients/client

## make test      installs what is missing, builds, and passes every test
.PHONY: test
test: packages
	$(MAKE) --no-print-directory test-programs
	prove --jobs 2 --failures --comments --exec tests/run-suite $(suites)

## make test-one SUITE=tests/programs/programs.bats      one suite
.PHONY: test-one
test-one: test-programs
	tests/run-suite $(SUITE)

# ---- make lint, make fuzz -------------------------------------------------------------------------

product_sources := $(wildcard shim/*/*.c tools/*.c)
c_sources := $(product_sources) $(wildcard tests/*/*.c tests/programs/*/*.c tests/programs/*/*/*.c tests/oracle/*/*.c)
c_headers := $(wildcard shim/*/*.h tools/*.h tests/*/*.h tests/programs/*/*.h)
shell_sources := $(wildcard .ci/install .ci/run tests/run-suite tests/*/*.bash tests/*/*.bats \
                            tests/*/*.sh tools/completions/*.bash)
LINT_FLAGS := -std=gnu17 -D_GNU_SOURCE -DVCACHE_VERSION='"$(VERSION)"' -Ishim -Itools -Itests/unit \
              -I$(BUILD)/generated -I/usr/share/include/llhttp

## make lint      clang-format of all C, clang-tidy, cppcheck and gcc -fanalyzer of shim and tools,
##                shellcheck, gofmt and go vet
.PHONY: lint
lint:
	@.ci/install .ci/packages-lint
	$(MAKE) --no-print-directory all
	@clang-format --dry-run -Werror $(c_sources) $(c_headers)
	@printf '%s\n' $(product_sources) | xargs -P 2 -I '{}' clang-tidy --quiet '{}' -- $(LINT_FLAGS)
	@cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability \
	    --inline-suppr --library=posix,gnu --suppress=missingIncludeSystem -D_GNU_SOURCE -Ishim -Itools \
	    -I$(BUILD)/generated shim tools
	@printf '%s\n' $(product_sources) | xargs -P 2 -I '{}' \
	    $(CC) $(LINT_FLAGS) $(WARNINGS) -O2 -fanalyzer -c '{}' -o /dev/null
	@shellcheck -x --severity=warning --source-path=SCRIPTDIR $(shell_sources)
	@test -z "$$(gofmt -l tests/vcenter)"
	@cd tests/vcenter && go vet .

FUZZ_SECONDS ?= 60
FUZZED := $(BUILD)/fuzzed
fuzzers := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZED)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZED)/libvcache.a
	clang $(OURS) -fsanitize=fuzzer $< $(FUZZED)/libvcache.a -lpthread -o $@

.PHONY: fuzzers
fuzzers: $(fuzzers:%=$(FUZZED)/fuzz_%)

## make fuzz      the parsers under libFuzzer, FUZZ_SECONDS each (60)
.PHONY: fuzz
fuzz:
	@.ci/install .ci/packages-lint
	$(MAKE) --no-print-directory BUILD=$(FUZZED) FUZZED=$(FUZZED) CC=clang \
	    SANITIZE='-fsanitize=address,undefined,fuzzer-no-link' fuzzers
	set -e; for name in $(fuzzers); do \
	    mkdir -p $(FUZZED)/corpus/$$name; \
	    $(FUZZED)/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	        $(FUZZED)/corpus/$$name tests/fuzz/corpus/$$name; done
