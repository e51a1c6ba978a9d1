//! Addresses that answer nothing: one where nobody is let in, one where nobody is heard.

use crate::ports;
use socket2::{Domain, Socket, Type};
use std::net::{SocketAddr, TcpListener};

/// An address that answers nothing at all: its queue of connections is full, so that the system
/// drops whatever knocks.
pub struct BlackHole {
    /// Where it is.
    pub address: SocketAddr,
    _listener: Socket,
    _fillers: Vec<Socket>,
}

impl BlackHole {
    /// Opens one.
    #[must_use]
    pub fn open() -> Self {
        Self::at(ports::free())
    }

    /// One at this address.
    ///
    /// # Panics
    /// When the system does not let us.
    #[must_use]
    pub fn at(address: SocketAddr) -> Self {
        let domain = Domain::for_address(address);
        let make = || {
            let listener = Socket::new(domain, Type::STREAM, None)?;
            if address.is_ipv6() {
                listener.set_only_v6(true)?;
            }
            // The port may have been another test's a moment ago.
            listener.set_reuse_address(true)?;
            listener.bind(&address.into())?;
            listener.listen(0)?;
            let mut fillers = Vec::new();
            for _ in 0..4 {
                let filler = Socket::new(domain, Type::STREAM, None)?;
                filler.set_nonblocking(true)?;
                let _ = filler.connect(&address.into());
                fillers.push(filler);
            }
            Ok::<_, std::io::Error>((listener, fillers))
        };
        let (listener, fillers) = make().unwrap_or_else(|e| panic!("black hole {address}: {e}"));
        Self { address, _listener: listener, _fillers: fillers }
    }
}

/// An address where connections are made and nobody ever says a word.
pub struct Mute {
    /// Where it is.
    pub address: SocketAddr,
    _listener: TcpListener,
}

impl Mute {
    /// Opens one.
    ///
    /// # Panics
    /// When the system does not let us.
    #[must_use]
    pub fn open() -> Self {
        let listener = TcpListener::bind(ports::free());
        let listener = listener.unwrap_or_else(|e| panic!("mute: {e}"));
        let address = listener.local_addr().unwrap_or_else(|e| panic!("mute: {e}"));
        Self { address, _listener: listener }
    }
}
