//! What the operating system knows about a socket and about this process, asked safely.
//!
//! Belongs here: one small function per fact or socket option that neither `std` nor the runtime
//! offers, with the same signature on every system (`Unsupported` where the system cannot say).
//! Must not come here: protocols, async, policy (which values are right is the caller's matter).
//!
//! Absent on purpose: there is no `unsafe` in this crate, and no global state beyond one cached
//! kernel version.

mod disk;
mod limits;
mod names;
mod socket;
mod tcp_info;
mod terminal;

pub use disk::{Space, disk_space};
pub use limits::{Limits, is_fd_exhaustion, open_files, raise_open_files};
pub use names::{addresses, host_name};
pub use socket::{
    Keepalive, keepalive, nodelay, recv, reset_on_close, send, set_notsent_lowat, set_recv_lowat,
    set_user_timeout, shutdown_read, shutdown_write,
};
pub use tcp_info::{TcpInfo, TcpState, tcp_info};
pub use terminal::terminal_width;
