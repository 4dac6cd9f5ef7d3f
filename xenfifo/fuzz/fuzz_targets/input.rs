// SPDX-License-Identifier: GPL-2.0 OR MIT

//! What the fuzzer's bytes mean. Every byte sequence means something, a change of a byte changes
//! little, and the ends of ranges are as likely as the middle.

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use xenfifo::Word;

use super::liar::Lie;

/// The first index: 0, or shortly before the wrap.
pub fn index(u: &mut Unstructured) -> Result<u32> {
    Ok((u32::from(u.arbitrary::<u8>()?) * 16).wrapping_neg())
}

fn lie(u: &mut Unstructured) -> Result<Lie> {
    let word = |u: &mut Unstructured| {
        let words = [
            Word::Producer,
            Word::Consumer,
            Word::ProducerEvent,
            Word::ConsumerEvent,
        ];
        u.choose(&words).copied()
    };
    Ok(match u.int_in_range(0..=7)? {
        0 | 1 => Lie::Nothing,
        2 => Lie::Word(word(u)?, u.arbitrary()?),
        3 | 4 => Lie::Move(word(u)?, u.int_in_range(0..=20)?, 0),
        5 => Lie::Move(word(u)?, u.int_in_range(-3..=300)?, u.int_in_range(0..=15)?),
        6 => Lie::Byte(u.arbitrary::<u16>()?.into(), u.arbitrary()?),
        _ => {
            let len = match u.int_in_range(0..=3)? {
                0 => u.arbitrary()?,
                1 => u.int_in_range(4070..=4090)?,
                _ => u.int_in_range(0..=300)?,
            };
            Lie::Length(u.int_in_range(0..=255)?, len)
        }
    })
}

/// What a half does and what its peer does, alternating, so that a cut anywhere leaves both.
pub type Life = (Vec<(u8, u32)>, Vec<Lie>);

pub fn life(u: &mut Unstructured) -> Result<Life> {
    let (mut calls, mut lies) = (Vec::new(), Vec::new());
    while !u.is_empty() {
        let n = match u.int_in_range(0..=3)? {
            0 => u.int_in_range(0..=5000)?,
            _ => u.int_in_range(0..=300)?,
        };
        calls.push((u.int_in_range(0..=4)?, n));
        for _ in 0..u.int_in_range(0..=3)? {
            lies.push(lie(u)?);
        }
    }
    Ok((calls, lies))
}
