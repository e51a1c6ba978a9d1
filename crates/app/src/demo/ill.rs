//! A destination that is ill on purpose: it accepts, takes the stream for a few seconds, and resets
//! the connection. What sits behind it is sound; the illness is on the way.

use crate::tool::{Failure, loopback_settings};
use manycast_dial::{Dialer, Host};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// How long a connection is left alone.
const HEALTHY: Duration = Duration::from_secs(4);

/// The illness.
pub(super) struct Ill {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Ill {
    /// Stands before `behind`, at a free port of 127.0.0.1.
    pub(super) async fn start(behind: SocketAddr) -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format!("the ill destination: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let dialer = loopback_settings()?.dialer;
        Ok(Self { address, task: tokio::spawn(relay(listener, dialer, behind)) })
    }

    /// Ends it.
    pub(super) async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn relay(listener: TcpListener, dialer: Arc<Dialer>, behind: SocketAddr) {
    let mut relays = JoinSet::new();
    loop {
        tokio::select! {
            Ok((tcp, _)) = listener.accept() => {
                relays.spawn(one(tcp, dialer.clone(), behind));
            }
            Some(_) = relays.join_next() => {}
        }
    }
}

async fn one(mut outside: TcpStream, dialer: Arc<Dialer>, behind: SocketAddr) {
    let (host, until) = (Host::Ip(behind.ip()), Instant::now() + HEALTHY);
    let Ok(connected) = dialer.connect(&host, behind.port(), until, |_| ()).await else { return };
    let mut inside = connected.tcp;
    let _ = tokio::time::timeout(HEALTHY, copy_bidirectional(&mut outside, &mut inside)).await;
    let _ = manycast_sys::reset_on_close(&outside);
    let _ = manycast_sys::reset_on_close(&inside);
}
