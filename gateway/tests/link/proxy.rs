//! A link that fails: a TCP proxy on loopback.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a thread may take to see that the state has changed.
const SLICE: Duration = Duration::from_millis(20);
/// Most pieces on a link with delay.
const PIECES: usize = 256;

/// State of the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// The link carries bytes.
    Open,
    /// Connections are reset, new ones too.
    Cut,
    /// Connections stay, and nothing goes through.
    Hole,
}

/// A link to one address.
pub struct Proxy {
    at: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: SocketAddr,
    state: AtomicU8,
    over: AtomicBool,
    delay: Duration,
    /// Bytes after which a connection is reset; 0: never.
    reset_after: u64,
    carried: Mutex<u64>,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// A link to this port on loopback.
    pub fn new(port: u16) -> Self {
        let here = Ipv4Addr::LOCALHOST;
        Self::between(here.into(), (here, port).into(), Duration::ZERO, 0)
    }

    /// Makes a link that listens at `at`, delays all bytes, and resets the connection after each `reset_after` bytes.
    pub fn between(at: IpAddr, to: SocketAddr, delay: Duration, reset_after: u64) -> Self {
        let listener = TcpListener::bind((at, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            to,
            state: AtomicU8::new(State::Open as u8),
            over: AtomicBool::new(false),
            delay,
            reset_after,
            carried: Mutex::default(),
            connections: Mutex::default(),
        });
        let of = shared.clone();
        thread::spawn(move || of.accept(&listener));
        Self { at, shared }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.at.port()
    }

    /// Sets the state of the link.
    pub fn set(&self, state: State) {
        self.shared.state.store(state as u8, Ordering::SeqCst);
        if state == State::Cut {
            self.shared.reset();
        }
    }

    /// Bytes carried.
    pub fn carried(&self) -> u64 {
        *self.shared.carried.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.shared.reset();
        // The accepting thread sees the change with the next connection.
        let _ = TcpStream::connect(self.at);
    }
}

impl Shared {
    fn is(&self, state: State) -> bool {
        self.state.load(Ordering::SeqCst) == state as u8
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn reset(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Whether the link breaks with so many bytes more.
    fn breaks(&self, count: u64) -> bool {
        let mut carried = self.carried.lock().unwrap();
        let before = *carried;
        *carried += count;
        self.reset_after > 0 && before / self.reset_after != *carried / self.reset_after
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for near in listener.incoming().map_while(Result::ok) {
            if self.is_over() {
                return;
            }
            if self.is(State::Cut) {
                continue;
            }
            let Ok(far) = TcpStream::connect(self.to) else { continue };
            let mut connections = self.connections.lock().unwrap();
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (from, to, of) = (from.try_clone().unwrap(), to.try_clone().unwrap(), self.clone());
                from.set_read_timeout(Some(SLICE)).unwrap();
                from.set_nodelay(true).unwrap();
                thread::spawn(move || of.carry(from, to));
            }
            connections.extend([near, far]);
        }
    }

    /// Carries bytes in one direction until either end is gone.
    fn carry(self: Arc<Self>, mut from: TcpStream, to: TcpStream) {
        let (sender, pieces) = mpsc::sync_channel(PIECES);
        let end = to.try_clone().unwrap();
        let writing = thread::spawn(move || deliver(&pieces, to));
        let mut bytes = vec![0; 64 * 1024];
        while !self.is_over() {
            if self.is(State::Hole) {
                thread::sleep(SLICE);
                continue;
            }
            let count = match from.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
                Err(_) => break,
            };
            if self.breaks(count as u64) {
                break;
            }
            if sender.send((Instant::now() + self.delay, bytes[..count].to_vec())).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = end.shutdown(Shutdown::Both);
        drop(sender);
        let _ = writing.join();
    }
}

fn deliver(pieces: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (due, piece) in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            return;
        }
    }
}
