//! Addresses that are kept out for a while.

use crate::address::subject;
use manycast_store::UnixMs;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;

/// Blocks at a time; beyond it the one that would end first goes.
const MOST: usize = 4096;

/// An address that is kept out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The address, or the /64 of IPv6 that stands for one host.
    pub address: IpAddr,
    /// Since when.
    pub since: UnixMs,
    /// Until when.
    pub until: UnixMs,
    /// Why, as whoever blocked it put it.
    pub why: String,
    /// Who wants it; may be empty.
    pub by: String,
}

/// The blocks, bounded.
#[derive(Default)]
pub(super) struct Blocks(Mutex<HashMap<IpAddr, Block>>);

impl Blocks {
    pub(super) fn add(&self, block: Block) {
        let address = block.address;
        let mut blocks = self.0.lock();
        if blocks.len() >= MOST && !blocks.contains_key(&address) {
            let first = blocks.values().min_by_key(|block| block.until).map(|block| block.address);
            first.and_then(|first| blocks.remove(&first));
        }
        blocks.insert(address, block);
    }

    pub(super) fn remove(&self, address: IpAddr) -> bool {
        self.0.lock().remove(&subject(address)).is_some()
    }

    pub(super) fn holds(&self, address: IpAddr, now: UnixMs) -> bool {
        let mut blocks = self.0.lock();
        if blocks.is_empty() {
            return false;
        }
        let address = subject(address);
        match blocks.get(&address) {
            Some(block) if block.until > now => true,
            Some(_) => {
                blocks.remove(&address);
                false
            }
            None => false,
        }
    }

    /// Those that hold, the one that ends first in front.
    pub(super) fn list(&self, now: UnixMs) -> Vec<Block> {
        let mut blocks = self.0.lock();
        blocks.retain(|_, block| block.until > now);
        let mut list: Vec<_> = blocks.values().cloned().collect();
        list.sort_by_key(|block| block.until);
        list
    }
}
