// SPDX-License-Identifier: GPL-2.0

//! A poll is completed by what it returns, once and last.

use kapi::net::napi::{Context, Poll, Polled};

/// What is polled.
pub struct Twice;

impl Poll for Twice {
    type State = ();

    fn poll(&self, _state: &mut (), context: &mut Context<'_>, _budget: u32) -> Polled {
        context.complete(0); //~ E0599
        Polled::Done(0)
    }
}
