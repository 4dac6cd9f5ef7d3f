//! One exchange of each size, over TCP and over UDP.

use crate::any;
use crate::pattern::Pattern;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// TCP sends again by itself, later each time.
const TCP_TIMEOUT: Duration = Duration::from_secs(10);
const UDP_TIMEOUT: Duration = Duration::from_secs(1);
const TRIES: usize = 6;
/// The largest payload of an IPv4 UDP datagram.
const UDP_MAX: usize = 65507;
const MAX: usize = 65536;

/// Around every limit that a path may have: words, pages, link and segment sizes, records.
fn sizes() -> Vec<usize> {
    let mut sizes: Vec<usize> = (1..=65).collect();
    for centre in [
        128, 256, 512, 1024, 1448, 1460, 1472, 1500, 2048, 4096, 8192, 9000, 12288,
    ] {
        sizes.extend(centre - 2..=centre + 2);
    }
    for centre in [16384, 32768, 49152] {
        sizes.extend([centre - 29, centre - 1, centre, centre + 1, centre + 28]);
    }
    sizes.extend([UDP_MAX - 1, UDP_MAX, MAX - 1, MAX]);
    sizes
}

fn message(size: usize) -> Vec<u8> {
    let mut buffer = vec![0; size];
    Pattern::new(size as u64).fill(&mut buffer);
    buffer
}

fn tcp_exchange(stream: &mut TcpStream, size: usize) -> io::Result<bool> {
    let sent = message(size);
    let mut writing = stream.try_clone()?;
    let mut received = vec![0; size];
    std::thread::scope(|scope| {
        // Side by side, as both directions' buffers together may be smaller than the message.
        let writer = scope.spawn(|| writing.write_all(&sent));
        stream.read_exact(&mut received)?;
        writer.join().expect("the writer does not panic")
    })?;
    Ok(received == sent)
}

/// A datagram may be lost once without anything being wrong with its size.
fn udp_exchange(socket: &UdpSocket, size: usize) -> io::Result<bool> {
    let sent = message(size);
    let mut received = vec![0; MAX];
    for _ in 0..TRIES {
        socket.send(&sent)?;
        loop {
            match socket.recv(&mut received) {
                // What was sent twice may be answered twice, late.
                Ok(length) if length != size && received[..length] == message(length) => {}
                Ok(length) => return Ok(received[..length] == sent),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

pub fn run(target: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&target, TCP_TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TCP_TIMEOUT))?;
    let socket = UdpSocket::bind(any(target))?;
    socket.connect(target)?;
    socket.set_read_timeout(Some(UDP_TIMEOUT))?;

    let mut failures = Vec::new();
    let sizes = sizes();
    for &size in &sizes {
        match tcp_exchange(&mut stream, size) {
            Ok(true) => {}
            Ok(false) => failures.push(format!("tcp {size}: corrupt")),
            // The stream is out of step now.
            Err(error) => return Err(io::Error::other(format!("tcp {size}: {error}"))),
        }
        if size <= UDP_MAX {
            match udp_exchange(&socket, size) {
                Ok(true) => {}
                Ok(false) => failures.push(format!("udp {size}: corrupt")),
                Err(error) => failures.push(format!("udp {size}: {error}")),
            }
        }
    }
    for failure in &failures {
        eprintln!("traffic: {failure}");
    }
    println!(
        "{{\"sizes\":{},\"failures\":{}}}",
        sizes.len(),
        failures.len()
    );
    Ok(failures.is_empty())
}
