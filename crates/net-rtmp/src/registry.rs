//! The connections that are open: limits in all and per address, and who makes room.

use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
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

#[derive(Debug)]
struct Open {
    address: IpAddr,
    cut: Arc<Notify>,
    /// Let in as publisher or viewer.
    admitted: bool,
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
            let oldest = table.open.iter().find(|(_, open)| !open.admitted).map(|(n, _)| *n);
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
        table.open.insert(number, Open { address, cut: cut.clone(), admitted: false });
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
    pub(crate) fn admit(&self) {
        if let Some(open) = self.registry.table.lock().open.get_mut(&self.number) {
            open.admitted = true;
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
            place.admit();
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
        first.admit();
        let (third, made_room) = registry.enter(ip(2)).unwrap();
        assert!(made_room && !third.reserved);
        second.cut().await;
    }
}
