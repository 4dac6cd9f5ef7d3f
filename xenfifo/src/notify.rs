// SPDX-License-Identifier: GPL-2.0 OR MIT

//! When a side that moved its index owes the other a notification.

/// Whether moving an index from `old` to `new` passed `event`.
///
/// The peer that wants to be woken stores in its event word the index value that must be passed.
/// All values are free-running and compared modulo 2^32: the answer is yes iff `event` lies in
/// `old..new`. `event` may be any value, also one made up by a hostile peer; it decides about a
/// notification of that peer and nothing else.
///
/// # Examples
///
/// ```
/// use xenfifo::need_event;
///
/// assert!(need_event(16, 16, 32)); // armed at 16, moved past it
/// assert!(!need_event(16, 32, 48)); // passed before: the peer is awake
/// assert!(need_event(u32::MAX - 15, u32::MAX - 15, 0)); // across the wrap
/// ```
#[inline]
pub const fn need_event(event: u32, old: u32, new: u32) -> bool {
    event.wrapping_sub(old) < new.wrapping_sub(old)
}

#[cfg(test)]
mod tests {
    use super::need_event;

    #[test]
    fn exactly_the_values_in_old_to_new() {
        for old in [0, 16, u32::MAX - 47, u32::MAX - 15] {
            let new = old.wrapping_add(32);
            assert!(!need_event(old.wrapping_sub(16), old, new));
            assert!(need_event(old, old, new));
            assert!(need_event(old.wrapping_add(16), old, new));
            assert!(need_event(old.wrapping_add(31), old, new));
            assert!(!need_event(new, old, new));
        }
    }

    #[test]
    fn no_move_no_event() {
        assert!(!need_event(7, 7, 7));
        assert!(!need_event(0, 16, 16));
    }
}
