//! The encrypted side as an operator meets it: started without any file, its certificate replaced and
//! damaged while it runs. Each test runs the binary.

use manycast_tls::{ClientTls, Duplex, ServerTls, Transport};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts `manycast` with these arguments and variables in a folder, without any terminal.
    fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
        command.args(arguments).current_dir(folder).env_remove("STATE_DIRECTORY");
        command.envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, errors) = (log.clone(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let _ = writeln!(lines.lock().unwrap(), "{line}");
            }
        });
        Self { child, log }
    }

    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until a log line holds this text, and returns the line.
    fn wait_for(&self, text: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "no {text:?} in:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where a protocol listens, as the log has it, on loopback.
    fn at(&self, protocol: &str) -> SocketAddr {
        let line = self.wait_for(&format!("protocol=\"{protocol}\""));
        let port = line.rsplit(':').next().unwrap().trim();
        format!("127.0.0.1:{port}").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The answer to a GET under TLS, if the client takes the certificate.
async fn get(at: SocketAddr, tls: &ClientTls, path: &str) -> Result<String, String> {
    let tcp = TcpStream::connect(at).await.map_err(|error| error.to_string())?;
    let transport = Transport::connect(tcp, tls, "127.0.0.1").await;
    let mut connection = Duplex::new(transport.map_err(|error| error.to_string())?);
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    connection.flush().await.map_err(|error| error.to_string())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.map_err(|error| error.to_string())?;
    Ok(answer)
}

/// A port that was free a moment ago.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn it_starts_without_any_file_and_speaks_https_with_a_certificate_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    // Only where it listens is said, so that nothing collides: everything else is the default.
    let [rtmp, http, https] = [free(), free(), free()];
    let server = Server::start(
        folder.path(),
        &[],
        &[
            ("MANYCAST_RTMP__LISTEN", &rtmp),
            ("MANYCAST_HTTP__LISTEN", &http),
            ("MANYCAST_HTTPS__LISTEN", &https),
        ],
    );
    server.wait_for("ready");
    let kept = folder.path().join("manycast-data/tls-cert.pem");
    let identity = ServerTls::identity_of(&kept).unwrap();
    for name in ["localhost", "127.0.0.1"] {
        assert!(identity.names.iter().any(|own| own == name), "{:?}", identity.names);
    }
    let shown = manycast_tls::fingerprint_text(&identity.fingerprint);
    assert!(server.wait_for("sha256=").contains(&shown), "the fingerprint stands in the log");
    server.wait_for(&format!("address=\"https://{https}\""));

    let at = server.at("https");
    let trusted = ClientTls::only(&kept).unwrap();
    assert!(get(at, &trusted, "/healthz").await.unwrap().contains("200 OK"));
    let pinned = ClientTls::pinned(identity.fingerprint);
    assert!(get(at, &pinned, "/readyz").await.unwrap().contains("200 OK"));
    let refused = get(at, &ClientTls::pinned([7; 32]), "/healthz").await.unwrap_err();
    assert!(refused.contains(&shown), "{refused}");
}

/// Puts a certificate of this name where the server looks for one.
fn put(folder: &Path, name: &str) -> ClientTls {
    let made = tempfile::tempdir().unwrap();
    let names = [name.to_owned(), "127.0.0.1".to_owned()];
    let fingerprint = ServerTls::self_signed(made.path(), &names).unwrap().fingerprint();
    for (from, to) in [("tls-cert.pem", "c.pem"), ("tls-key.pem", "k.pem")] {
        std::fs::copy(made.path().join(from), folder.join(to)).unwrap();
    }
    ClientTls::pinned(fingerprint)
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_while_it_runs_and_a_bad_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let first = put(folder.path(), "one.example");
    let text = "[rtmp]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"off\"\n\
                [https]\nlisten = \"127.0.0.1:0\"\ncert = \"c.pem\"\nkey = \"k.pem\"\n\
                [rtmps]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n";
    std::fs::write(folder.path().join("manycast.toml"), text).unwrap();
    let server = Server::start(folder.path(), &["serve"], &[]);
    server.wait_for("ready");
    let (https, rtmps) = (server.at("https"), server.at("rtmps"));
    assert!(get(https, &first, "/healthz").await.is_ok());

    std::fs::write(folder.path().join("k.pem"), "half a k").unwrap();
    let told = server.wait_for("the certificate stays as it was");
    assert!(told.contains("k.pem"), "{told}");
    assert!(get(https, &first, "/healthz").await.is_ok(), "the old one stays");
    let metrics = plain(server.at("metrics"), "/metrics").await;
    assert!(metrics.contains("manycast_certificate_ok 0"), "{metrics}");

    let second = put(folder.path(), "two.example");
    server.wait_for("the certificate is another one now");
    assert!(get(https, &second, "/healthz").await.is_ok());
    assert!(get(https, &first, "/healthz").await.is_err());
    let tcp = TcpStream::connect(rtmps).await.unwrap();
    assert!(Transport::connect(tcp, &second, "x").await.is_ok(), "rtmps shows the same");
    let status = plain(server.at("metrics"), "/api/v1/status").await;
    assert!(status.contains("two.example") && status.contains("\"problem\":null"), "{status}");
}

async fn plain(at: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What the program says when it cannot begin.
fn refusal(folder: &Path, config: &str) -> String {
    std::fs::write(folder.join("manycast.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
    command.arg("serve").current_dir(folder).env_remove("STATE_DIRECTORY");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_keeps_it_from_starting_is_said_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = holder.local_addr().unwrap();
    let base = "[rtmp]\nlisten = \"off\"\n[http]\nlisten = \"off\"\n";
    let said = refusal(folder.path(), &format!("{base}[https]\nlisten = \"{busy}\"\n"));
    let want = format!("https.listen: cannot listen at {busy}");
    assert!(said.contains(&want) && said.contains("ss -ltnp"), "{said}");

    std::fs::write(folder.path().join("c.pem"), "no certificate").unwrap();
    std::fs::write(folder.path().join("k.pem"), "no key").unwrap();
    let files =
        format!("{base}[https]\nlisten = \"127.0.0.1:0\"\ncert = \"c.pem\"\nkey = \"k.pem\"\n");
    let said = refusal(folder.path(), &files);
    assert!(
        said.contains("c.pem holds no certificate") || said.contains("c.pem: holds no"),
        "{said}"
    );

    std::fs::write(folder.path().join("blocked"), "").unwrap();
    let data = format!("{base}[https]\nlisten = \"off\"\n[server]\ndata_dir = \"blocked/deep\"\n");
    let said = refusal(folder.path(), &data);
    assert!(said.contains("data directory") && said.contains("--data-dir"), "{said}");
}
