# SPDX-License-Identifier: GPL-2.0
# What a person runs. How the modules are built is Kbuild's matter.

enter := tests/env/enter

# KDIR=…: build against that kernel tree with the tools of this machine; otherwise
# against a stock kernel of Debian's, the newest or XLNET_KERNEL=…, in a build root
# made on first use.
ifdef KDIR
kdir         := $(abspath $(KDIR))
module-build := $(MAKE) -C $(kdir) M=$(CURDIR)
else
module-build := tests/env/kernel-make M=$(CURDIR)
endif

.PHONY: help
help: ## List the targets (the default)
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target text; do printf '  make %-14s %s\n' "$$target" "$$text"; done
	@echo 'First use makes a build root, a kernel tree and lab images under $${XLNET_CACHE:-/var/cache/xlnet}.'

.PHONY: modules
modules: ## Build xlnet.ko and xldiscovery.ko (KDIR=… for another kernel tree)
ifdef KDIR
	@tests/env/check-kdir $(kdir)
endif
	+$(module-build) $(if $(CLIPPY),CLIPPY=$(CLIPPY)) $(if $(V),V=$(V)) $(if $(TESTS),TESTS=1) modules

.PHONY: test
test: ## Run all checks and lab cases (CASE=name|list, ALL=1, KERNELS=all, DEBUG_KERNEL=1, PREVIOUS=DIRECTORY)
	@rm -rf out/previous
	@$(if $(PREVIOUS),mkdir -p out/previous && cp $(PREVIOUS)/xlnet.ko $(PREVIOUS)/xldiscovery.ko out/previous)
	@$(if $(ALL),XLNET_ALL=1) $(if $(DEBUG_KERNEL),DEBUG_KERNEL=1) $(if $(KERNELS),KERNELS=$(KERNELS)) \
		tests/env/test $(CASE)

.PHONY: fuzz
fuzz: ## Fuzz what reads peers' bytes (FUZZ_SECONDS=60 for each target), inputs and logs in out/fuzz/
	@$(enter) tests/env/fuzz xenfifo $(or $(FUZZ_SECONDS),60) $(CURDIR)/out/fuzz
	@$(enter) tests/env/fuzz discovery/protocol $(or $(FUZZ_SECONDS),60) $(CURDIR)/out/fuzz

.PHONY: bench-fifo
bench-fifo: ## Measure the FIFO against other queues (4 minutes), print a table, write out/bench-fifo.md
	@mkdir -p out && rm -f out/bench-fifo.md
	@$(enter) env XENFIFO_BENCH_TABLE=$(CURDIR)/out/bench-fifo.md \
		cargo bench -p xenfifo --bench fifo -- --noplot 2>&1 | tee out/bench-fifo.log | \
		grep --line-buffered -E ': round|Compiling|^error'
	@test -e out/bench-fifo.md || { tail -n 20 out/bench-fifo.log; \
		echo 'bench-fifo: failed, whole log: out/bench-fifo.log' >&2; exit 1; }
	@cat out/bench-fifo.md

.PHONY: mutants
mutants: ## Mutate the FIFO and see that its tests notice (an hour or two), results in out/mutants.out/
	@$(enter) xenfifo/tests/mutants $(CURDIR)/out

.PHONY: demo
demo: modules ## Measure eth0 against xl0 between two guests, print a table, write out/demo.json
	@tests/xen/run demo

.PHONY: bench
bench: modules ## Measure all paths, write out/bench.* (QUICK=1, ROUNDS=N, ONLY=name,…|list, BEFORE=xlnet.ko)
	@mkdir -p out && rm -f out/before.ko
	@$(if $(BEFORE),cp $(BEFORE) out/before.ko)
	@tests/xen/run bench $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY))

.PHONY: migration
migration: modules ## Move a guest between two hosts, with xlnet and without, write out/migration.*
	@tests/xen/run migration

.PHONY: lab
lab: modules ## Boot Xen with dom0 and two guests and leave you at dom0's prompt
	@tests/xen/run shell

.PHONY: rust-analyzer
rust-analyzer: ## Write rust-project.json for the modules and the kernel crates they use
	+$(module-build) rust-analyzer
	tests/env/rust-project .

# DESTDIR=… stages the files for a package.
sbin     := $(DESTDIR)/usr/local/sbin
libexec  := $(DESTDIR)/usr/local/libexec/xlnet
units    := $(DESTDIR)/usr/local/lib/systemd/system
managers := $(DESTDIR)/etc/NetworkManager/conf.d
udev     := $(DESTDIR)/etc/udev/rules.d
man      := $(DESTDIR)/usr/local/share/man
complete := $(DESTDIR)/usr/local/share/bash-completion/completions
# What `modinfo -F vermagic` begins with, on machines without kmod too.
release   = $(shell grep -aoE 'vermagic=[^ ]+' xlnet.ko | cut -d= -f2)
updates   = $(DESTDIR)/lib/modules/$(release)/updates

.PHONY: install
install: ## Install modules, scripts and their configuration on this machine (DESTDIR=…)
	@test -e xlnet.ko || { echo 'install: no xlnet.ko here, run "make modules" first' >&2; exit 1; }
	install -d $(updates) $(sbin) $(libexec) $(complete)
	install -d $(DESTDIR)/etc/iproute2/rt_protos.d $(DESTDIR)/etc/iproute2/rt_tables.d
	install -d $(DESTDIR)/etc/systemd/network $(managers) $(udev) $(DESTDIR)/etc/modprobe.d $(DESTDIR)/etc/sysctl.d
	install -d $(units) $(man)/man4 $(man)/man8
	install -m 644 xlnet.ko xldiscovery.ko $(updates)
	install -m 755 $(addprefix iproute-scripts/,xl-status xl-top xl-bench xl-policy) $(sbin)
	install -m 644 iproute-scripts/libexec/*.bash $(libexec)
	install -m 644 iproute-scripts/bash-completion/* $(complete)
	install -m 644 iproute-scripts/rt_protos.d/xlnet.conf $(DESTDIR)/etc/iproute2/rt_protos.d
	install -m 644 iproute-scripts/rt_tables.d/xlnet.conf $(DESTDIR)/etc/iproute2/rt_tables.d
	install -m 644 iproute-scripts/network/00-xl0.network $(DESTDIR)/etc/systemd/network
	install -m 644 iproute-scripts/NetworkManager/xlnet.conf $(managers)
	install -m 644 iproute-scripts/udev/*.rules $(udev)
	install -m 644 iproute-scripts/sysctl.d/60-xlnet.conf $(DESTDIR)/etc/sysctl.d
	install -m 644 iproute-scripts/modprobe.d/xldiscovery.conf $(DESTDIR)/etc/modprobe.d
	install -m 644 iproute-scripts/systemd/*.service $(units)
	install -m 644 iproute-scripts/*.4 $(man)/man4
	install -m 644 iproute-scripts/*.8 $(man)/man8
	$(if $(DESTDIR),,depmod $(release))

.PHONY: deb
deb: ## Build Debian packages into out/deb/, for all kernels or XLNET_KERNEL=… (MOK_KEY=… MOK_CERT=… sign)
	@tests/env/deb out/deb

.PHONY: clean
clean: ## Remove build products and out/ (the cache stays)
	+$(module-build) clean
	rm -rf out rust-project.json
