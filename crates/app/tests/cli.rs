//! The commands that work on a data directory and on this machine, as an operator types them. Each test
//! runs the binary.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn manycast(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manycast"));
    command.args(line.split(' ')).current_dir(folder).env_remove("STATE_DIRECTORY");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("MANYCAST_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run(folder: &Path, line: &str) -> Output {
    manycast(folder, line).output().unwrap()
}

fn good(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{line}: {out}{err}");
    out
}

fn bad(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!output.status.success(), "{line}: {out}{err}");
    err
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running server; killed when dropped.
struct Server(Child);

impl Server {
    fn start(folder: &Path) -> Self {
        fs::write(folder.join("manycast.toml"), QUIET).unwrap();
        let mut command = manycast(folder, "serve --data-dir data");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        for line in lines.map_while(Result::ok) {
            said.push(line);
            if said.last().is_some_and(|line| line.contains(" ready")) {
                return Self(child);
            }
        }
        panic!("it does not start: {said:#?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const QUIET: &str = "[rtmp]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
                     [https]\nlisten = \"off\"\n";

#[test]
fn a_first_token_comes_from_the_machine_itself_running_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = good(folder, "token create --role owner --data-dir data");
    let token = first.lines().find(|line| line.starts_with("mc_")).expect("a token");
    assert!(token.len() >= 40, "{token}");
    let _server = Server::start(folder);
    let second =
        good(folder, "token create --role viewer --scope read --days 7 --data-dir data --json");
    let second: serde_json::Value = serde_json::from_str(&second).unwrap();
    assert_eq!(
        (&second["role"], &second["scopes"]),
        (&"viewer".into(), &serde_json::json!(["read"]))
    );
    assert!(second["expires_at"].as_str().is_some() && second["token"].as_str() != Some(token));
    let refused = bad(folder, "token create --role king --data-dir data");
    assert!(refused.contains("king") && refused.contains("owner"), "{refused}");
}

#[test]
fn backups_are_made_while_it_runs_and_put_back_while_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refused = bad(folder, "backup copy.db --data-dir data");
    assert!(refused.contains("no database") && refused.contains("--data-dir"), "{refused}");
    good(folder, "token create --role owner --data-dir data");
    let server = Server::start(folder);
    let said = good(folder, "backup copy.db --data-dir data --with-key");
    assert!(said.contains("copy.db.vault.key") && folder.join("copy.db").is_file(), "{said}");
    assert!(bad(folder, "backup copy.db --data-dir data").contains("is there already"));
    for line in ["restore copy.db --data-dir data", "vault rotate --data-dir data"] {
        let refused = bad(folder, line);
        assert!(refused.contains("in use by another"), "{line}: {refused}");
        assert!(refused.contains(&server.0.id().to_string()), "{line}: {refused}");
    }
    drop(server);
    assert!(good(folder, "vault rotate --data-dir data").contains("new key"));
    let said = good(folder, "restore copy.db --data-dir data");
    assert!(said.contains("is in its place") && said.contains("kept as"), "{said}");
    assert!(bad(folder, "restore nothing.db --data-dir data").contains("no such file"));
    // What was restored opens, with the keys of then.
    good(folder, "backup second.db --data-dir data");
}

#[test]
fn the_doctor_looks_at_everything_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("manycast.toml"), QUIET).unwrap();
    let output = run(folder, "doctor --data-dir data --json");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = found.as_array().unwrap();
    let checks = [
        "configuration",
        "ports",
        "data directory",
        "disk",
        "clock",
        "DNS",
        "ffmpeg",
        "open files",
    ];
    for check in checks.into_iter().chain(["authorities"]) {
        assert!(found.iter().any(|one| one["check"] == check), "{check} in {found:#?}");
    }
    for one in found {
        let well = one["state"] == "ok";
        assert_eq!(one["remedy"].is_null(), well, "what is wrong has a remedy: {one}");
    }
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = holder.local_addr().unwrap();
    fs::write(folder.join("manycast.toml"), format!("[metrics]\nlisten = \"{busy}\"\n{QUIET}"))
        .unwrap();
    let output = run(folder, "doctor --data-dir data");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line =
        said.lines().position(|line| line.starts_with("BAD") && line.contains("metrics.listen"));
    let remedy = said.lines().nth(line.expect("the busy port") + 1).unwrap();
    assert!(remedy.contains("-> ") && remedy.contains("ss -ltnp"), "{said}");
}

#[test]
fn shells_complete_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = good(folder.path(), &format!("completions {shell}"));
        for word in ["destination", "go-live", "fingerprint", "doctor"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn every_command_is_documented() {
    let folder = tempfile::tempdir().unwrap();
    let page = include_str!("../../../docs/cli.md");
    let help = good(folder.path(), "--help");
    let verbs = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let verbs: Vec<_> =
        verbs.lines().filter(|l| l.starts_with("  ") && !l.starts_with("   ")).collect();
    assert!(verbs.len() > 15, "{help}");
    for verb in verbs.iter().filter_map(|line| line.split_whitespace().next()) {
        let told =
            page.contains(&format!("`{verb}`")) || page.contains(&format!("`manycast {verb}"));
        assert!(told || verb == "help", "docs/cli.md does not name {verb}");
    }
}
