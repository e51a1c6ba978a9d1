//! Our side of connections that we open: Deliveries, and the tools that publish and play.

mod conn;
mod deliver;
pub(crate) mod fault;
mod tools;

pub(crate) use conn::verdict;
pub use conn::{Address, ClientSettings};
pub(crate) use deliver::DeliveryWriter;
pub use deliver::RtmpLink;
pub use tools::{MediaEvent, Player, PlayerError, PlayerEvent, Sender};
