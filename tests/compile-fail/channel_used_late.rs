// SPDX-License-Identifier: GPL-2.0

//! The port of a channel that was dropped may be somebody else's.

use kapi::xen::events::{EventChannel, EventHandler};
use kernel::sync::Arc;

/// Sends an event by it.
pub fn notify<H: EventHandler>(channel: Arc<EventChannel<H>>) {
    drop(channel);
    channel.notify(); //~ E0382
}
