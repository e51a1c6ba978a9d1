//! Thin wrappers over the few system calls the tool needs.

use std::io;
use std::net::SocketAddrV4;

pub fn now_ns() -> u64 {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

pub fn sleep_until(ns: u64) {
    let ts = libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    };
    unsafe {
        libc::clock_nanosleep(
            libc::CLOCK_MONOTONIC,
            libc::TIMER_ABSTIME,
            &ts,
            std::ptr::null_mut(),
        );
    }
}

/// Raise (or lower) the priority of the calling thread; ignored when not permitted.
pub fn nice_thread(n: i32) {
    unsafe {
        let tid = libc::syscall(libc::SYS_gettid) as libc::id_t;
        libc::setpriority(libc::PRIO_PROCESS, tid, n);
    }
}

fn sockaddr(a: &SocketAddrV4) -> libc::sockaddr_in {
    let mut s: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    s.sin_family = libc::AF_INET as libc::sa_family_t;
    s.sin_port = a.port().to_be();
    s.sin_addr.s_addr = u32::from_ne_bytes(a.ip().octets());
    s
}

fn set_opt(fd: i32, level: i32, name: i32, v: i32) {
    unsafe {
        libc::setsockopt(fd, level, name, &v as *const i32 as *const libc::c_void, 4);
    }
}

pub fn nodelay(fd: i32) {
    set_opt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
}

/// Readable from so many bytes on, or at the end.
pub fn recv_lowat(fd: i32, bytes: i32) {
    set_opt(fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, bytes);
}

/// Acknowledge what was just received at once; the kernel forgets it, so repeat after each read.
pub fn quickack(fd: i32) {
    set_opt(fd, libc::IPPROTO_TCP, libc::TCP_QUICKACK, 1);
}

pub fn set_zerocopy(fd: i32) {
    set_opt(fd, libc::SOL_SOCKET, 60 /* SO_ZEROCOPY */, 1);
}

/// Non-blocking connect. The caller waits for writability.
pub fn connect_nb(a: &SocketAddrV4) -> io::Result<i32> {
    unsafe {
        let fd = libc::socket(
            libc::AF_INET,
            libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            0,
        );
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        nodelay(fd);
        let sa = sockaddr(a);
        let r = libc::connect(
            fd,
            &sa as *const _ as *const libc::sockaddr,
            std::mem::size_of_val(&sa) as u32,
        );
        if r < 0 {
            let e = io::Error::last_os_error();
            if e.raw_os_error() != Some(libc::EINPROGRESS) {
                libc::close(fd);
                return Err(e);
            }
        }
        Ok(fd)
    }
}

pub fn listen_nb(a: &SocketAddrV4) -> io::Result<i32> {
    unsafe {
        let fd = libc::socket(
            libc::AF_INET,
            libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
            0,
        );
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        set_opt(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1);
        let sa = sockaddr(a);
        if libc::bind(
            fd,
            &sa as *const _ as *const libc::sockaddr,
            std::mem::size_of_val(&sa) as u32,
        ) < 0
            || libc::listen(fd, 4096) < 0
        {
            let e = io::Error::last_os_error();
            libc::close(fd);
            return Err(e);
        }
        Ok(fd)
    }
}

pub fn accept_nb(fd: i32) -> Option<i32> {
    let r = unsafe {
        libc::accept4(
            fd,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    };
    (r >= 0).then_some(r)
}

pub fn so_error(fd: i32) -> i32 {
    let mut e: i32 = 0;
    let mut l: u32 = 4;
    unsafe {
        libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            libc::SO_ERROR,
            &mut e as *mut i32 as *mut libc::c_void,
            &mut l,
        );
    }
    e
}

pub enum Io {
    Done(usize),
    Again,
    Closed,
}

fn io_result(r: isize) -> Io {
    if r > 0 {
        Io::Done(r as usize)
    } else if r == 0 {
        Io::Closed
    } else {
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN) | Some(libc::EINTR) | Some(libc::ENOBUFS) => Io::Again,
            _ => Io::Closed,
        }
    }
}

pub fn recv(fd: i32, buf: &mut [u8]) -> Io {
    io_result(unsafe {
        libc::recv(fd, buf.as_mut_ptr() as *mut libc::c_void, buf.len(), libc::MSG_DONTWAIT)
    })
}

