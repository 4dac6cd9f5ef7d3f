// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A consumer under a hostile peer.

use xenfifo::Consumer;

use super::liar::{record_size, Lie, Watch, RING};
use super::paged::{Control, Paged, PeerControl, PeerRing, Ring};

impl Watch {
    /// Runs `publish`, which has no way to say `Broken`: it must say no, without a look.
    fn publish(&mut self, publish: impl FnOnce() -> bool) {
        let before = self.looks.get();
        let notify = publish();
        let looks = self.looks.get() - before;
        match self.broken {
            None => assert!(looks <= 1, "{looks} looks"),
            Some(_) => assert_eq!((notify, looks), (false, 0)),
        }
    }
}

/// A consumer does `calls` (a kind and a number each) while its peer tells `lies`.
pub fn a_consumer_survives(index: u32, calls: Vec<(u8, u32)>, lies: Vec<Lie>) {
    let (theirs, own, ring) = (Control::new(), Control::new(), Ring::new(RING));
    let mut watch = Watch::new(theirs.clone(), ring.clone(), index, lies);
    let peer = PeerControl(theirs, watch.hook.clone());
    let ring = PeerRing(ring, watch.hook.clone());
    let mut rx = Consumer::<Paged>::starting_at(own, peer, ring, index).unwrap();

    // Bytes consumed since the last publish: never more than the ring.
    let mut taken = 0;
    for (call, n) in calls {
        match call {
            0 => {
                watch.call(1, || rx.wait());
            }
            1 => {
                watch.publish(|| rx.publish());
                taken = 0;
            }
            2 => {
                // Seen and left: it may be another one the next time.
                watch.call(2, || rx.peek().map(|r| r.map(|r| r.len())));
            }
            _ => {
                // One look at the index, one at the header, the packet on at most two pages.
                let len = watch.call(4, || {
                    let Some(record) = rx.peek()? else {
                        return Ok(None);
                    };
                    assert!((1..=RING - 16).contains(&record.len()));
                    let mut packet = vec![0; record.len() as usize];
                    let at = packet.len() / 2;
                    record.copy_to(at, &mut packet[at..]).unwrap();
                    assert!(n == 0 || record.copy_to(n as usize, &mut packet).is_err());
                    let len = record.len();
                    record.consume();
                    Ok(Some(len))
                });
                if let Some(Some(len)) = len {
                    taken += record_size(len);
                    assert!(taken <= RING);
                }
            }
        }
    }
}
