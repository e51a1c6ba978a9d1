//! Real sockets on loopback, certificates made on the spot.

mod certificates;
mod duplex;
mod refusals;
mod support;
mod transfer;
