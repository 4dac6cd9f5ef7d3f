// SPDX-License-Identifier: GPL-2.0

//! Runs by their seeds.

/// Prints the seed of a run that panics.
pub struct Seed(pub u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("simulation failed; run it again with XLNET_SEED={}", self.0);
        }
    }
}

/// These seeds, or the one that is asked for.
pub fn seeds(these: impl Iterator<Item = u64>) -> Vec<u64> {
    match std::env::var("XLNET_SEED") {
        Ok(seed) => vec![seed.parse().expect("XLNET_SEED is a number")],
        Err(_) => these.collect(),
    }
}
