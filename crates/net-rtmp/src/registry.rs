//! The connections that are open: limits in all and per address, and who makes room.

use manycast_media::StreamName;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Notify;

/// Connections kept back for publishers when viewers fill the server.
const RESERVE: usize = 8;

/// How many connections may be open, over all listeners that share them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all; a few more are kept back for publishers. `None`: no limit.
    pub total: Option<usize>,
    /// From one address; `None`: no limit.
    pub per_address: Option<usize>,
}

/// A publisher or viewer that was let in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Whether it publishes; else it plays.
    pub publishes: bool,
    /// The Stream; of several that one connection plays, the last.
    pub stream: StreamName,
    /// The far end.
    pub peer: SocketAddr,
    /// RTMPS.
    pub secure: bool,
    /// What it calls itself; empty if it does not.
    pub software: String,
    /// When it was let in.
    pub since: Instant,
}

#[derive(Debug)]
struct Open {
    address: IpAddr,
    cut: Arc<Notify>,
    /// Let in as publisher or viewer.
    admitted: Option<Admitted>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Open>,
    by_address: HashMap<IpAddr, usize>,
}

/// The table of open connections.
#[derive(Debug, Default)]
pub struct Connections {
    table: Mutex<Table>,
    limits: Mutex<ConnectionLimits>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Total,
    Address,
}

/// One open connection; dropping it takes it off the table.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Connections>,
    number: u64,
    cut: Arc<Notify>,
    /// In the part kept back: only a publisher may stay.
    pub(crate) reserved: bool,
}

impl Connections {
    /// An empty table.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { table: Mutex::default(), limits: Mutex::new(limits) })
    }

    /// Changes the limits for connections that come from now on.
    pub fn set_limits(&self, limits: ConnectionLimits) {
        *self.limits.lock() = limits;
    }

    /// The publishers and viewers that are connected, by number; a number is never used again.
    #[must_use]
    pub fn admitted(&self) -> Vec<(u64, Admitted)> {
        let table = self.table.lock();
        let each = table.open.iter();
        each.filter_map(|(number, open)| Some((*number, open.admitted.clone()?))).collect()
    }

    /// Cuts a publisher or viewer. `false`: there is none of this number.
    pub fn cut(&self, number: u64) -> bool {
        let table = self.table.lock();
        let open = table.open.get(&number).filter(|open| open.admitted.is_some());
        open.inspect(|open| open.cut.notify_one()).is_some()
    }

    /// Takes a place. When all are taken, the oldest connection that was not let in yet makes
    /// room; `true` with the place says so.
    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<(Place, bool), Refused> {
        let limits = *self.limits.lock();
        let mut table = self.table.lock();
        let from_here = table.by_address.get(&address).copied().unwrap_or(0);
        if limits.per_address.is_some_and(|most| from_here >= most) {
            return Err(Refused::Address);
        }
        let most = limits.total.unwrap_or(usize::MAX);
        let mut made_room = false;
        if table.open.len() >= most {
            let oldest =
                table.open.iter().find(|(_, open)| open.admitted.is_none()).map(|(n, _)| *n);
            match oldest {
                Some(number) => {
                    made_room = true;
                    table.remove(number, true);
                }
                None if table.open.len() < most.saturating_add(RESERVE) => {}
                None => return Err(Refused::Total),
            }
        }
        let reserved = table.open.len() >= most;
        let number = table.next;
        table.next += 1;
        let cut = Arc::new(Notify::new());
        table.open.insert(number, Open { address, cut: cut.clone(), admitted: None });
        *table.by_address.entry(address).or_default() += 1;
        Ok((Place { registry: self.clone(), number, cut, reserved }, made_room))
    }
}

impl Table {
    fn remove(&mut self, number: u64, cut: bool) {
        let Some(open) = self.open.remove(&number) else { return };
        if cut {
            open.cut.notify_one();
        }
        if let Some(count) = self.by_address.get_mut(&open.address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&open.address);
            }
        }
    }
}

impl Place {
    /// Marks the connection as let in: it no longer makes room for others.
    pub(crate) fn admit(&self, admitted: Admitted) {
        if let Some(open) = self.registry.table.lock().open.get_mut(&self.number) {
            open.admitted = Some(admitted);
        }
    }

    /// Resolves when this connection has to make room.
    pub(crate) fn cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let cut = self.cut.clone();
        async move { cut.notified().await }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.table.lock().remove(self.number, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer() -> Admitted {
        Admitted {
            publishes: false,
            stream: StreamName::new("main").unwrap(),
            peer: SocketAddr::from(([192, 0, 2, 1], 5000)),
            secure: false,
            software: String::new(),
            since: Instant::now(),
        }
    }

    #[tokio::test]
    async fn who_was_let_in_is_listed_and_can_be_cut() {
        let registry = Connections::new(ConnectionLimits::default());
        let (stranger, _) = registry.enter(IpAddr::from([192, 0, 2, 1])).unwrap();
        let (place, _) = registry.enter(IpAddr::from([192, 0, 2, 2])).unwrap();
        assert!(registry.admitted().is_empty());
        place.admit(viewer());
        let listed = registry.admitted();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].1.stream.as_str(), "main");
        assert!(!registry.cut(stranger.number), "it was not let in");
        assert!(registry.cut(place.number));
        place.cut().await;
        drop(place);
        assert!(registry.admitted().is_empty() && !registry.cut(listed[0].0));
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[test]
    fn b12_limits_hold_per_address_and_in_all() {
        let registry = Arc::new(Connections::default());
        registry.set_limits(ConnectionLimits { total: Some(4), per_address: Some(3) });
        let mut places: Vec<_> = (0..3).map(|_| registry.enter(ip(1)).unwrap().0).collect();
        assert_eq!(registry.enter(ip(1)).unwrap_err(), Refused::Address);
        places.push(registry.enter(ip(2)).unwrap().0);
        places.iter().for_each(Place::admit);
        for n in 0..8u8 {
            let (place, _) = registry.enter(ip(10 + n)).unwrap();
            assert!(place.reserved);
            place.admit(viewer());
            places.push(place);
        }
        assert_eq!(registry.enter(ip(3)).unwrap_err(), Refused::Total);
        places.clear();
        assert!(!registry.enter(ip(1)).unwrap().0.reserved);
    }

    #[tokio::test]
    async fn b8_who_was_not_let_in_makes_room() {
        let registry = Arc::new(Connections::default());
        registry.set_limits(ConnectionLimits { total: Some(2), per_address: None });
        let (first, _) = registry.enter(ip(1)).unwrap();
        let (second, _) = registry.enter(ip(1)).unwrap();
        first.admit(viewer());
        let (third, made_room) = registry.enter(ip(2)).unwrap();
        assert!(made_room && !third.reserved);
        second.cut().await;
    }
}
