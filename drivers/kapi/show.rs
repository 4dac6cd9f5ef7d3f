// SPDX-License-Identifier: GPL-2.0

//! Printing what other crates made printable.

use kernel::fmt;

/// Lets the kernel's formatting macros print what implements `core`'s `Display`.
pub struct Show<T>(pub T);

impl<T: core::fmt::Display> fmt::Display for Show<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}
