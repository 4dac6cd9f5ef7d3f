// SPDX-License-Identifier: GPL-2.0

//! How much there may be.

use std::net::Ipv6Addr;

use xlnet_protocol::{Addrs, List, Mac, Node, Path, PeerEntry, Wish, MAX_ADDRS, MAX_WISHES};

use crate::guest;

/// With its path, what somebody writes has to fit into one message of XenStore's; xenstored allows a guest no longer
/// node than half of that, unless it is told otherwise.
#[test]
fn the_longest_values_fit_into_xenstore() {
    const MESSAGE: usize = 4096;
    let addresses = |net: u16| {
        let mut addrs = Addrs::new();
        for last in 0..MAX_ADDRS as u16 {
            let address = Ipv6Addr::new(
                0x2001,
                0xdb8,
                net,
                0xffff,
                0xffff,
                0xffff,
                0xffff,
                0xff00 | last,
            );
            addrs.push(address.into()).unwrap();
        }
        addrs
    };
    let mac = Mac::new([0xfe; 6]).unwrap();
    let entry = PeerEntry {
        mac,
        addrs: addresses(0xfff0),
        own: addresses(0xfff1),
        nonce: u64::MAX,
    };
    let path = Path::of(guest(32751), Node::Peer(guest(32751)));
    assert!(format!("{path}{entry}").len() < MESSAGE);

    let mut wish = Wish::new(64);
    for last in 0..MAX_WISHES as u8 {
        wish.push(Mac::new([2, 0, 0, 0, 0, last]).unwrap()).unwrap();
    }
    assert!(wish.to_string().len() < MESSAGE / 2);
    assert!(addresses(0xfff0).to_string().len() < MESSAGE / 2);
}

#[test]
fn a_full_list_refuses() {
    let mut list = List::<u8, 2>::new();
    assert!(list.is_empty());
    assert!(list.push(1).is_ok() && list.push(2).is_ok());
    assert!(list.push(3).is_err());
    assert_eq!(list.iter().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(list.len(), 2);
}
