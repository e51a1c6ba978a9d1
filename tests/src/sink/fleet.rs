//! Many healthy destinations on one thread: what they cost is the bytes, not the threads.

use super::serve::Server;
use super::wire::Wire;
use super::{Behaviour, Shared, Sink, listen_anywhere};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Reads of one connection in a row, so that the others have their turn.
const READS: u32 = 4;

struct Member {
    listener: TcpListener,
    shared: Shared,
}

/// So many destinations that take everything.
#[must_use]
pub fn fleet(count: usize) -> Vec<Sink> {
    let make = |_| {
        let (listener, address) = listen_anywhere(Behaviour::Healthy);
        let shared = Shared::default();
        (Member { listener, shared: shared.clone() }, Sink { address, shared })
    };
    let (members, sinks): (Vec<_>, Vec<_>) = (0..count).map(make).unzip();
    std::thread::spawn(move || serve(members));
    sinks
}

/// Serves until the last one is dropped.
fn serve(mut members: Vec<Member>) {
    let mut open: Vec<(usize, Shared, Server)> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while !members.is_empty() {
        let ready = wait(&members, &open);
        for (member, _) in members.iter().zip(&ready).filter(|(_, ready)| **ready) {
            open.extend(accept(member));
        }
        let talking = open.iter_mut().zip(&ready[members.len()..]);
        for ((number, shared, server), _) in talking.filter(|(_, ready)| **ready) {
            let mut reads = 0;
            while reads < READS && server.read(&mut buffer) && !server.over {
                reads += 1;
            }
            if server.over {
                shared.sessions.with(*number, |s| s.ended = Some(Instant::now()));
            }
        }
        let goes_on = |shared: &Shared| !shared.stop.load(Ordering::Relaxed);
        open.retain(|(_, shared, server)| !server.over && goes_on(shared));
        members.retain(|member| goes_on(&member.shared));
    }
}

/// Waits until something can be done; for whom, the listeners first.
fn wait(members: &[Member], open: &[(usize, Shared, Server)]) -> Vec<bool> {
    let listeners = members.iter().map(|member| member.listener.as_fd());
    let sockets = open.iter().map(|(_, _, server)| server.wire.tcp().as_fd());
    let interest = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut all: Vec<_> = listeners.chain(sockets).map(interest).collect();
    let _ = poll(&mut all, PollTimeout::from(50_u8));
    all.iter().map(|fd| fd.any().unwrap_or(false)).collect()
}

fn accept(member: &Member) -> Option<(usize, Shared, Server)> {
    let (socket, _) = member.listener.accept().ok()?;
    socket.set_nonblocking(true).ok()?;
    let _ = socket.set_nodelay(true);
    let number = member.shared.sessions.begin();
    let sessions = member.shared.sessions.clone();
    let server = Server::new(Wire::Plain(socket), Behaviour::Healthy, number, sessions);
    Some((number, member.shared.clone(), server))
}
