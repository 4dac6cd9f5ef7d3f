"""Boots a real Xen under QEMU and drives it: dom0, guests, their kernel logs, and test cases."""
