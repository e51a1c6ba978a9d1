//! RTMP servers of others as destinations: nginx-rtmp and node-media-server, to be killed, stopped and
//! started again.

use crate::ports::{self, Folder};
use crate::process::Process;
use crate::programs::find;
use crate::{millis, secs, until};
use nix::sys::signal::Signal;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running server of others.
pub struct Server {
    /// Where it listens, on loopback.
    pub address: SocketAddr,
    folder: Folder,
    command: Command,
    process: Process,
}

impl Server {
    /// nginx with its RTMP module, recording what arrives.
    ///
    /// # Panics
    /// When it or its module is missing.
    #[must_use]
    pub fn nginx_rtmp() -> Self {
        let (address, folder) = (ports::free(), Folder::new());
        let modules =
            ["/usr/lib/nginx/modules", "/usr/share/nginx/modules", "/usr/lib64/nginx/modules"];
        let module = modules.iter().map(|m| Path::new(m).join("ngx_rtmp_module.so"));
        let module = module.into_iter().find(|file| file.is_file());
        let module =
            module.unwrap_or_else(|| panic!("nginx-rtmp is missing: run scripts/setup test"));
        let template = std::fs::read_to_string(crate::root().join("tests/support/nginx-rtmp.conf"));
        let run = folder.path().to_string_lossy().into_owned();
        let text = template.unwrap_or_else(|e| panic!("nginx-rtmp.conf: {e}"));
        let text = text.replace("@RTMP_SO@", &module.to_string_lossy());
        let text = text.replace("@LISTEN@", &address.to_string()).replace("@RUN@", &run);
        let made = std::fs::create_dir(folder.file("rec"))
            .and_then(|()| std::fs::write(folder.file("nginx.conf"), text));
        made.unwrap_or_else(|e| panic!("{run}: {e}"));
        // workers of a root's nginx are somebody else, who has to write there
        for (path, mode) in [(folder.file("rec"), 0o777), (folder.path().to_owned(), 0o755)] {
            let _ = std::fs::set_permissions(path, PermissionsExt::from_mode(mode));
        }
        let mut command = Command::new(find("nginx"));
        command.arg("-p").arg(&run).arg("-c").arg(folder.file("nginx.conf"));
        Self::start(address, folder, command)
    }

    /// node-media-server, as `scripts/setup test` installed it.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn node_media_server() -> Self {
        let (address, folder) = (ports::free(), Folder::new());
        let root = std::fs::canonicalize(crate::root()).unwrap_or_else(|e| panic!("{e}"));
        let installed = root.join(".cache/node-media-server");
        let there = installed.join("node_modules/node-media-server/package.json");
        assert!(there.is_file(), "node-media-server is missing: run scripts/setup test");
        let mut command = Command::new(find("node"));
        command.arg(root.join("tests/support/node-media-server/serve.js"));
        command.arg(installed).arg(address.port().to_string()).current_dir(folder.path());
        Self::start(address, folder, command)
    }

    fn start(address: SocketAddr, folder: Folder, mut command: Command) -> Self {
        let process = Process::start(&mut command);
        let mut server = Self { address, folder, command, process };
        server.wait_ready();
        server
    }

    fn wait_ready(&mut self) {
        until("the server of others listens", secs(10), || {
            assert!(self.process.ended().is_none(), "it ended: {}", self.process.tail());
            TcpStream::connect(self.address).is_ok()
        });
    }

    /// The address as a destination's `url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rtmp://{}/live", self.address)
    }

    /// Sends a signal; those that end it are waited for.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
        if matches!(signal, Signal::SIGKILL | Signal::SIGTERM) {
            self.process.wait(secs(10));
        }
    }

    /// Starts it again where it was.
    pub fn restart(&mut self) {
        self.process = Process::start(&mut self.command);
        self.wait_ready();
    }

    /// Ends it, which finishes the recordings; the recording of this name.
    #[must_use]
    pub fn recording(mut self, name: &str) -> (PathBuf, Folder) {
        crate::pause(millis(300));
        self.process.signal(Signal::SIGTERM);
        self.process.wait(secs(5));
        (self.folder.file("rec").join(format!("{name}.flv")), self.folder)
    }

    /// What it said last.
    #[must_use]
    pub fn tail(&self) -> String {
        self.process.tail()
    }
}
