# Sourced by the other scripts: puts a new enough cargo into PATH if there is one.
# What belongs here: finding the toolchain. What must not: installing it (scripts/setup does).

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NEEDED_RUST=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
CARGO_HOME=${CARGO_HOME:-${HOME:-/root}/.cargo}

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The version of the rustc that stands beside a cargo, as the project's toolchain file selects it.
rustc_version() { (cd "$ROOT" && "$(dirname "$1")/rustc" --version 2>/dev/null | awk '{print $2}'); }

# The full path of a cargo that can build the project, or nothing.
find_cargo() {
  local c v
  for c in "$CARGO_HOME/bin/cargo" /usr/local/cargo/bin/cargo /usr/bin/cargo; do
    [ -x "$c" ] || continue
    v=$(rustc_version "$c")
    if [ -n "$v" ] && version_at_least "$v" "$NEEDED_RUST"; then
      echo "$c"
      return 0
    fi
  done
  return 1
}

# A cargo that is already first in PATH and new enough stays first.
use_rust() {
  local v c
  if command -v cargo >/dev/null; then
    v=$(cd "$ROOT" && rustc --version 2>/dev/null | awk '{print $2}') || true
    if [ -n "$v" ] && version_at_least "$v" "$NEEDED_RUST"; then return 0; fi
  fi
  c=$(find_cargo) || return 1
  PATH=$(dirname "$c"):$PATH
  export PATH
}
