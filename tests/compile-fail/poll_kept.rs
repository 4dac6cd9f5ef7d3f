// SPDX-License-Identifier: GPL-2.0

//! After a poll its context is of no use.

use kapi::net::napi::{Context, Poll, Polled};

/// What is polled.
pub struct Keeper;

fn keep(_: &'static mut Context<'static>) {}

impl Poll for Keeper {
    type State = ();

    fn poll(&self, _state: &mut (), context: &mut Context<'_>, _budget: u32) -> Polled {
        keep(context); //~ E0521
        Polled::Done(0)
    }
}
