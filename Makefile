# Stoa. `make demo` runs the main job, `make test` passes the tests; both set themselves up.
# Targets: all demo test deps lint asan ubsan tsan bench fuzz install clean

CC      ?= gcc
BUILD   ?= build
PREFIX  ?= /usr/local
VERSION := 0.1.0
OPT     ?= -O2 -g
# the program is built for the machine it is built on; MARCH=x86-64-v3 makes a portable one
MARCH   ?= native
SAN     ?=

PKGS    := dnnl jansson yaml-0.1 libpcre2-8 libutf8proc libpng libzstd libxxhash
# oneDNN in Debian 12 ships no pkg-config file
PKG_CFLAGS = $(shell pkg-config --cflags $(filter-out dnnl,$(PKGS)) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(filter-out dnnl,$(PKGS)) 2>/dev/null) -ldnnl

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
           -Wdouble-promotion -Wformat=2 -Wpointer-arith -Wwrite-strings -Werror
CFLAGS  += -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -fPIC -fvisibility=hidden -fno-math-errno \
           -fno-trapping-math -ffp-contract=fast -march=$(MARCH) -fopenmp-simd -pthread -Iinclude -Isrc $(PKG_CFLAGS) $(SAN)
LDLIBS  += $(PKG_LIBS) -lm -lpthread
LDFLAGS += -pthread $(SAN)

LIB_SRC  := $(sort $(filter-out src/cli/%,$(wildcard src/*/*.c src/*/*/*.c)))
CLI_SRC  := $(sort $(wildcard src/cli/*.c))
TEST_SRC := $(sort $(wildcard tests/*/test_*.c))
TEST_AUX := $(sort $(filter-out $(TEST_SRC),$(wildcard tests/*/*.c)))
BENCH_SRC := $(sort $(wildcard bench/*.c))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIB_A  := $(BUILD)/libstoa.a
LIB_SO := $(BUILD)/libstoa.so
STOA   := $(BUILD)/stoa
TESTS  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(TEST_SRC))
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))

.PHONY: all
all: $(LIB_A) $(LIB_SO) $(if $(CLI_SRC),$(STOA))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# kernels: let the compiler vectorise, in full-width registers
$(BUILD)/src/tensor/cpu/%.o: OPT := -O3 -g -mprefer-vector-width=512

$(LIB_A): $(call obj,$(LIB_SRC))
	@rm -f $@
	ar rcs $@ $^

$(LIB_SO): $(call obj,$(LIB_SRC))
	$(CC) -shared $(LDFLAGS) -Wl,-soname,libstoa.so.0 $^ $(LDLIBS) -o $@

$(STOA): $(call obj,$(CLI_SRC)) $(LIB_A)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

# a room's tests may share helpers: every other .c file of the same tests/ folder is linked in
.SECONDEXPANSION:
$(BUILD)/tests/%: $(BUILD)/tests/%.o $$(call obj,$$(filter tests/$$(dir $$*)%,$(TEST_AUX))) $(LIB_A)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -lcmocka -o $@

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB_A)
	$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@

.PHONY: tests benches
tests: $(TESTS)
benches: $(BENCHES)

.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
