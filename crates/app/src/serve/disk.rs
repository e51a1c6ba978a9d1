//! Why nothing can be kept in a folder, in words for the operator.

use std::io::{Error, ErrorKind};

/// What helps against a failure to write.
pub(crate) fn remedy(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: `df -h` tells where; make room, or name another place by --data-dir"
        }
        ErrorKind::PermissionDenied => {
            "this user may not write there: `ls -ld` tells who may; give it to this user by \
             `chown`, or name another place by --data-dir"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "it is mounted for reading only: name another place by --data-dir"
        }
        _ => "name another place by --data-dir",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_says_what_to_do() {
        for (kind, want) in [
            (ErrorKind::StorageFull, "df -h"),
            (ErrorKind::QuotaExceeded, "df -h"),
            (ErrorKind::PermissionDenied, "chown"),
            (ErrorKind::ReadOnlyFilesystem, "for reading only"),
            (ErrorKind::NotADirectory, "--data-dir"),
        ] {
            assert!(remedy(&kind.into()).contains(want), "{kind:?}");
        }
    }
}
