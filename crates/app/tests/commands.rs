//! The commands against a server that runs, as a new operator types them: from the first token to a
//! stream on air, what is answered to mistakes, and a lost key. Runs the binary, twice as a server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
const OFF: &str = "[https]\nlisten = \"off\"\n[rtmp]\nlisten = \"127.0.0.1:0\"\n";
const PLATFORM_KEY: &str = "key-of-the-platform-4711";

/// A program that is killed when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with its operator.
struct Desk {
    folder: tempfile::TempDir,
    server: String,
    token: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, server: "http://127.0.0.1:1".to_owned(), token: String::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
        command.current_dir(self.path()).env_remove("STATE_DIRECTORY").stdin(Stdio::null());
        // `%` stands for a blank in a word
        command.args(line.split(' ').map(|word| word.replace('%', " ")));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MANYCAST_")) {
            command.env_remove(name);
        }
        command.env("MANYCAST_SERVER", &self.server).env("MANYCAST_TOKEN", &self.token);
        command
    }

    fn given(&self, line: &str, input: &str) -> Output {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn good(&self, line: &str) -> String {
        self.good_with(line, "")
    }

    fn good_with(&self, line: &str, input: &str) -> String {
        let output = self.given(line, input);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{line}: {out}{err}");
        out
    }

    /// What is said to a call that has to end with this code.
    fn bad(&self, code: i32, line: &str) -> String {
        let output = self.given(line, "");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}: {out}{err}");
        err
    }

    fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.good(&format!("{line} --json"))).unwrap()
    }

    fn until(&self, line: &str, pointer: &str, want: &serde_json::Value) {
        let start = Instant::now();
        loop {
            let got = self.json(line);
            if got.pointer(pointer) == Some(want) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{line}: {pointer} is not {want} in {got:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A server with this configuration; where each of its protocols listens.
    fn serve(&self, name: &str, config: &str) -> (Running, impl Fn(&str) -> String + use<>) {
        let file = format!("{name}.toml");
        fs::write(self.path().join(&file), format!("{OFF}{config}")).unwrap();
        let mut command = self.command(&format!("serve --config {file} --data-dir {name}"));
        command.env_remove("MANYCAST_SERVER").env_remove("MANYCAST_TOKEN");
        let mut server = Running(command.stderr(Stdio::piped()).spawn().unwrap());
        let mut said = Vec::new();
        let lines = BufReader::new(server.0.stderr.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            said.push(line);
            if said.last().is_some_and(|line| line.contains(" ready version")) {
                break;
            }
        }
        let of = move |protocol: &str| {
            let quoted = format!("\"{protocol}\"");
            let line = said.iter().find(|line| line.contains(&quoted) && line.contains("address="));
            let line = line.unwrap_or_else(|| panic!("no {protocol} in {said:#?}"));
            line.split("address=").nth(1).unwrap().split(' ').next().unwrap().to_owned()
        };
        (server, of)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/obs29-h264-aac.flv")
}

/// The line after the one that announces a secret.
fn secret(out: &str) -> String {
    out.lines().skip_while(|line| !line.ends_with("shown this once:")).nth(1).unwrap().to_owned()
}

/// A desk with a server and a platform, and the first token.
fn started() -> (Desk, Vec<Running>, String, String) {
    let mut desk = Desk::new();
    let key =
        format!("[http]\nlisten = \"off\"\n[[stream]]\nname = \"p\"\nkey = \"{PLATFORM_KEY}\"\n");
    let (platform, of) = desk.serve("platform", &key);
    let to = of("rtmp");
    let own = format!("[http]\nlisten = \"127.0.0.1:0\"\n[egress]\nallow = [\"{to}\"]\n");
    let (server, of) = desk.serve("data", &own);
    let (rtmp, http) = (of("rtmp"), of("http"));
    desk.server = format!("http://{http}");
    let out = desk.good("token create --role owner --data-dir data");
    desk.token = secret(&out);
    (desk, vec![server, platform], rtmp, to)
}

#[test]
fn from_the_first_token_to_a_stream_on_air() {
    let (desk, _running, rtmp, platform) = started();
    assert!(desk.good("status").contains("There is no stream yet: manycast stream create NAME"));
    let made = desk.good("stream create main --title Gottesdienst%日本語 --notes one\ntwo");
    assert!(
        made.contains("Gottesdienst 日本語") && made.contains("manycast key create main"),
        "{made}"
    );
    assert!(made.contains("Notes             one\n                  two\n"), "{made}");
    let made = desk.good("key create main --label OBS");
    assert!(made.contains(&format!("rtmp://{rtmp}/live")), "{made}");
    let key = secret(&made);
    let create = format!("destination create main Out --url rtmp://{platform}/live --key -");
    assert!(desk.good_with(&create, PLATFORM_KEY).contains("rehearse"));
    assert!(desk.good("destination rehearse main Out").contains("is reached and answers"));

    let clip = capture();
    let mut encoder =
        desk.command(&format!("publish --loop {} rtmp://{rtmp}/live", clip.display()));
    encoder.env("MANYCAST_KEY", key).stdout(Stdio::null()).stderr(Stdio::null());
    let _encoder = Running(encoder.spawn().unwrap());
    desk.until("destination list", "/0/status/state", &"live".into());
    // a destination is no viewer
    desk.until("stream list", "/0/viewers", &0.into());
    desk.until("stream list", "/0/state", &"on_air".into());
    assert!(desk.good("stream list").contains("on_air"));
    assert!(desk.good("session list --stream main").contains("publisher"));
    assert!(desk.good("activity --kind destination.").contains("Out is live"));
    assert!(desk.good("backup live.db --with-key --data-dir data").contains("live.db.vault.key"));
    // beside a stream that is on air it is said that this one is fed at once
    let beside = format!("destination create main Two --url rtmp://{platform}/live --key -");
    let made = desk.good_with(&beside, PLATFORM_KEY);
    assert!(made.contains("it is fed from now on") && !made.contains("go-live"), "{made}");
    assert!(made.contains("manycast destination disable main Two"), "{made}");
    assert!(desk.good("status").contains("Configuration  loaded "));
    assert!(desk.good("destination disable main Out").contains("Enabled     no"));
    assert!(desk.good("destination enable main Out").contains("Enabled     yes"));
    assert_eq!(desk.good("destination order main Two Out"), "The order is changed.\n");
    followed(&desk);
    assert!(
        desk.good("doctor --config data.toml --data-dir data").contains("is in use by process")
    );
    let restored = desk.good("restore live.db --data-dir again");
    assert!(restored.contains("may be started"), "{restored}");
}

/// Whoever follows what happens ends when nobody listens any more.
fn followed(desk: &Desk) {
    let mut command = desk.command("activity --follow");
    let mut follower = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    let (heard, first) = std::sync::mpsc::sync_channel(64);
    // the reader is gone with its first line
    std::thread::spawn(move || heard.send(lines.next()));
    let mut press = ["end", "go-live"].into_iter().cycle();
    let start = Instant::now();
    // it may begin to listen after what happens first
    let line = loop {
        assert!(start.elapsed() < PATIENCE, "nothing is followed");
        desk.good(&format!("stream {} main", press.next().unwrap()));
        if let Ok(line) = first.recv_timeout(Duration::from_millis(300)) {
            break line.unwrap().unwrap();
        }
    };
    assert!(line.contains("main"), "{line}");
    while follower.0.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < PATIENCE, "it goes on");
        desk.good(&format!("stream {} main", press.next().unwrap()));
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn people_keys_and_tokens_have_names_and_mistakes_are_told_once() {
    let (mut desk, _running, rtmp, _) = started();
    desk.good("stream create main");
    desk.good("key create main --label OBS");
    assert!(secret(&desk.good("key rotate main OBS --grace 0")).len() > 20);
    desk.good_with("user create ann --role admin --password -", "correct horse battery\n");
    assert!(desk.good("user edit ann --role viewer").contains("viewer"));
    let invitation = desk.good("user invite --role operator");
    assert!(invitation.contains(&format!("{}/invite#", desk.server)), "{invitation}");
    assert_eq!(desk.good("user delete ann"), "The account is removed.\n");

    for (code, line, told) in [
        (1, "stream show nope", "no stream"),
        (1, "stream create main", "already"),
        (2, "stream create a~b", "letters, digits"),
        (2, "stream edit main", "nothing to change"),
        (1, "destination list --stream nope", "no stream"),
        (2, "destination create main x --url rtmp://x.example/live", "--key -"),
        (
            2,
            "destination create main x --url rtmp://x.example/live/k --service youtube",
            "service list",
        ),
        (1, "service show youtube", "manycast service list youtube"),
        (1, "key revoke main nope", "no stream key"),
        (1, "user delete nobody", "no such user"),
        (2, "activity --most 0", "from 1 on"),
        (2, "token create --role king", "possible values"),
        (2, "backup no/such/folder.db --data-dir data", "no such folder"),
        (1, "restore data.toml --data-dir other", "no backup of Manycast"),
        (1, "vault rotate --data-dir data", "in use by another"),
        (2, "vault rotate --data-dir nowhere", "holds no database"),
    ] {
        let said = desk.bad(code, line);
        assert!(said.contains(told), "{line}: {said}");
        assert_eq!(said.matches(told).count(), 1, "{line}: {said}");
    }
    let weak = secret(&desk.good("token create --role viewer --name weak"));
    let strong = std::mem::replace(&mut desk.token, weak.clone());
    assert!(desk.bad(1, "stream create other").contains("yours is viewer"));
    desk.token = strong;
    desk.good("token revoke weak");
    desk.token = weak;
    assert!(desk.bad(1, "stream list").contains("unknown, expired or revoked"));
    for (server, told) in [
        ("http://127.0.0.1:1", "manycast serve"),
        (&format!("http://{rtmp}"), "is this its address"),
        ("nonsense", "no address of a server"),
        ("http://192.0.2.1:8080", "unencrypted"),
    ] {
        desk.server = server.to_owned();
        let output = desk.given("status", "");
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains(told), "{server}: {}", text(&output.stderr));
    }
}

/// A full disk behind the standard output is no success.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let desk = Desk::new();
    let mut command = desk.command("completions bash");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot be written"), "{}", text(&output.stderr));
}

#[test]
fn j3_a_lost_key_of_the_vault_is_forgotten_and_the_secrets_entered_anew() {
    let (mut desk, running, ..) = started();
    desk.good("stream create main");
    desk.good_with("destination create main Out --url rtmp://x.example/live --key -", "k-4711");
    desk.good("webhook create ops https://hooks.example/");
    desk.good("backup copy.db --data-dir data");
    drop(running);
    fs::remove_file(desk.path().join("data/vault.key")).unwrap();
    let said = desk.bad(1, "vault rotate --data-dir data");
    assert!(said.contains("manycast vault forget KEY"), "{said}");
    let id = said.split("the key ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert!(desk.bad(1, "restore copy.db --data-dir data").contains("--without-key"));
    let restored = desk.good("restore copy.db --without-key --data-dir data");
    assert!(restored.contains(&format!("manycast vault forget {id} --data-dir")), "{restored}");
    let forget = format!("vault forget {id} --data-dir data");
    assert!(desk.bad(2, &forget).contains("--yes"));
    assert!(desk.bad(2, "vault forget xyz --data-dir data").contains("16 hexadecimal digits"));
    let told = desk.good(&format!("{forget} --yes"));
    for command in ["destination edit main \"Out\" --key -", "webhook rotate \"ops\""] {
        assert!(told.contains(command), "{told}");
    }
    assert!(desk.bad(2, &forget).contains("nothing is sealed"));

    let (_server, of) = desk.serve("data", "[http]\nlisten = \"127.0.0.1:0\"\n");
    desk.server = format!("http://{}", of("http"));
    assert_eq!(desk.json("destination list").pointer("/0/key_set"), Some(&false.into()));
    desk.good_with("destination edit main Out --key -", "k-4712");
    assert_eq!(desk.json("destination list").pointer("/0/key_set"), Some(&true.into()));
    desk.good("webhook rotate ops");
    assert!(desk.good("webhook edit ops --enabled true").contains("ENABLED  yes"));
}
