# Stoa. `make demo` runs the main job, `make test` passes the tests; both set themselves up.
#
#   make                build the library and the program (needs `make deps` once)
#   make deps           install the missing Debian packages
#   make test           build and run every test; V=1 shows all their output
#   make demo           train dense and Mixture-of-Depths models for some minutes, write a report
#   make lint           layering, symbols, headers, format, clang-tidy, clang build, file sizes
#   make asan ubsan tsan   the tests under a sanitizer, each in a build folder of its own
#   make msan           base's tests under clang's memory sanitizer
#   make bench          build and run the benchmarks
#   make fuzz           run each fuzz target for FUZZ_SECONDS (10)
#   make install        PREFIX (/usr/local) and DESTDIR are honoured; `make uninstall` undoes it
#   make clean

CC      ?= gcc
BUILD   ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0
OPT     ?= -O2 -g
# the program is built for the machine it is built on; MARCH=x86-64-v3 makes a portable one
MARCH   ?= native
SAN     ?=

PKGS    := dnnl jansson yaml-0.1 libpcre2-8 libutf8proc libpng libzip zlib libzstd libxxhash
# oneDNN in Debian 12 ships no pkg-config file
PKG_CFLAGS := $(shell pkg-config --cflags $(filter-out dnnl,$(PKGS)) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(filter-out dnnl,$(PKGS)) 2>/dev/null) -ldnnl -lgomp

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
           -Wformat=2 -Wpointer-arith -Wwrite-strings -Wno-psabi -Werror
# clang also minds the float constants NAN and INFINITY among doubles
WARN    += $(if $(findstring clang,$(CC)),,-Wdouble-promotion)
CFLAGS  += -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -fPIC -fvisibility=hidden -fno-math-errno \
           -fno-trapping-math -ffp-contract=fast -march=$(MARCH) -fopenmp-simd -pthread -Iinclude -Isrc $(PKG_CFLAGS) $(SAN)
LDLIBS  += $(PKG_LIBS) -lm -lpthread
LDFLAGS += -pthread $(SAN)

