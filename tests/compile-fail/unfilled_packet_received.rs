// SPDX-License-Identifier: GPL-2.0

//! What was never filled is not for the stack.

use kapi::net::{napi::Context, receive::Unfilled};

/// Hands it over.
pub fn receive(context: &mut Context<'_>, packet: Unfilled<'_>) {
    context.receive(packet); //~ E0308
}
