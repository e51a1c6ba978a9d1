//! A scripted DNS server and listeners on loopback; timing in virtual time.

mod dialing;
mod gates;
mod races;
mod stub;
mod targets;
