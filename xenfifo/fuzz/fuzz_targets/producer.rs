// SPDX-License-Identifier: GPL-2.0 OR MIT

//! A producer under a hostile peer.

#![no_main]

mod input;
#[path = "../../tests/common/liar.rs"]
mod liar;
#[path = "../../tests/common/paged.rs"]
mod paged;
#[path = "../../tests/common/producer.rs"]
mod producer;

use libfuzzer_sys::{arbitrary::Unstructured, fuzz_target};

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    if let (Ok(index), Ok((calls, lies))) = (input::index(&mut u), input::life(&mut u)) {
        producer::a_producer_survives(index, calls, lies);
    }
});
