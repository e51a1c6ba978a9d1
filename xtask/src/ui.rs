//! The build of the dashboard: the only place that calls npm.
//!
//! Belongs here: what has to run, in which order, and whether it has to run at all. Must not come
//! here: how the dashboard is built (`dashboard/vite.config.ts`), or bringing Node (`scripts/setup`).

use crate::workspace::{foreign, root};
use serde_json::json;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the build reads, apart from the packages of the lock file.
const SOURCES: &[&str] = &[
    "src",
    "build",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
];

/// Builds `dashboard/dist`, unless it was built of these very sources.
///
/// # Errors
/// A sentence, where Node is missing or a step fails; npm has said the rest itself.
pub fn build() -> Result<(), String> {
    let folder = folder();
    crates(&folder)?;
    let wanted = print_of(&folder)?;
    let stamp = folder.join("dist/.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|built| built == wanted) {
        return Ok(());
    }
    packages(&folder)?;
    npm(&folder, &["run", "--silent", "build"])?;
    fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))
}

/// Type check and unit tests of the dashboard.
///
/// # Errors
/// As [`build`].
pub fn check() -> Result<(), String> {
    let folder = folder();
    packages(&folder)?;
    npm(&folder, &["run", "--silent", "check"])?;
    npm(&folder, &["run", "--silent", "test"])
}

fn folder() -> PathBuf {
    root().join("dashboard")
}

/// The packages of the lock file, if they are not there yet. Scripts of packages never run.
fn packages(folder: &Path) -> Result<(), String> {
    let lock = read(&folder.join("package-lock.json"))?;
    let there = folder.join("node_modules/.installed-lock.json");
    if fs::read(&there).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm(folder, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    fs::write(&there, lock).map_err(|e| format!("{}: {e}", there.display()))
}

fn npm(folder: &Path, words: &[&str]) -> Result<(), String> {
    let status = Command::new("npm").args(words).current_dir(folder).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("npm {} failed: {status}", words.join(" "))),
        Err(error) => Err(format!(
            "npm could not be started ({error}): `scripts/setup ui` brings Node, `make ui` does all"
        )),
    }
}

/// Names and licences of the server's own libraries, for the page About. Written only when they differ, so
/// that nothing is built anew for nothing.
fn crates(folder: &Path) -> Result<(), String> {
    let list: Vec<_> = foreign()
        .iter()
        .map(|f| {
            let (name, version) = f.name.split_once(' ').unwrap_or((&f.name, ""));
            json!({ "name": name, "version": version, "licence": f.license })
        })
        .collect();
    let text = serde_json::to_vec(&list).map_err(|e| e.to_string())?;
    let path = folder.join(".generated/crates.json");
    if fs::read(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::create_dir_all(folder.join(".generated")).map_err(|e| e.to_string())?;
    fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// A short text that differs when anything that the build reads differs.
fn print_of(folder: &Path) -> Result<String, String> {
    let mut files = vec![folder.join(".generated/crates.json")];
    for source in SOURCES {
        collect(&folder.join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in &files {
        file.strip_prefix(folder).unwrap_or(file).hash(&mut hasher);
        read(file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x} {}\n", hasher.finish(), files.len()))
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) -> Result<(), String> {
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|e| format!("{}: {e}", path.display()))?;
        for entry in entries {
            collect(&entry.map_err(|e| e.to_string())?.path(), into)?;
        }
    } else {
        into.push(path.to_path_buf());
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|e| format!("{}: {e}", path.display()))
}
