// SPDX-License-Identifier: GPL-2.0

//! Module parameters: their values, and those of a kind that `module!` does not know.

use crate::bindings;
use kernel::prelude::*;

pub use crate::compat::param_value as value;

/// Returns the value of the module's `nic=` parameter, if one was given that is not empty.
///
/// The parameter is read-only (mode 0444), so the string lives as long as the module.
///
/// # Errors
///
/// `EINVAL` if it is not UTF-8.
pub fn nic() -> Result<Option<&'static str>> {
    // SAFETY: The function only reads a static variable.
    let ptr = unsafe { bindings::xl_param_nic() };
    if ptr.is_null() {
        return Ok(None);
    }
    // SAFETY: A charp parameter is NUL-terminated, and as `module_param` was given no write
    // permission it is neither changed nor freed before the module is.
    let text = unsafe { CStr::from_char_ptr(ptr) };
    let text = text.to_str().map_err(|_| EINVAL)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
