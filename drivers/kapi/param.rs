// SPDX-License-Identifier: GPL-2.0

//! Module parameters: their values, and those of a kind that `module!` does not know.

use crate::bindings;
use kernel::prelude::*;

pub use crate::compat::param_value as value;

/// Returns the value of the module's `nic=` parameter, if it was given and is UTF-8.
///
/// The parameter is read-only (mode 0444), so the string lives as long as the module.
pub fn nic() -> Option<&'static str> {
    // SAFETY: The function only reads a static variable.
    let ptr = unsafe { bindings::xl_param_nic() };
    if ptr.is_null() {
        return None;
    }
    // SAFETY: A charp parameter is NUL-terminated, and as `module_param` was given no write
    // permission it is neither changed nor freed before the module is.
    let text = unsafe { CStr::from_char_ptr(ptr) };
    text.to_str().ok().filter(|text| !text.is_empty())
}
