//! The server: sends back what it receives.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

/// Small, as there may be hundreds in a guest of 256 MiB.
pub const STACK: usize = 128 << 10;

fn echo_stream(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}

fn echo_datagrams(socket: &UdpSocket) -> ! {
    let mut buffer = vec![0; 64 << 10];
    loop {
        // An error is an earlier answer's that nobody took; the datagram at hand is what counts.
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

pub fn serve(at: SocketAddr) -> io::Result<bool> {
    let listener = TcpListener::bind(at)?;
    let socket = UdpSocket::bind(at)?;
    thread::spawn(move || echo_datagrams(&socket));
    loop {
        let (stream, _) = listener.accept()?;
        // A connection that breaks is the client's to report.
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || echo_stream(stream))?;
    }
}
