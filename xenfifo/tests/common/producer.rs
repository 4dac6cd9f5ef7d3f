// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A producer under a hostile peer.

use xenfifo::{Producer, PushError};

use super::liar::{record_size, Lie, Watch, RING};
use super::paged::{Control, Paged, PeerControl, Ring};

/// A producer does `calls` (a kind and a length each) while its peer tells `lies`.
pub fn a_producer_survives(index: u32, calls: Vec<(u8, u32)>, lies: Vec<Lie>) {
    let (theirs, own) = (Control::new(), Control::new());
    let mut watch = Watch::new(theirs.clone(), Ring::new(RING), index, lies);
    let peer = PeerControl(theirs, watch.hook.clone());
    let mut tx = Producer::<Paged>::starting_at(own, peer, Ring::new(RING), index).unwrap();

    // Free bytes as far as known: only the peer can change them, and only to more.
    let mut room = RING;
    for (call, len) in calls {
        match call {
            0 => {
                watch.call(2, || tx.wait_for(len));
            }
            1 => {
                watch.call(1, || tx.publish());
            }
            2 => {
                if let Some(free) = watch.call(1, || tx.free()) {
                    assert!(free >= room && free <= RING);
                    room = free;
                }
                let fits = watch.call(1, || tx.fits(len));
                assert!(fits != Some(false) || len > RING - 16 || record_size(len) > room);
                watch.call(1, || tx.is_drained());
            }
            _ => {
                let packet = vec![2; len as usize];
                let pushed = watch.call(1, || match tx.push([1; 12], &[&packet]) {
                    Ok(()) => Ok(true),
                    Err(PushError::Broken(reason)) => Err(reason),
                    Err(PushError::Full) => Ok(false),
                    Err(reason) => {
                        let impossible = len == 0 || len > RING - 16;
                        assert_eq!((reason, impossible), (PushError::TooLong, true));
                        Ok(false)
                    }
                });
                if pushed == Some(true) {
                    room = room.saturating_sub(record_size(len));
                }
            }
        }
    }
}
