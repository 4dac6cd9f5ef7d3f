// SPDX-License-Identifier: GPL-2.0

//! The addresses of a guest's NIC.

use core::fmt;
use core::net::IpAddr;

use crate::error::{Field, Kind, SchemaError};
use crate::list::List;

/// How many IP addresses one guest may advertise, of both families together. As many may be
/// [accepted](crate::MAX_ACCEPTED).
pub const MAX_ADDRS: usize = 32;

/// The MAC address of a NIC: unicast and not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address made of `octets`, in the order in which they are sent.
    ///
    /// # Errors
    ///
    /// [`Kind::NotUnicast`] if it is a group address, the broadcast address or zero.
    pub fn new(octets: [u8; 6]) -> Result<Self, SchemaError> {
        let [first, ..] = octets;
        // The broadcast address has the group bit set as well.
        if first & 1 != 0 || octets == [0; 6] {
            return Err(Field::Mac.error(Kind::NotUnicast));
        }
        Ok(Self(octets))
    }

    /// The six octets, in the order in which they are sent.
    pub const fn octets(&self) -> [u8; 6] {
        self.0
    }

    /// Reads `aa:bb:cc:dd:ee:ff`. Either case will do: toolstacks write what the administrator
    /// wrote.
    ///
    /// # Errors
    ///
    /// [`Kind::Syntax`] if it is not written so, else as [`Mac::new`].
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let malformed = Field::Mac.error(Kind::Syntax);
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or(malformed)?;
            if part.len() != 2 || !part.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(malformed);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| malformed)?;
        }
        if parts.next().is_some() {
            return Err(malformed);
        }
        Self::new(octets)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// At most [`MAX_ADDRS`] different unicast addresses, IPv4 or IPv6, in a given order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addrs(List<IpAddr, MAX_ADDRS>);

impl Addrs {
    /// No address.
    pub const fn new() -> Self {
        Self(List::new())
    }

    /// Appends an address.
    ///
    /// # Errors
    ///
    /// The list is then unchanged. [`Kind::NotUnicast`] for an address that does not name one host
    /// to its neighbours: unspecified, loopback, multicast, broadcast, IPv6 link-local (no route
    /// leads to it) and IPv4 mapped into IPv6 (a second spelling). [`Kind::Duplicate`] if it is
    /// listed already, [`Kind::TooMany`] if there is no room.
    pub fn push(&mut self, addr: IpAddr) -> Result<(), SchemaError> {
        if !names_one_host(addr) {
            return Err(Field::Addr.error(Kind::NotUnicast));
        }
        if self.contains(addr) {
            return Err(Field::Addr.error(Kind::Duplicate));
        }
        let pushed = self.0.push(addr);
        pushed.map_err(|_| Field::Addr.error(Kind::TooMany))
    }

    /// The addresses, first pushed first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.iter().copied()
    }

    /// Whether `addr` is listed.
    pub fn contains(&self, addr: IpAddr) -> bool {
        self.iter().any(|listed| listed == addr)
    }

    /// How many addresses are listed, `0..=MAX_ADDRS`.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no address is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses for which `keep` holds, in the same order.
    // Inlined, both lists would lie on the stack with those of who calls it.
    #[inline(never)]
    pub(crate) fn filter(&self, mut keep: impl FnMut(IpAddr) -> bool) -> Self {
        let mut kept = Self::new();
        for addr in self.iter().filter(|addr| keep(*addr)) {
            // Cannot be refused: a part of a valid list is a valid list.
            let _ = kept.push(addr);
        }
        kept
    }

    /// Reads addresses separated by single spaces; an empty string is an empty list.
    ///
    /// # Errors
    ///
    /// [`Kind::Syntax`] if one is not an address, else as [`Addrs::push`].
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut addrs = Self::new();
        if !text.is_empty() {
            text.split(' ').try_for_each(|word| addrs.push_text(word))?;
        }
        Ok(addrs)
    }

    /// Appends an address.
    ///
    /// # Errors
    ///
    /// [`Kind::Syntax`] if it is not one, else as [`Addrs::push`].
    pub(crate) fn push_text(&mut self, text: &str) -> Result<(), SchemaError> {
        let addr = text.parse();
        self.push(addr.map_err(|_| Field::Addr.error(Kind::Syntax))?)
    }

    /// Reads a vif's `ip=`, as the toolstack leaves it in the backend's directory: `None` if it
    /// restricts nothing, else the addresses it permits.
    ///
    /// Words that are not single addresses permit nothing: a restriction that is not understood
    /// must not be read as the absence of one.
    pub fn parse_restriction(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace().peekable();
        words.peek()?;
        let mut permitted = Self::new();
        for addr in words.filter_map(|word| word.parse().ok()) {
            // An address that is refused here could not be advertised either; one for which
            // there is no room is not permitted.
            let _ = permitted.push(addr);
        }
        Some(permitted)
    }
}

impl fmt::Display for Addrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, addr) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{addr}")?;
        }
        Ok(())
    }
}

fn names_one_host(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => {
            let [net, ..] = v4.octets();
            net != 0 && !v4.is_loopback() && !v4.is_multicast() && !v4.is_broadcast()
        }
        IpAddr::V6(v6) => {
            !v6.is_unspecified()
                && !v6.is_loopback()
                && !v6.is_multicast()
                && !v6.is_unicast_link_local()
                && v6.to_ipv4_mapped().is_none()
        }
    }
}