LIB_SRC  := $(sort $(filter-out src/cli/%,$(wildcard src/*/*.c src/*/*/*.c)))
CLI_SRC  := $(sort $(wildcard src/cli/*.c))
TEST_SRC := $(sort $(wildcard tests/*/test_*.c))
TEST_AUX := $(sort $(filter-out $(TEST_SRC),$(wildcard tests/*/*.c)))
BENCH_SRC := $(sort $(wildcard bench/*.c))

# studies/*.yaml, carried inside the program
STUDY_YAML := $(sort $(wildcard studies/*.yaml))
STUDY_C    := $(BUILD)/gen/studies.c

# the worker of environments in child processes, carried inside the library
WORKER_PY := src/env/gym_spaces.py src/env/gym_atari.py src/env/gym_worker.py
WORKER_C  := $(BUILD)/gen/gym_worker.c

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_A  := $(BUILD)/libstoa.a
LIB_SO := $(BUILD)/libstoa.so
SONAME := libstoa.so.0
STOA   := $(BUILD)/stoa
TESTS  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
FUZZERS := $(patsubst fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard fuzz/*.c)))
EXAMPLES := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard examples/*.c)))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))

.PHONY: all
all: $(LIB_A) $(LIB_SO) $(if $(CLI_SRC),$(STOA))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/src/base/version.o: CFLAGS += -DSTOA_VERSION='"$(VERSION)"' -DSTOA_FLAGS='"$(OPT) -march=$(MARCH) $(SAN)"'

# kernels: let the compiler vectorise, in full-width registers
$(BUILD)/src/tensor/cpu/%.o: OPT := -O3 -g -mprefer-vector-width=512
# and the steps of batched environments; a world's numbers are the same with and without fused
# multiply-add
$(BUILD)/src/env/%.o: OPT := -O3 -g -mprefer-vector-width=512
$(BUILD)/src/env/%.o: CFLAGS += -ffp-contract=off
# items of classes likewise
$(BUILD)/src/data/%.o: OPT := -O3 -g -mprefer-vector-width=512
$(BUILD)/src/data/%.o: CFLAGS += -ffp-contract=off
# so are the optimisers' passes
$(BUILD)/src/nn/init.o $(BUILD)/src/nn/adamw.o $(BUILD)/src/nn/rmsprop.o $(BUILD)/src/nn/optimizer.o: OPT := -O3 -g -mprefer-vector-width=512

# the commit goes into reports; the file changes only when it does
COMMIT := $(shell git --no-optional-locks describe --always --dirty --abbrev=10 2>/dev/null || echo unknown)
.PHONY: force
$(BUILD)/gen/commit: force
	@mkdir -p $(@D)
	@echo '$(COMMIT)' | cmp -s - $@ || echo '$(COMMIT)' > $@
$(BUILD)/src/study/machine.o: $(BUILD)/gen/commit
$(BUILD)/src/study/machine.o: CFLAGS += -DSTOA_COMMIT='"$(COMMIT)"'

$(STUDY_C): $(STUDY_YAML) scripts/embed-studies
	@mkdir -p $(@D)
	scripts/embed-studies $(STUDY_YAML) > $@

$(WORKER_C): $(WORKER_PY) scripts/embed-text
	@mkdir -p $(@D)
	scripts/embed-text stoa_gym_worker env/gym.h $(WORKER_PY) > $@

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(CC) $(CFLAGS) -c $< -o $@

$(LIB_A): $(call obj,$(LIB_SRC)) $(patsubst %.c,%.o,$(STUDY_C) $(WORKER_C))
	@rm -f $@
	ar rcs $@ $^

$(LIB_SO): $(call obj,$(LIB_SRC)) $(patsubst %.c,%.o,$(STUDY_C) $(WORKER_C))
	$(CC) -shared $(LDFLAGS) $(if $(SAN),,-Wl,-z,defs) -Wl,-soname,$(SONAME) $^ $(LDLIBS) -o $@

$(STOA): $(call obj,$(CLI_SRC)) $(LIB_A)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# a room's tests may share helpers: every other .c file of the same tests/ folder is linked in
.SECONDEXPANSION:
# (a plain % in the rule would become the stem)
percent := %
comma := ,
$(BUILD)/tests/%: $(BUILD)/tests/%.o $$(call obj,$$(filter tests/$$(dir $$*)$$(percent),$(TEST_AUX))) $(LIB_A)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

# this test writes down the file operations of a save
$(BUILD)/tests/nn/test_checkpoint_power: LDFLAGS += \
    $(addprefix -Wl$(comma)--wrap=,open openat write fsync rename renameat2 mkdir unlink unlinkat)

$(BUILD)/examples/%: $(BUILD)/examples/%.o $(LIB_A)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB_A)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

.PHONY: tests benches
# some tests run the program and the examples, or load the library
tests: $(TESTS) $(if $(CLI_SRC),$(STOA)) $(EXAMPLES) $(LIB_SO)
benches: $(BENCHES)
.SECONDARY:

# ---- what users and continuous integration call ----------------------------------------------

# the packages come first and in a make of their own, because the flags above ask pkg-config
JOBS   ?= $(shell nproc 2>/dev/null || echo 1)
SUBMAKE = $(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: deps all-with-deps test demo
deps:
	@scripts/deps
all-with-deps: deps
	@$(SUBMAKE) all
test: deps
	@$(SUBMAKE) -s all tests
	@scripts/run-tests $(BUILD)
demo: deps
	@$(SUBMAKE) -s all
	$(STOA) study run mixture-of-depths --scale demo --out runs/demo

# ---- checks ----------------------------------------------------------------------------------

.PHONY: lint asan ubsan tsan msan
lint:
	@scripts/deps dev
	@scripts/lint

# each sanitizer builds into a folder of its own; the first error ends a test
SANITIZE = $(SUBMAKE) -s BUILD=$(BUILD)-$(1) OPT='-O1 -g -fno-omit-frame-pointer' SAN='$(2)' tests && \
           $(3) scripts/run-tests $(BUILD)-$(1)
asan: deps
	@$(call SANITIZE,asan,-fsanitize=address,STOA_TEST_TIMEOUT=1200 ASAN_OPTIONS=detect_stack_use_after_return=1)
ubsan: deps
	@$(call SANITIZE,ubsan,-fsanitize=undefined -fno-sanitize-recover,STOA_TEST_TIMEOUT=1200 UBSAN_OPTIONS=print_stacktrace=1)
tsan: deps
	@$(call SANITIZE,tsan,-fsanitize=thread,STOA_TEST_TIMEOUT=1200 TSAN_OPTIONS="halt_on_error=1 suppressions=$(CURDIR)/scripts/tsan.supp")
# base only: MSan takes what a library without instrumentation wrote for unset, and all rooms above
# work on what jansson, oneDNN or PCRE2 give them; so do base's tests of settings and metrics
MSAN_TESTS := file memory pool rng text user
msan:
	@scripts/deps dev
	@$(SUBMAKE) -s CC=clang BUILD=$(BUILD)-msan OPT='-O1 -g -fno-omit-frame-pointer' \
	    SAN='-fsanitize=memory -fsanitize-memory-track-origins' LIB_SRC='$(wildcard src/base/*.c)' \
	    $(MSAN_TESTS:%=$(BUILD)-msan/tests/base/test_%)
	@STOA_TEST_TIMEOUT=1200 scripts/run-tests $(BUILD)-msan

print-%: # one variable's value, for scripts
	@echo '$($*)'

.PHONY: bench
bench: deps
	@$(SUBMAKE) -s benches
	@set -e; for b in $(filter $(BUILD)/bench/bench_%,$(BENCHES)); do echo "== $$b"; $$b; done

FUZZ_SECONDS ?= 10
# instrumented loops may stay scalar
FUZZ_FLAGS   := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Wno-pass-failed
$(BUILD)/fuzz/%: $(BUILD)/fuzz/%.o $(LIB_A)
	$(CC) $(LDFLAGS) -fsanitize=fuzzer $^ $(LDLIBS) -o $@
.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
fuzz:
	@scripts/deps dev
	@$(SUBMAKE) -s CC=clang BUILD=$(BUILD)-fuzz OPT='-O1 -g' SAN='$(FUZZ_FLAGS)' fuzzers
	@scripts/run-fuzzers $(BUILD)-fuzz $(FUZZ_SECONDS)

# ---- installing ------------------------------------------------------------------------------

bindir     ?= $(PREFIX)/bin
libdir     ?= $(PREFIX)/lib
includedir ?= $(PREFIX)/include
pkgdir     ?= $(libdir)/pkgconfig

# phony: PREFIX may differ from the last time
$(BUILD)/stoa.pc:
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(libdir)' 'includedir=$(includedir)' '' \
	    'Name: stoa' 'Description: A school for agents that use language' 'Version: $(VERSION)' \
	    'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lstoa' \
	    'Requires.private: $(filter-out dnnl,$(PKGS))' 'Libs.private: -ldnnl -lgomp -lm -lpthread' > $@

.PHONY: install uninstall $(BUILD)/stoa.pc
install: all $(BUILD)/stoa.pc
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(libdir) $(DESTDIR)$(pkgdir) $(DESTDIR)$(includedir)/stoa
	$(if $(CLI_SRC),install -m 755 $(STOA) $(DESTDIR)$(bindir)/stoa)
	install -m 644 $(LIB_A) $(DESTDIR)$(libdir)/libstoa.a
	install -m 755 $(LIB_SO) $(DESTDIR)$(libdir)/libstoa.so.$(VERSION)
	ln -sf libstoa.so.$(VERSION) $(DESTDIR)$(libdir)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(libdir)/libstoa.so
	install -m 644 include/stoa/*.h $(DESTDIR)$(includedir)/stoa
	install -m 644 $(BUILD)/stoa.pc $(DESTDIR)$(pkgdir)/stoa.pc
uninstall:
	rm -f $(DESTDIR)$(bindir)/stoa $(DESTDIR)$(libdir)/libstoa.a $(DESTDIR)$(pkgdir)/stoa.pc
	rm -f $(addprefix $(DESTDIR)$(libdir)/,libstoa.so libstoa.so.$(VERSION) $(SONAME))
	rm -rf $(DESTDIR)$(includedir)/stoa

.PHONY: clean
clean:
	rm -rf $(BUILD) $(addprefix $(BUILD)-,asan ubsan tsan msan fuzz clang tidy)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