/// Discard received bytes inside the kernel: on TCP, MSG_TRUNC consumes without copying.
pub fn recv_discard(fd: i32, buf: &mut [u8]) -> Io {
    io_result(unsafe {
        libc::recv(
            fd,
            buf.as_mut_ptr() as *mut libc::c_void,
            buf.len(),
            libc::MSG_DONTWAIT | libc::MSG_TRUNC,
        )
    })
}

pub fn send(fd: i32, buf: &[u8], flags: i32) -> Io {
    io_result(unsafe {
        libc::send(
            fd,
            buf.as_ptr() as *const libc::c_void,
            buf.len(),
            libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | flags,
        )
    })
}

/// Several pieces in one call.
pub fn send_vectored(fd: i32, parts: &[io::IoSlice<'_>]) -> Io {
    // SAFETY: all zero is a valid msghdr; IoSlice has the layout of iovec, and both outlive the call.
    io_result(unsafe {
        let mut m: libc::msghdr = std::mem::zeroed();
        m.msg_iov = parts.as_ptr() as *mut libc::iovec;
        m.msg_iovlen = parts.len().min(libc::UIO_MAXIOV as usize);
        libc::sendmsg(fd, &m, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
    })
}

pub fn sendfile(fd: i32, src: i32, off: u64, len: usize) -> Io {
    let mut o = off as libc::off_t;
    io_result(unsafe { libc::sendfile(fd, src, &mut o, len) })
}

pub fn close(fd: i32) {
    unsafe { libc::close(fd) };
}

pub const IN: u32 = libc::EPOLLIN as u32;
pub const OUT: u32 = libc::EPOLLOUT as u32;

pub struct Epoll(i32);

impl Epoll {
    pub fn new() -> Self {
        Epoll(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
    }
    fn ctl(&self, op: i32, fd: i32, events: u32, key: u64) {
        let mut ev = libc::epoll_event { events, u64: key };
        unsafe { libc::epoll_ctl(self.0, op, fd, &mut ev) };
    }
    pub fn add(&self, fd: i32, events: u32, key: u64) {
        self.ctl(libc::EPOLL_CTL_ADD, fd, events, key)
    }
    pub fn modify(&self, fd: i32, events: u32, key: u64) {
        self.ctl(libc::EPOLL_CTL_MOD, fd, events, key)
    }
    pub fn del(&self, fd: i32) {
        self.ctl(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }
    pub fn wait(&self, evs: &mut Vec<libc::epoll_event>, timeout_ms: i32) -> usize {
        evs.resize(512, libc::epoll_event { events: 0, u64: 0 });
        let n = unsafe { libc::epoll_wait(self.0, evs.as_mut_ptr(), 512, timeout_ms) };
        n.max(0) as usize
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        close(self.0)
    }
}

/// User seconds, system seconds and highest resident kilobytes of this process.
pub fn rusage() -> (f64, f64, i64) {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) };
    let s = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    (s(r.ru_utime), s(r.ru_stime), r.ru_maxrss)
}

/// Take the completion notes of zero-copy sends off the error queue.
pub fn reap_zerocopy(fd: i32) {
    let mut ctl = [0u64; 16];
    let mut m: libc::msghdr = unsafe { std::mem::zeroed() };
    loop {
        m.msg_control = ctl.as_mut_ptr() as *mut libc::c_void;
        m.msg_controllen = 128;
        let r = unsafe { libc::recvmsg(fd, &mut m, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT) };
        if r < 0 {
            return;
        }
    }
}

pub fn memfd() -> i32 {
    unsafe { libc::memfd_create(c"frames".as_ptr(), libc::MFD_CLOEXEC) }
}

pub fn pwrite_all(fd: i32, data: &[u8], off: u64) -> bool {
    let r = unsafe {
        libc::pwrite(fd, data.as_ptr() as *const libc::c_void, data.len(), off as libc::off_t)
    };
    r == data.len() as isize
}

/// Give the pages before `end` back.
pub fn punch_hole(fd: i32, end: u64) {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    unsafe { libc::fallocate(fd, mode, 0, end as libc::off_t) };
}
