// SPDX-License-Identifier: GPL-2.0

//! How the data path says that something wants attention, without knowing who gives it.

use kernel::sync::Arc;

/// Who hears the bell.
pub(crate) trait Listener: Send + Sync + 'static {
    /// Something changed that the data path does not deal with itself; what it was stands where it was found.
    /// Any context but a hard interrupt's.
    fn heard(&self);

    /// What a peer says of the packets that it takes changed. Softirq context.
    fn acceptance_changed(&self);
}

/// What the data path rings.
pub(crate) type Bell = Arc<dyn Listener>;
