//! Packages and their dependency edges, as `cargo metadata` tells them.
//!
//! What belongs here: reading and naming packages. What must not: judging them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a dependency is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[dependencies]`
    Normal,
    /// `[dev-dependencies]`
    Dev,
    /// `[build-dependencies]`
    Build,
}

/// One line of a dependency table, after workspace inheritance.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The package's own name, also where the manifest renames it.
    pub name: String,
    /// Which table it stands in.
    pub kind: Kind,
    /// Features asked for here; cargo may unite them with those of others.
    pub features: Vec<String>,
    /// Whether the default features come along.
    pub default_features: bool,
}

/// One member of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Name in its manifest.
    pub name: String,
    /// Folder of its manifest.
    pub folder: PathBuf,
    /// Its dependency tables.
    pub dependencies: Vec<Dependency>,
}

/// The root folder of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// The word of the floor plan for a package: the prefix goes, and the binary's package is `app`.
pub fn short(name: &str) -> Option<&str> {
    match name {
        "manycast" => Some("app"),
        _ => name.strip_prefix("manycast-"),
    }
}

/// All members of the workspace.
///
/// # Panics
/// Where cargo cannot be run or its answer cannot be read: the caller is a test.
pub fn packages() -> Vec<Package> {
    let all = metadata(&["--no-deps", "--offline"]);
    list(&all["packages"]).iter().map(package).collect()
}

/// A package of someone else that the workspace builds with on this kind of machine.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Name and version.
    pub name: String,
    /// Its licence expression (SPDX, or the older form with `/`).
    pub license: String,
    /// Where it came from, as cargo names it.
    pub source: String,
}

/// All packages of the lock file that are not ours, for Linux on this processor.
///
/// # Panics
/// As [`packages`], and where they cannot be downloaded.
pub fn foreign() -> Vec<Foreign> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let all = metadata(&["--locked", "--filter-platform", &platform]);
    let theirs = list(&all["packages"]).iter().filter(|p| p["source"].is_string());
    theirs
        .map(|p| Foreign {
            name: format!("{} {}", text(&p["name"]), text(&p["version"])),
            license: text(&p["license"]),
            source: text(&p["source"]),
        })
        .collect()
}

fn metadata(more: &[&str]) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .args(more)
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(out.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON")
}

fn list(v: &Value) -> &[Value] {
    v.as_array().map_or(&[], Vec::as_slice)
}

fn text(v: &Value) -> String {
    v.as_str().unwrap_or_default().to_owned()
}

fn package(v: &Value) -> Package {
    let manifest = PathBuf::from(text(&v["manifest_path"]));
    Package {
        name: text(&v["name"]),
        folder: manifest.parent().map_or_else(PathBuf::new, Path::to_path_buf),
        dependencies: list(&v["dependencies"]).iter().map(dependency).collect(),
    }
}

fn dependency(v: &Value) -> Dependency {
    Dependency {
        name: text(&v["name"]),
        kind: match v["kind"].as_str() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        },
        features: list(&v["features"]).iter().map(text).collect(),
        default_features: v["uses_default_features"].as_bool().unwrap_or(true),
    }
}
