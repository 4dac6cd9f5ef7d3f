// SPDX-License-Identifier: GPL-2.0 OR MIT

//! The results as Markdown.

use std::fmt::Write as _;

use crate::{RING, ROUNDS, SIZES};

/// One queue between threads or processes: for each size, a median for each round.
struct Row {
    mode: String,
    name: String,
    rounds: [Vec<f64>; SIZES.len()],
}

/// All rows, in the order in which they came. Times are in nanoseconds a packet.
#[derive(Default)]
pub struct Table(Vec<Row>);

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(0.0, f64::max))
}

impl Table {
    /// Adds what one round gave: nothing, if the queue was not among those that were asked for.
    pub fn add(&mut self, mode: &str, name: &str, size: usize, samples: &[f64]) {
        // Criterion's first ones, for a guess of the speed, are few packets each.
        let Some(samples) = samples.get(samples.len().saturating_sub(10)..) else {
            return;
        };
        if samples.is_empty() {
            return;
        }
        let column = SIZES.iter().position(|s| *s == size).unwrap();
        let known = |row: &Row| row.mode == mode && row.name == name;
        let at = self.0.iter().position(known).unwrap_or_else(|| {
            self.0.push(Row {
                mode: mode.into(),
                name: name.into(),
                rounds: Default::default(),
            });
            self.0.len() - 1
        });
        self.0[at].rounds[column].push(median(samples));
    }

    /// Prints the table, and writes it to the file named by `XENFIFO_BENCH_TABLE`.
    pub fn write(&self) {
        let text = self.text();
        println!("\n{text}");
        if let Some(path) = std::env::var_os("XENFIFO_BENCH_TABLE") {
            std::fs::write(path, text).unwrap();
        }
    }

    fn text(&self) -> String {
        let mut text = String::from("| between | queue |");
        SIZES
            .iter()
            .for_each(|size| write!(text, " {size} B |").unwrap());
        text += "\n|---|---|---|---|---|---|---|\n";
        for row in &self.0 {
            write!(text, "| {} | {} |", row.mode, row.name).unwrap();
            for (size, rounds) in SIZES.iter().zip(&row.rounds) {
                if rounds.is_empty() {
                    text += " |";
                    continue;
                }
                let speeds: Vec<f64> = rounds.iter().map(|ns| *size as f64 / ns).collect();
                let (low, high) = range(&speeds);
                let packets = 1e3 / median(rounds);
                let speed = median(&speeds);
                write!(
                    text,
                    " {packets:.2} M/s, {speed:.2} GB/s ({low:.2}..{high:.2}) |"
                )
                .unwrap();
            }
            text += "\n";
        }
        for mode in ["threads", "processes"] {
            let others = |row: &Row| !row.name.contains("memcpy") && !row.name.contains("xenfifo");
            self.ratio(&mut text, mode, "xenfifo : two memcpys, two cores", |row| {
                row.name == "two memcpys, two cores"
            });
            self.ratio(&mut text, mode, "xenfifo : two memcpys, one core", |row| {
                row.name == "two memcpys, one core"
            });
            self.ratio(
                &mut text,
                mode,
                "xenfifo : fastest other with two copies",
                |row| others(row) && !row.name.contains("one copy"),
            );
        }
        write!(
            text,
            "\nMedians of {ROUNDS} rounds and their range; queues take turns within a round. Ratios are \
             taken within each round, and are the median of these. Each queue has {} KiB.\n",
            RING / 1024
        )
        .unwrap();
        text
    }

    /// A row that says how much faster the FIFO is than the fastest of some rows.
    fn ratio(&self, text: &mut String, mode: &str, title: &str, is_of: impl Fn(&Row) -> bool) {
        let of_mode = || self.0.iter().filter(|row| row.mode == mode);
        let Some(fifo) = of_mode().find(|row| row.name == "xenfifo") else {
            return;
        };
        let others: Vec<&Row> = of_mode().filter(|row| is_of(row)).collect();
        if others.is_empty() {
            return;
        }
        write!(text, "| {mode} | {title} |").unwrap();
        for column in 0..SIZES.len() {
            let fastest = |round| {
                let times = others
                    .iter()
                    .filter_map(|row| row.rounds[column].get(round));
                times.copied().fold(f64::INFINITY, f64::min)
            };
            let own = fifo.rounds[column].iter().enumerate();
            let ratios: Vec<f64> = own.map(|(round, ns)| fastest(round) / ns).collect();
            if ratios.is_empty() {
                *text += " |";
            } else {
                let (low, high) = range(&ratios);
                write!(text, " **{:.2}** ({low:.2}..{high:.2}) |", median(&ratios)).unwrap();
            }
        }
        *text += "\n";
    }
}
