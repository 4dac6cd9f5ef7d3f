//! Bytes whose every position can be checked: a pseudo-random sequence from a seed.

/// Generates the sequence word by word (xorshift64).
pub struct Pattern(u64);

impl Pattern {
    pub fn new(seed: u64) -> Self {
        // The state must not be zero, and near seeds must differ from the first word on.
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> [u8; 8] {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.to_le_bytes()
    }

    /// Fills the buffer with what comes next; unless it is the last, its length is a multiple of 8.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next()[..chunk.len()]);
        }
    }

    /// Counts the bytes that differ from what comes next; the length as for `fill`.
    pub fn differences(&mut self, buffer: &[u8]) -> u64 {
        let mut count = 0;
        for chunk in buffer.chunks(8) {
            let expected = self.next();
            if chunk != &expected[..chunk.len()] {
                count += chunk
                    .iter()
                    .zip(expected)
                    .filter(|(a, b)| **a != *b)
                    .count() as u64;
            }
        }
        count
    }
}
