// SPDX-License-Identifier: GPL-2.0

//! Numbers as the schema writes them. One number has one spelling, so that equal values are equal
//! strings and nothing hides behind a sign, a blank or a leading zero.

use crate::error::{Field, Kind, SchemaError};

/// A decimal number: digits only, no leading zero.
pub(crate) fn decimal(field: Field, text: &str) -> Result<u32, SchemaError> {
    check(text, |byte| byte.is_ascii_digit()).ok_or(field.error(Kind::Syntax))?;
    text.parse().map_err(|_| field.error(Kind::Range))
}

/// A set of bits: lower-case hexadecimal digits only, no leading zero.
pub(crate) fn bits(field: Field, text: &str) -> Result<u32, SchemaError> {
    check(text, is_hex).ok_or(field.error(Kind::Syntax))?;
    u32::from_str_radix(text, 16).map_err(|_| field.error(Kind::Range))
}

/// A 64-bit number: exactly 16 lower-case hexadecimal digits.
pub(crate) fn hex64(field: Field, text: &str) -> Result<u64, SchemaError> {
    if text.len() != 16 || !text.bytes().all(is_hex) {
        return Err(field.error(Kind::Syntax));
    }
    u64::from_str_radix(text, 16).map_err(|_| field.error(Kind::Syntax))
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn check(text: &str, digit: impl Fn(u8) -> bool) -> Option<()> {
    let plain = !text.is_empty() && text.bytes().all(digit);
    let canonical = text == "0" || !text.starts_with('0');
    (plain && canonical).then_some(())
}
