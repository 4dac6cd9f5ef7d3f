// SPDX-License-Identifier: GPL-2.0

//! What Neighbor Discovery (RFC 4861) says of who has an address.

use core::net::Ipv6Addr;

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// Options with the Ethernet address of the sender, and of the target.
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;

/// Flags of an advertisement.
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// A hop limit that no router has lowered: the message is from the same link.
const FROM_THE_LINK: u8 = 255;

/// An ICMPv6 message, as a host received it.
#[derive(Clone, Copy, Debug)]
pub struct NdpMessage<'a> {
    /// Source of the packet.
    pub source: Ipv6Addr,
    /// Its destination.
    pub destination: Ipv6Addr,
    /// Its hop limit.
    pub hop_limit: u8,
    /// The Ethernet address that it came from.
    pub sender: [u8; 6],
    /// The message from its type on, with a checksum that is right.
    pub bytes: &'a [u8],
}

/// What a message says: that an address is at an Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NdpClaim {
    /// The address, unicast.
    pub address: Ipv6Addr,
    /// Where it is.
    pub mac: [u8; 6],
    /// Whether it counts against what is known already. What anycast addresses and proxies are
    /// answered with does not (RFC 4861, 7.2.4), and neither does the answer to who asked one host
    /// alone.
    pub overrides: bool,
}

impl NdpClaim {
    /// Reads a message. `None` if it is no solicitation or advertisement that a host would accept
    /// (RFC 4861, 7.1), or one that says of nobody where he is: who tries whether an address is free
    /// has none yet.
    pub fn read(message: &NdpMessage<'_>) -> Option<Self> {
        let (fixed, rest) = message.bytes.split_first_chunk::<8>()?;
        let (target, options) = rest.split_first_chunk::<16>()?;
        let target = Ipv6Addr::from(*target);
        let &[kind, 0, _, _, flags, ..] = fixed else {
            return None;
        };
        if message.hop_limit != FROM_THE_LINK || target.is_multicast() {
            return None;
        }
        let options = Options::read(options)?;
        match kind {
            SOLICITATION if names_one_host(message.source) => Some(Self {
                address: message.source,
                mac: options.source?,
                overrides: true,
            }),
            ADVERTISEMENT if flags & SOLICITED == 0 || !message.destination.is_multicast() => {
                Some(Self {
                    address: target,
                    // Who was asked alone may leave it out.
                    mac: options.target.unwrap_or(message.sender),
                    overrides: flags & OVERRIDE != 0,
                })
            }
            _ => None,
        }
        .filter(|claim| names_one_host(claim.address))
    }
}

fn names_one_host(address: Ipv6Addr) -> bool {
    !address.is_unspecified() && !address.is_multicast()
}

/// The Ethernet addresses among a message's options; of two, the first.
#[derive(Default)]
struct Options {
    source: Option<[u8; 6]>,
    target: Option<[u8; 6]>,
}

impl Options {
    /// `None` if one of the options has no length, or more than there is: the whole message is not
    /// to be believed then (RFC 4861, 4.6).
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut this = Self::default();
        while let &[kind, units, ..] = bytes {
            let len = usize::from(units) * 8;
            if len == 0 {
                return None;
            }
            let (option, rest) = bytes.split_at_checked(len)?;
            if let &[_, 1, a, b, c, d, e, f] = option {
                let mac = [a, b, c, d, e, f];
                match kind {
                    SOURCE_LINK_LAYER => this.source = this.source.or(Some(mac)),
                    TARGET_LINK_LAYER => this.target = this.target.or(Some(mac)),
                    _ => {}
                }
            }
            bytes = rest;
        }
        // A single byte is no option.
        bytes.is_empty().then_some(this)
    }
}
