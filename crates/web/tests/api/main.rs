//! The API over real sockets: who may what, what is refused and how, what comes of a change.

mod audit;
mod live;
mod matrix;
mod refusals;
mod resources;
mod signing;
mod support;
