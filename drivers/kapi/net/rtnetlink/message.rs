// SPDX-License-Identifier: GPL-2.0

//! Messages as netlink has them.

use crate::bindings;
use core::net::IpAddr;

/// More than any object takes.
const ROOM: usize = 128;

/// A netlink message that is being written: `nlmsghdr`, a header of its kind, attributes.
pub struct Message {
    bytes: [u8; ROOM],
    len: usize,
}

impl Message {
    pub(super) fn new(kind: u32, flags: u32) -> Self {
        let mut this = Self {
            bytes: [0; ROOM],
            len: 0,
        };
        this.put(&[0; 4]); // The length, see `finish`.
        this.put(&(kind as u16).to_ne_bytes());
        this.put(&(flags as u16).to_ne_bytes());
        this.put(&[0; 8]); // Sequence number, port.
        this
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        // PANIC: The objects take less than there is room for.
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends an attribute, padded to a multiple of 4 bytes.
    pub(super) fn attribute(&mut self, kind: u32, value: &[u8]) {
        self.put(&(4 + value.len() as u16).to_ne_bytes());
        self.put(&(kind as u16).to_ne_bytes());
        self.put(value);
        self.len = self.len.next_multiple_of(4);
    }

    pub(super) fn number(&mut self, kind: u32, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    pub(super) fn address(&mut self, kind: u32, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.attribute(kind, &address.octets()),
            IpAddr::V6(address) => self.attribute(kind, &address.octets()),
        }
    }

    /// What all messages about next hops begin with.
    pub(super) fn next_hop(&mut self, family: u8, protocol: u8, id: u32) {
        // nhmsg: family, scope, protocol, reserved, flags.
        self.put(&[family, 0, protocol, 0]);
        self.put(&[0; 4]);
        self.number(bindings::NHA_ID, id);
    }

    pub(super) fn finish(&mut self) -> &mut [u8] {
        let len = (self.len as u32).to_ne_bytes();
        // PANIC: As in `put`; `new` made room for the length.
        self.bytes[..4].copy_from_slice(&len);
        &mut self.bytes[..self.len]
    }
}
