# SPDX-License-Identifier: GPL-2.0
#
# The conditions of compat.rs, by the version of the kernel that is built for.

kernel-before = $(shell [ $$(($(VERSION) * 1000 + $(PATCHLEVEL))) -lt $$(($(1) * 1000 + $(2))) ] && echo y)

ifeq ($(call kernel-before,7,3),y)
compat-cfgs := --cfg xlnet_before_7_3
# Before 7.3 the kernel's own `bindings` crate lacks these: nothing that it
# reads includes <net/genetlink.h>.
compat-bindgen := \
	--allowlist-type '(in_addr|ipv4_devconf|neighbour|netdevice_tracker)' \
	--opaque-type neighbour
endif
