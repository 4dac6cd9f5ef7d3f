// SPDX-License-Identifier: GPL-2.0

//! How those who see a change say so, without knowing who deals with it.

use kapi::work::{Work, Worker};
use kernel::sync::Arc;

/// Who hears the bell.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Something changed; what it was stands where it was seen. Any context.
    fn heard(&self);
}

/// What is rung.
pub(crate) type Bell = Arc<dyn Listener>;

impl<T: Work> Listener for Worker<T> {
    fn heard(&self) {
        self.kick();
    }
}
