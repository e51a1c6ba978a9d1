//! The restream engine in virtual time, and the platforms that it must please.
//!
//! ```text
//! platform   stand-ins of YouTube, Twitch, Facebook and Amazon IVS: bytes in, bytes out, a record
//! frame      numbered frames, so that a receiver knows which one it got and whether it is whole
//! ```
//!
//! Belongs here: models of the world around the product, and what must hold whatever that world
//! does. Must not come here: sockets, threads that carry bytes, a clock (`now` is an argument), and
//! any decision of the product: those are called, never copied.

pub mod fault;
pub mod frame;
pub mod platform;
mod rng;
pub mod run;
mod world;

#[cfg(test)]
mod tests;
