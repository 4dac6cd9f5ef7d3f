//! A stream of numbered datagrams at a fixed rate; the answers are checked and counted.

use crate::pattern::Pattern;
use crate::Options;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// How long the last answers may take.
const TAIL: Duration = Duration::from_secs(2);

/// Fills a datagram: its number, then a pattern that the number selects.
fn compose(number: u64, buffer: &mut [u8]) {
    let (head, body) = buffer.split_at_mut(8);
    head.copy_from_slice(&number.to_le_bytes());
    Pattern::new(number).fill(body);
}

/// The number of a datagram that is as `compose` made it.
fn number_of(datagram: &[u8], size: usize, count: u64) -> Option<u64> {
    let (head, body) = datagram.split_first_chunk()?;
    let number = u64::from_le_bytes(*head);
    let intact =
        datagram.len() == size && number < count && Pattern::new(number).differences(body) == 0;
    intact.then_some(number)
}

#[derive(Default)]
struct Report {
    received: u64,
    duplicates: u64,
    reordered: u64,
    corrupt: u64,
    max_gap: Duration,
}

/// Receives until all `count` answers are there or none came for `TAIL` after `end`.
fn receive(socket: &UdpSocket, size: usize, count: u64, end: Instant) -> io::Result<Report> {
    let mut seen = vec![false; count as usize];
    let mut report = Report::default();
    let mut buffer = vec![0; 64 << 10];
    let mut highest = 0;
    let mut last = Instant::now();
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    while report.received < count && Instant::now() < end + TAIL {
        // An error: nothing yet, or nobody listened there at that moment.
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        report.max_gap = report.max_gap.max(last.elapsed());
        last = Instant::now();
        let Some(number) = number_of(&buffer[..length], size, count) else {
            report.corrupt += 1;
            continue;
        };
        if std::mem::replace(&mut seen[number as usize], true) {
            report.duplicates += 1;
            continue;
        }
        report.received += 1;
        report.reordered += u64::from(number < highest);
        highest = highest.max(number);
    }
    Ok(report)
}

pub fn run(target: SocketAddr, options: &Options) -> io::Result<bool> {
    let size = options.get("size", 1000).clamp(8, 65507) as usize;
    let rate = options.get("rate", 200).max(1);
    let seconds = options.get("seconds", 5);
    let count = rate * seconds;
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.connect(target)?;
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    let receiving = socket.try_clone()?;
    let receiver = thread::spawn(move || receive(&receiving, size, count, end));
    let mut buffer = vec![0; size];
    let mut refused = 0;
    for number in 0..count {
        let due = started + Duration::from_nanos(1_000_000_000 * number / rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        compose(number, &mut buffer);
        refused += u64::from(socket.send(&buffer).is_err());
    }
    let report = receiver.join().expect("the receiver does not panic")?;
    println!(
        "{{\"sent\":{count},\"refused\":{refused},\"lost\":{},\"duplicates\":{},\"reordered\":{},\
         \"corrupt\":{},\"max_gap_ms\":{}}}",
        count - report.received,
        report.duplicates,
        report.reordered,
        report.corrupt,
        report.max_gap.as_millis()
    );
    Ok(report.corrupt == 0 && report.received > 0)
}
