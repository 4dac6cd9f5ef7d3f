// SPDX-License-Identifier: GPL-2.0

//! Sorting for kernels: a heap sort, as theirs is.

/// Sorts in place, without keeping the order of equal ones. `slice::sort_unstable_by_key` does the same, faster, but
/// brings so much code for each type that xldiscovery would be 59 KiB larger, and xlnet, which each guest has, 33 KiB.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], mut key: impl FnMut(&T) -> K) {
    let len = items.len();
    for root in (0..len / 2).rev() {
        sift_down(items, root, &mut key);
    }
    for end in (1..len).rev() {
        items.swap(0, end);
        if let Some(heap) = items.get_mut(..end) {
            sift_down(heap, 0, &mut key);
        }
    }
}

/// Makes a heap of one in which only the root may be less than what is below it.
fn sift_down<T, K: Ord>(heap: &mut [T], mut root: usize, key: &mut impl FnMut(&T) -> K) {
    loop {
        let left = 2 * root + 1;
        let mut largest = root;
        for child in [left, left + 1] {
            if let (Some(a), Some(b)) = (heap.get(child), heap.get(largest)) {
                if key(a) > key(b) {
                    largest = child;
                }
            }
        }
        if largest == root {
            return;
        }
        heap.swap(root, largest);
        root = largest;
    }
}
