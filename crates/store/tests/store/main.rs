//! The database over its public methods, with real files.

mod accounts;
mod audit;
mod bounds;
mod fixture;
mod kill;
mod restore;
mod streams;
mod trouble;
mod vault;
mod webhooks;
