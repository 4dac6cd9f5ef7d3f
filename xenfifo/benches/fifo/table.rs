// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The results as a Markdown table.

use crate::SIZES;

/// All samples, in nanoseconds a packet, in the order in which the queues came.
#[derive(Default)]
pub struct Table(Vec<(String, usize, Vec<f64>)>);

impl Table {
    pub fn add(&mut self, mode: &str, name: &str, size: usize, ns: f64) {
        let row = format!("{mode} | {name}");
        match self.0.iter_mut().find(|(r, s, _)| *r == row && *s == size) {
            Some((_, _, samples)) => samples.push(ns),
            None => self.0.push((row, size, vec![ns])),
        }
    }

    pub fn print(&mut self) {
        print!("\n| between | queue |");
        SIZES.iter().for_each(|size| print!(" {size} B |"));
        print!("\n|---|---|");
        SIZES.iter().for_each(|_| print!("---|"));
        let mut last = String::new();
        for (row, size, samples) in &mut self.0 {
            if *row != last {
                print!("\n| {row} |");
                last.clone_from(row);
            }
            samples.sort_by(f64::total_cmp);
            let at = |quarters: usize| samples[(samples.len() - 1) * quarters / 4];
            let (low, median, high) = (at(1), at(2), at(3));
            print!(
                " {:.2} M/s, {:.2} GB/s ±{:.0} % |",
                1e3 / median,
                *size as f64 / median,
                (high - low) / 2.0 / median * 100.0
            );
        }
        println!("\n\nMedian of all samples, ± half the width of their middle half.");
    }
}
