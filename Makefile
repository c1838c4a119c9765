# pg_exclusive: the ordinary PGXS way is `make && make install`, for the
# server that PG_CONFIG names; `make installcheck` tests what is installed.
#
# The targets in TOOLS need nothing installed but git and make: each is a
# script that installs what it lacks and brings its own throw-away server.

TOOLS = demo check check-all languages bench stress matrix format indent lint dist release

MODULE_big = pg_exclusive
EXTENSION = extension/pg_exclusive
DATA = $(sort $(wildcard sql/*.sql))
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" extension/pg_exclusive.control)
PG_CPPFLAGS = -Iextension -DPGX_VERSION='"$(EXTVERSION)"'
SHLIB_LINK = $(filter -lcrypto,$(LIBS)) -Wl,--version-script=extension/exports.map
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard extension/*.c extension/*/*.c)))

REGRESS = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
REGRESS_OPTS = --inputdir=test --load-extension=pg_exclusive
ISOLATION = $(sort $(basename $(notdir $(wildcard test/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=pg_exclusive
ENCODING = UTF8
NO_LOCALE = 1
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

PG_CONFIG ?= pg_config

# PGXS is asked for only by goals of its own: on a fresh machine there is none.
ifneq ($(filter-out $(TOOLS),$(or $(MAKECMDGOALS),all)),)
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
$(OBJS): $(wildcard extension/*.h extension/*/*.h)
pg_exclusive.so: extension/exports.map
endif

asked = $(filter $(TOOLS),$(MAKECMDGOALS))
.PHONY: $(TOOLS)
$(filter check format indent lint dist release,$(asked)): ; @test/lib/$@
$(filter check-all,$(asked)): ; @test/lib/check all
$(filter demo,$(asked)): ; @test/demo/demo
$(filter languages,$(asked)): ; @test/conformance/languages
$(filter bench,$(asked)): ; @test/bench/run
$(filter stress,$(asked)): ; @test/stress/stress
$(filter matrix,$(asked)): ; @test/matrix/run
