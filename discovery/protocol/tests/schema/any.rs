// SPDX-License-Identifier: GPL-2.0

//! Any values, for tests of what holds of all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use xlnet_protocol::{Addrs, DomId, Mac, MAX_ADDRS};

use crate::guest;

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(bits))),
    ]
}

/// Valid lists: whatever `push` refuses is left out.
pub fn any_addrs() -> impl Strategy<Value = Addrs> {
    proptest::collection::vec(any_addr(), 0..=MAX_ADDRS).prop_map(|all| {
        let mut addrs = Addrs::new();
        for addr in all {
            let _ = addrs.push(addr);
        }
        addrs
    })
}

pub fn any_mac() -> impl Strategy<Value = Mac> {
    any::<[u8; 6]>().prop_filter_map("unicast", |octets| Mac::new(octets).ok())
}

pub fn any_guest() -> impl Strategy<Value = DomId> {
    (1..0x7ff0u16).prop_map(guest)
}
