// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A consumer under a hostile peer.

#![no_main]

#[path = "../../tests/common/consumer.rs"]
mod consumer;
mod input;
#[path = "../../tests/common/liar.rs"]
mod liar;
#[path = "../../tests/common/paged.rs"]
mod paged;

use libfuzzer_sys::{arbitrary::Unstructured, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    if let (Ok(index), Ok((calls, lies))) = (input::index(&mut u), input::life(&mut u)) {
        consumer::a_consumer_survives(index, calls, lies);
    }
});
