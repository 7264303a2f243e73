# make bench: how fast it is, against a floor that is measured in the same run.

BENCHES := $(TESTS)/bench
bench_sources := bench hit whole floor fill miss foreign origin curl_hit curl_foreign
bench_programs := $(bench_sources:%=$(BENCHES)/%)
BENCH_COMPILE = $(CC) $(OURS) -Itests/bench

$(BENCHES)/bench: tests/bench/bench.c tests/bench/measure.c tests/bench/table.c tests/bench/measure.h \
    tests/bench/table.h
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $(filter %.c,$^) -o $@

$(BENCHES)/hit $(BENCHES)/whole $(BENCHES)/miss: $(BENCHES)/%: tests/bench/%.c tests/bench/client.c tests/bench/measure.c \
    tests/bench/client.h tests/bench/measure.h
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $(filter %.c,$^) -lssl -lcrypto -o $@

$(BENCHES)/floor: tests/bench/floor.c tests/bench/client.c tests/bench/measure.c tests/bench/client.h \
    tests/bench/measure.h
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $(filter %.c,$^) -lssl -lcrypto -llmdb -o $@

# Of poll libc's header says that it only writes what it is given.
$(BENCHES)/nowhere.so: tests/bench/nowhere.c tests/bench/nowhere.h
	@mkdir -p $(@D)
	$(BENCH_COMPILE) -Wno-maybe-uninitialized -shared -fPIC $< -o $@

$(BENCHES)/foreign: tests/bench/foreign.c tests/bench/measure.c tests/bench/measure.h \
    tests/bench/nowhere.h $(BENCHES)/nowhere.so
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $(filter %.c,$^) -lssl -lcrypto -o $@

$(BENCHES)/curl_hit: tests/bench/curl_hit.c tests/bench/client.c tests/bench/measure.c tests/bench/client.h \
    tests/bench/measure.h
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $(filter %.c,$^) -lcurl -lssl -lcrypto -o $@

$(BENCHES)/curl_foreign: tests/bench/curl_foreign.c tests/bench/measure.c tests/bench/measure.h
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $(filter %.c,$^) -lcurl -o $@

$(BENCHES)/origin: tests/bench/origin.c
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $< -lssl -lcrypto -lpthread -o $@

$(BENCHES)/fill: tests/bench/fill.c $(BUILD)/libvcache.a
	@mkdir -p $(@D)
	$(BENCH_COMPILE) $< $(BUILD)/libvcache.a -lpthread -o $@

.PHONY: bench-programs
bench-programs: all vcenter $(bench_programs)

## make bench     measures speed: one table, each figure beside its limit (BENCH_ENTRIES=1000000)
.PHONY: bench
bench:
	@.ci/install .ci/packages-bench
	@$(MAKE) --no-print-directory --silent bench-programs
	@tests/bench/bench.sh $(abspath $(BUILD))
