// SPDX-License-Identifier: GPL-2.0

//! Whom a packet is from and for, by its IP header.
//!
//! Only what every packet of its protocol has at one place is read: options and extension headers
//! are the kernel's to understand, which treats a packet of a channel as one of the NIC.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::meta::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};

/// Length of an IPv4 header without options (RFC 791), in bytes.
const IPV4_HEADER: usize = 20;
/// Length of an IPv6 header without extension headers (RFC 8200), in bytes.
const IPV6_HEADER: usize = 40;

/// The addresses in a packet's IP header, both of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Whom it says it is from.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
}

impl Ends {
    /// Reads the addresses of a packet with that EtherType. `copy` is asked once to copy the packet's
    /// first bytes to the whole of its argument, and returns whether there are so many.
    ///
    /// `None` if the packet is too short, its header's version is not the EtherType's, or that is
    /// none that channels carry.
    #[inline]
    pub fn read(ethertype: u16, copy: impl FnOnce(&mut [u8]) -> bool) -> Option<Self> {
        match ethertype {
            ETHERTYPE_IPV4 => {
                let mut header = [0; IPV4_HEADER];
                let whole = copy(&mut header);
                Self::of_ipv4(&header).filter(|_| whole)
            }
            ETHERTYPE_IPV6 => {
                let mut header = [0; IPV6_HEADER];
                let whole = copy(&mut header);
                Self::of_ipv6(&header).filter(|_| whole)
            }
            _ => None,
        }
    }

    #[inline]
    fn of_ipv4(header: &[u8; IPV4_HEADER]) -> Option<Self> {
        // RFC 791: version in the first four bits, source at 12, destination at 16.
        let [first, .., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
        (first >> 4 == 4).then_some(Self {
            source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
            destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        })
    }

    #[inline]
    fn of_ipv6(header: &[u8; IPV6_HEADER]) -> Option<Self> {
        // RFC 8200: version in the first four bits, source at 8, destination at 24.
        let (fixed, addresses) = header.split_first_chunk::<8>()?;
        let (source, destination) = addresses.split_first_chunk::<16>()?;
        let (destination, _) = destination.split_first_chunk::<16>()?;
        let [first, ..] = *fixed;
        (first >> 4 == 6).then_some(Self {
            source: IpAddr::V6(Ipv6Addr::from(*source)),
            destination: IpAddr::V6(Ipv6Addr::from(*destination)),
        })
    }
}
