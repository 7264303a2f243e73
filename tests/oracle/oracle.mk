# make soak: the oracle (tests/oracle/oracle.py) for as many steps as one likes; and the shims with planted faults that
# it must find.

SOAK_STEPS ?= 100000
SOAK_SEED ?= $(shell date +%s)
SOAK_PROCESSES ?= 8

PLANTED := $(TESTS)/planted
planted_faults := $(patsubst tests/oracle/planted/%.c,%,$(wildcard tests/oracle/planted/*.c))
planted_shims := $(planted_faults:%=$(PLANTED)/%/libvcache.so)

# The same objects, but for the functions that the fault's file wraps. vcache preloads the shim that lies beside it.
$(PLANTED)/%/libvcache.so: tests/oracle/planted/%.c $(BUILD)/libvcache.so $(BUILD)/vcache
	@mkdir -p $(@D)
	$(call said,LD)
	$(Q)$(CC) $(OURS) -shared -o $@ $< $(front_objects) $(BUILD)/libvcache.a \
	    $$(sed -n 's/.*__wrap_\([a-z_]*\)(.*/-Wl,--wrap=\1/p' $< | sort -u) $(SHIM_LINK)
	$(Q)cp $(BUILD)/vcache $(@D)/

.PHONY: planted
planted: $(planted_shims)

## make soak      the oracle of stale reads, for long: SOAK_STEPS=100000 SOAK_SEED= SOAK_PROCESSES=8
##                SOAK_OPTIONS= (tests/oracle/oracle.py --help)
.PHONY: soak
soak: packages
	@$(MAKE) --no-print-directory all vcenter
	tests/oracle/oracle.py --build $(BUILD) --steps $(SOAK_STEPS) --seed $(SOAK_SEED) \
	    --processes $(SOAK_PROCESSES) $(SOAK_OPTIONS)
