//! Puts the built dashboard where it is embedded from. Never builds it: that is `cargo xtask ui`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// What is shown in place of a dashboard that was not built.
const PLACEHOLDER: &str = "<!doctype html><title>Manycast</title><p>This build has no dashboard: cargo xtask ui, then build again.";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-check-cfg=cfg(ui_placeholder)");
    let built = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../dashboard/dist");
    println!("cargo::rerun-if-changed={}", built.display());
    let to = Path::new(&env::var("OUT_DIR")?).join("ui");
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    fs::create_dir_all(&to)?;
    if built.join("index.html").is_file() {
        return copy(&built, &to);
    }
    if env::var_os("CARGO_FEATURE_REQUIRE_UI").is_some() {
        return Err("the dashboard is not built, and this build requires it: run `cargo xtask ui` (or `make ui`)".into());
    }
    println!("cargo::rustc-cfg=ui_placeholder");
    println!("cargo::warning=the dashboard is not built: `cargo xtask ui` builds it");
    fs::write(to.join("index.html"), PLACEHOLDER)?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(to.join(&name))?;
            copy(&entry.path(), &to.join(&name))?;
        } else {
            fs::copy(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
