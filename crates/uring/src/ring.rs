//! The ring, where there is one.

use io_uring::{IoUring, Probe, opcode, types};
use rustix::net::SendFlags;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Sockets of one system call. By sixteen the call itself is next to nothing for each. With more, those
/// that were woken by it wait longer for their core, and the kernel's account of who used the core
/// goes wrong by what they wait (docs/performance.md).
const DEPTH: usize = 16;
/// What stands for a socket that the kernel was not asked to write to.
const NOT_TRIED: i32 = i32::MIN;

/// Writes to many sockets at once.
pub struct SendRing {
    /// Gone once the kernel refused a list: what it left of that one must not be submitted.
    ring: Option<IoUring>,
    results: Vec<i32>,
}

impl fmt::Debug for SendRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendRing").finish_non_exhaustive()
    }
}

impl SendRing {
    /// Asks the kernel for a ring.
    ///
    /// # Errors
    /// `PermissionDenied` where it is forbidden (containers, `kernel.io_uring_disabled`),
    /// `Unsupported` where the kernel is too old; `OutOfMemory` beyond the limit of locked memory
    /// of kernels before 5.12.
    pub fn new() -> io::Result<Self> {
        let ring = IoUring::builder().dontfork().build(u32::try_from(DEPTH).unwrap_or(u32::MAX))?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        // Without "nodrop" the kernel may forget to say that it is done.
        if !probe.is_supported(opcode::Send::CODE) || !ring.params().is_feature_nodrop() {
            return Err(ErrorKind::Unsupported.into());
        }
        Ok(Self { ring: Some(ring), results: Vec::new() })
    }

    /// Writes `bytes` to each of `sockets`, in their order, as much as each takes now. `taken` is
    /// emptied, and then holds for each socket how many bytes it took, or why none: `WouldBlock`
    /// if it had no room, `Interrupted` if it was not asked.
    ///
    /// # Errors
    /// When the kernel takes no more lists. The ring is of no use any more; `taken` is true.
    pub fn send(
        &mut self,
        sockets: &[BorrowedFd<'_>],
        bytes: &[u8],
        taken: &mut Vec<io::Result<usize>>,
    ) -> io::Result<()> {
        taken.clear();
        let mut outcome = Ok(());
        for some in sockets.chunks(DEPTH) {
            self.results.clear();
            self.results.resize(some.len(), NOT_TRIED);
            if let Some(ring) = &mut self.ring
                && let Err(error) = send_list(ring, some, bytes, &mut self.results)
            {
                outcome = Err(error);
                self.ring = None;
            }
            taken.extend(self.results.iter().map(|result| told(*result)));
        }
        if self.ring.is_some() { Ok(()) } else { outcome.and(Err(ErrorKind::Unsupported.into())) }
    }
}

/// Has one list worked off. Does not return before the kernel is done with all that it took of it.
/// After an error the ring still holds entries of it: it has to be dropped.
#[expect(unsafe_code, reason = "the kernel is given the address of the bytes")]
fn send_list(
    ring: &mut IoUring,
    sockets: &[BorrowedFd<'_>],
    bytes: &[u8],
    results: &mut [i32],
) -> io::Result<()> {
    // Never waits for room, and so is done within the call; never raises a signal.
    let flags = (SendFlags::DONTWAIT | SendFlags::NOSIGNAL).bits().cast_signed();
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut waiting = 0;
    for (at, socket) in (0..).zip(sockets) {
        let send = opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), len);
        let entry = send.flags(flags).build().user_data(at);
        // SAFETY: `bytes` and `sockets` are borrowed for this whole function, and it does not
        // return while the kernel works on an entry: those that it took are waited for below,
        // whatever happens. Those that it did not take go with the ring, which is dropped after an
        // error; the kernel looks at them when it is asked to, and never by itself.
        let pushed = unsafe { ring.submission().push(&entry) };
        waiting += usize::from(pushed.is_ok());
    }
    let (mut at_work, mut outcome) = (0_usize, Ok(()));
    while waiting > 0 || at_work > 0 {
        if outcome.is_ok() {
            match ring.submit_and_wait(if waiting == 0 { at_work } else { 0 }) {
                Ok(took) if took > 0 || waiting == 0 => {
                    waiting = waiting.saturating_sub(took);
                    at_work += took;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                refused => {
                    outcome = Err(refused.err().unwrap_or(ErrorKind::Other.into()));
                    waiting = 0;
                }
            }
        } else {
            std::thread::yield_now();
        }
        for done in ring.completion() {
            at_work = at_work.saturating_sub(1);
            let at = usize::try_from(done.user_data()).unwrap_or(usize::MAX);
            if let Some(result) = results.get_mut(at) {
                *result = done.result();
            }
        }
    }
    outcome
}

fn told(result: i32) -> io::Result<usize> {
    match usize::try_from(result) {
        Ok(taken) => Ok(taken),
        Err(_) if result == NOT_TRIED => Err(ErrorKind::Interrupted.into()),
        Err(_) => Err(io::Error::from_raw_os_error(-result)),
    }
}
