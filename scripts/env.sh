# Sourced by the other scripts: puts a new enough cargo into PATH if there is one.
# What belongs here: finding the toolchain. What must not: installing it (scripts/setup does).

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
NEEDED_RUST=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
CARGO_HOME=${CARGO_HOME:-${HOME:-/root}/.cargo}
NEEDED_NODE=$(sed -n 's/.*"node": ">=\([0-9.]*\)".*/\1/p' "$ROOT/dashboard/package.json")
NODE_HOME=$ROOT/.cache/node

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

# A Node that is already first in PATH and new enough stays first; else the one that scripts/setup fetched.
use_node() {
  local v
  if command -v npm >/dev/null; then
    v=$(command node --version 2>/dev/null) || true
    if [ -n "$v" ] && version_at_least "${v#v}" "$NEEDED_NODE"; then return 0; fi
  fi
  [ -x "$NODE_HOME/bin/node" ] && [ -e "$NODE_HOME/bin/npm" ] || return 1
  v=$("$NODE_HOME/bin/node" --version 2>/dev/null) || return 1
  version_at_least "${v#v}" "$NEEDED_NODE" || return 1
  PATH=$NODE_HOME/bin:$PATH
  export PATH
}
