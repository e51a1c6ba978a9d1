//! Our side of connections that we open: Deliveries, and the tools that publish and play.

mod conn;
mod deliver;
pub(crate) mod fault;
mod login;
mod metadata;
pub(crate) mod peer;
mod pick;
mod tools;
mod trial;
mod writer;

pub use conn::{Address, ClientSettings};
pub use deliver::RtmpLink;
pub use tools::{MediaEvent, Player, PlayerError, PlayerEvent, Sender};
pub use trial::rehearse;
pub(crate) use writer::DeliveryWriter;
