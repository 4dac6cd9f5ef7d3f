// SPDX-License-Identifier: GPL-2.0 OR MIT

//! Both halves, honest, against a plain queue.

#![no_main]

#[path = "../../tests/common/paged.rs"]
mod paged;
#[path = "../../tests/common/queue.rs"]
mod queue;

use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use queue::Op;

fn len(u: &mut Unstructured) -> Result<u32> {
    Ok(match u.int_in_range(0..=7)? {
        0 => u.int_in_range(0..=70_000)?,
        1 => u.int_in_range(4070..=4090)?,
        2 => u.int_in_range(0..=5000)?,
        _ => u.int_in_range(0..=200)?,
    })
}

fn op(u: &mut Unstructured) -> Result<Op> {
    Ok(match u.int_in_range(0..=10)? {
        0 | 1 => Op::Push(vec![len(u)?]),
        2 => {
            let pieces = 0..u.int_in_range(0..=5)?;
            Op::Push(
                pieces
                    .map(|_| u.int_in_range(0..=900))
                    .collect::<Result<_>>()?,
            )
        }
        3 => Op::PushUnreadable(len(u)?, u.int_in_range(0..=3)?),
        4 => Op::Publish,
        5 => Op::WaitFor(len(u)?),
        6 | 7 => Op::Consume(u.int_in_range(1..=8)?),
        8 => Op::ConsumerPublish,
        9 => Op::Wait,
        _ => Op::Ask(len(u)?),
    })
}

fn life(u: &mut Unstructured) -> Result<(u32, u32, Vec<Op>)> {
    let ring = 4096 << u.int_in_range(0..=2)?;
    let index = u.arbitrary::<u32>()?;
    let mut ops = Vec::new();
    while !u.is_empty() {
        ops.push(op(u)?);
    }
    Ok((ring, index, ops))
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok((ring, index, ops)) = life(&mut Unstructured::new(bytes)) {
        queue::check(queue::in_pages(ring, index), &ops);
    }
});
