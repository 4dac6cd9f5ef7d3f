// SPDX-License-Identifier: GPL-2.0

//! Answers to the administrator's question why two guests have no channel: there are too many pairs to keep
//! an account of all.
//!
//! `xl-status` writes two domain ids and a number of its own, and waits for an answer that begins with
//! these three.

use crate::settled::Settled;
use kapi::{xen::xenbus, Show};
use kernel::prelude::*;
use xlnet_protocol::DomId;

/// Where it is asked.
pub(crate) const NODE: &str = "/local/domain/0/xlnet/ask";

const ANSWER: &str = "/local/domain/0/xlnet/answer";

/// So many bytes the number may have, as the answer, which repeats it, has to fit into a node.
const MAX_NUMBER: usize = 64;

/// Answers what is asked now.
///
/// # Errors
///
/// XenStore's.
pub(crate) fn answer(settled: &Settled) -> Result {
    let Some(text) = xenbus::read(fmt!("{NODE}"))? else {
        return Ok(());
    };
    let mut words = text.split(' ');
    let words = [words.next(), words.next(), words.next(), words.next()];
    let [Some(one), Some(other), Some(number), None] = words else {
        return Ok(());
    };
    let (Ok(a), Ok(b)) = (DomId::parse(one), DomId::parse(other)) else {
        return Ok(());
    };
    if number.len() > MAX_NUMBER {
        return Ok(());
    }
    let apart = settled.apart(a, b);
    let (a, b) = (Show(a), Show(b));
    match apart {
        None => xenbus::write(fmt!("{ANSWER}"), fmt!("{a} {b} {number} introduced")),
        Some(apart) => {
            let apart = Show(apart);
            xenbus::write(fmt!("{ANSWER}"), fmt!("{a} {b} {number} {apart}"))
        }
    }
}

/// Takes the answer back.
pub(crate) fn withdraw() {
    let _ = xenbus::remove(fmt!("{ANSWER}"));
}
