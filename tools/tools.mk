# The tools: the wrapper, what looks into the cache, manual pages, completion, install.
## make install        all of it under PREFIX (/usr/local), seen from DESTDIR
## make uninstall      removes what install put there, and nothing else

tool_common := message settings
tool_cache := opened
tool_objects = $(patsubst %,$(BUILD)/tools/%.o,$(1) $(tool_common))

vcache_objects := $(call tool_objects,vcache preload reach elf_facts privilege script path)
flush_objects := $(call tool_objects,vcache-flush selection $(tool_cache))
stat_objects := $(call tool_objects,vcache-stat figures human screen stat_counters stat_json \
                  stat_summary $(tool_cache))

link_tool = $(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(1) -Wl,--as-needed -Wl,--gc-sections \
              -Wl,-z,relro -Wl,-z,now -ldl -lpthread

$(BUILD)/vcache: $(vcache_objects) $(BUILD)/libvcache.a
	$(call said,LD)
	$(call link_tool,-lelf)

$(BUILD)/vcache-flush: $(flush_objects) $(BUILD)/libvcache.a
	$(call said,LD)
	$(call link_tool,)

$(BUILD)/vcache-stat: $(stat_objects) $(BUILD)/libvcache.a
	$(call said,LD)
	$(call link_tool,-ljson-c)

# Where the wrapper looks for the shim at last. Written only when it changes, so that another
# LIBDIR rebuilds what depends on it and the same one nothing.
.PHONY: places
$(BUILD)/generated/places.h: places
	@mkdir -p $(@D)
	@echo '#define VCACHE_LIBDIR "$(LIBDIR)"' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/tools/preload.o: $(BUILD)/generated/places.h

# ---- manual pages ---------------------------------------------------------------------------

manual_pages := $(patsubst %,$(BUILD)/man/%.1,vcache vcache-flush vcache-stat)
all: $(manual_pages)

$(BUILD)/tools/manual-tables: tools/manual-tables.c shim/base/settings.def shim/cache/verdicts.def
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 $(CFLAGS) $(WARNINGS) -Ishim -o $@ $<

# A line "@settings@" or "@verdicts@" is where a table of the code goes.
$(BUILD)/man/%.1: tools/%.1 $(BUILD)/tools/manual-tables
	@mkdir -p $(@D)
	$(call said,MAN)
	$(Q)$(BUILD)/tools/manual-tables settings >$@.settings
	$(Q)$(BUILD)/tools/manual-tables verdicts >$@.verdicts
	$(Q)sed -e '/^@settings@$$/{r $@.settings' -e 'd}' -e '/^@verdicts@$$/{r $@.verdicts' -e 'd}' \
	    -e 's/@version@/$(VERSION)/' $< >$@
	@rm -f $@.settings $@.verdicts

# ---- install --------------------------------------------------------------------------------

.PHONY: install uninstall
install: all
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(LIBDIR)/vcache' '$(DESTDIR)$(MANDIR)/man1' \
	    '$(DESTDIR)$(COMPLETIONS)'
	install -m 755 $(BUILD)/vcache $(BUILD)/vcache-flush $(BUILD)/vcache-stat '$(DESTDIR)$(BINDIR)'
	install -m 644 $(BUILD)/libvcache.so '$(DESTDIR)$(LIBDIR)/vcache'
	install -m 644 $(manual_pages) '$(DESTDIR)$(MANDIR)/man1'
	install -m 644 tools/completions/vcache.bash '$(DESTDIR)$(COMPLETIONS)/vcache'
	ln -sf vcache '$(DESTDIR)$(COMPLETIONS)/vcache-flush'
	ln -sf vcache '$(DESTDIR)$(COMPLETIONS)/vcache-stat'

uninstall:
	for name in vcache vcache-flush vcache-stat; do \
	    rm -f '$(DESTDIR)$(BINDIR)'/$$name '$(DESTDIR)$(MANDIR)'/man1/$$name.1 \
	        '$(DESTDIR)$(COMPLETIONS)'/$$name; done
	rm -f '$(DESTDIR)$(LIBDIR)/vcache/libvcache.so'
	if [ -d '$(DESTDIR)$(LIBDIR)/vcache' ]; then rmdir '$(DESTDIR)$(LIBDIR)/vcache'; fi
