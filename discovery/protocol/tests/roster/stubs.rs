// SPDX-License-Identifier: GPL-2.0

//! The stub domains of HVM guests.

use xlnet_protocol::roster::Warning;
use xlnet_protocol::{Reason, Reasons};

use crate::host::{advert, all, domid, mac, plain, segment, vif, Guest};

/// The stub domain of an HVM guest, which has vifs with that one's MACs on the same bridges.
fn stub(id: u8, of: &Guest) -> Guest {
    let mut stub = Guest::new(domid(id.into()), None, of.nics.clone());
    stub.stub_of = Some(of.domid);
    stub
}

#[test]
fn a_stub_domain_is_paired_with_its_guest() {
    // Its id may be lower or higher.
    for id in [1, 9] {
        let hvm = plain(4, 7);
        let result = all(vec![stub(id, &hvm), hvm, plain(2, 7)]);
        assert_eq!(result.pairs, [(2, 4), (4, 2)]);
        assert_eq!(result.warnings, []);
    }
    // Of a guest with several, each vif has its pair.
    let mut hvm = plain(4, 7);
    hvm.nics.insert(0, vif(mac(14), segment(8)));
    let result = all(vec![stub(5, &hvm), hvm, plain(2, 7)]);
    assert_eq!(result.pairs, [(2, 4), (4, 2)]);
}

#[test]
fn a_stub_domain_stands_for_its_guest_alone() {
    // Another guest with that MAC has as little of it as it would have beside the guest itself.
    let hvm = plain(4, 7);
    let mut other = plain(5, 7);
    other.advert = Some(Ok(advert(mac(4), "10.0.0.5")));
    other.nics = hvm.nics.clone();
    let mut elsewhere = hvm.clone();
    elsewhere.nics[0].port.segment = segment(8);
    // One that advertises the MAC itself is not taken for one that reports whom it shares it with.
    let mut loud = stub(3, &hvm);
    loud.advert = Some(Ok(advert(mac(4), "10.0.0.3")));
    for guests in [
        vec![stub(6, &hvm), other.clone(), elsewhere.clone(), plain(2, 7)],
        vec![stub(6, &hvm), other.clone(), hvm, plain(2, 7)],
        vec![loud, other.clone(), elsewhere, plain(2, 7)],
    ] {
        let result = all(guests);
        assert_eq!(result.reasons[&5], Reasons::of(Reason::SharedMac));
        assert_eq!(result.pairs, []);
        let about = |warning: &Warning| warning.guests().contains(&domid(5));
        assert!(result.warnings.iter().any(about), "{:?}", result.warnings);
    }
}

#[test]
fn a_stub_domain_meets_nobody_itself() {
    let hvm = plain(4, 7);
    let mut stub = stub(5, &hvm);
    stub.advert = Some(Ok(advert(mac(4), "10.0.0.5")));
    let result = all(vec![hvm, stub, plain(2, 7)]);
    assert_eq!(result.pairs, [(2, 4), (4, 2)]);
    assert_eq!(result.reasons[&5], Reasons::of(Reason::ForeignMac));
}
