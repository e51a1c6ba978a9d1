//! The database over its public methods, with real files.

mod accounts;
mod audit;
mod bounds;
mod fixture;
mod streams;
mod vault;
mod webhooks;
