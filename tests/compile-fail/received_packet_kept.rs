// SPDX-License-Identifier: GPL-2.0

//! A packet names the device that is polled for, which may go after the poll.

use kapi::net::{
    napi::{Context, Poll, Polled},
    receive::Unfilled,
};

/// What is polled.
pub struct Keeper;

fn keep(_: Option<Unfilled<'static>>) {}

impl Poll for Keeper {
    type State = ();

    fn poll(&self, _state: &mut (), context: &mut Context<'_>, _budget: u32) -> Polled {
        keep(context.alloc(1500)); //~ E0521
        Polled::Done(0)
    }
}
