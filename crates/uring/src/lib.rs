//! The same bytes to many sockets by one system call, where the system allows it.
//!
//! A call for each socket costs more than what happens between two calls: entering the kernel,
//! leaving it, finding the socket. `io_uring` (Linux 5.6) takes a list of them. Containers and
//! hardened machines often forbid it, so whoever uses this crate has another way as well.
//!
//! | Short name | Source |
//! |---|---|
//! | io_uring | io_uring(7), io_uring_setup(2), io_uring_enter(2), `man 3 io_uring_prep_send` |
//!
//! Belongs here: one thing, [`SendRing`]. It is the one place of the server with `unsafe`: the
//! kernel is given an address, and Rust cannot see when it is done with it.
//! Must not come here: policy (when a list is worth it), anything asynchronous, protocols. A call
//! is over when it returns, and so nothing of the caller's is borrowed any longer.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "ring.rs"]
mod ring;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "none.rs"]
mod ring;

pub use ring::SendRing;

#[cfg(test)]
mod tests;
