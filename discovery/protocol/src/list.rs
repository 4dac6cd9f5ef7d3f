// SPDX-License-Identifier: GPL-2.0

//! A list of at most `N` small values, kept in place: this crate has no allocator.

/// At most `N` values, in the order in which they were pushed.
// INVARIANT: the `Some` items come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List<T, const N: usize> {
    items: [Option<T>; N],
}

/// The list has no room for another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<T: Copy, const N: usize> List<T, N> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { items: [None; N] }
    }

    /// Appends `item`.
    ///
    /// # Errors
    ///
    /// [`Full`] if the list already holds `N` values; it is then unchanged.
    pub fn push(&mut self, item: T) -> Result<(), Full> {
        let slot = self.items.iter_mut().find(|slot| slot.is_none());
        *slot.ok_or(Full)? = Some(item);
        Ok(())
    }

    /// The values, first pushed first.
    pub fn iter(&self) -> impl Iterator<Item = &T> + '_ {
        // INVARIANT: What follows the first `None` is `None`.
        self.items.iter().map_while(Option::as_ref)
    }

    /// How many values the list holds, `0..=N`.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the list holds no value.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<T: Copy, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self::new()
    }
}
