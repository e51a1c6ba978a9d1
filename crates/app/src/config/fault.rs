//! What is wrong with a configuration, and where.
//!
//! Belongs here: the shape of a fault and the collector that every reader writes to, so that one
//! look shows all faults. Must not come here: rules. No text in here ever holds a key's value.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Faults beyond this many are counted, not listed.
const MAX_LISTED: usize = 200;

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file, counted from 1; columns in characters.
    At {
        /// The line.
        line: u32,
        /// The character in it.
        column: u32,
    },
    /// In the environment, under this variable.
    Variable(Arc<str>),
    /// The file as a whole.
    File,
}

/// One thing that is wrong, or doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The configuration file.
    pub file: Arc<Path>,
    /// Where in it, or which variable.
    pub place: Place,
    /// The setting, such as `stream[0].name`; empty for the file as a whole.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Fault {
    /// The line in the file, unless it came from the environment or concerns the whole file.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        match self.place {
            Place::At { line, .. } => Some(line),
            _ => None,
        }
    }
}

impl Fault {
    /// Where it is and what is wrong, for those who show the remedy by itself.
    #[must_use]
    pub fn complaint(&self) -> String {
        let file = self.file.display();
        let place = match &self.place {
            Place::At { line, column } => format!("{file}:{line}:{column}: "),
            Place::Variable(name) => format!("{name}: "),
            Place::File => format!("{file}: "),
        };
        let colon = if self.key.is_empty() { "" } else { ": " };
        format!("{place}{}{colon}{}", self.key, self.what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.complaint(), self.remedy)
    }
}

/// Collects what readers find.
#[derive(Debug)]
pub(super) struct Faults {
    file: Arc<Path>,
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Fault>>,
}

impl Faults {
    pub(super) fn new(file: &Path) -> Self {
        Self { file: file.into(), faults: RefCell::default(), warnings: RefCell::default() }
    }

    fn make(&self, place: &Place, key: &str, what: String, remedy: String) -> Fault {
        Fault { file: self.file.clone(), place: place.clone(), key: key.to_owned(), what, remedy }
    }

    /// Notes what makes the configuration unusable.
    pub(super) fn fault(
        &self,
        place: &Place,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let fault = self.make(place, key, what.into(), remedy.into());
        let mut faults = self.faults.borrow_mut();
        if faults.len() < MAX_LISTED && !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    /// Notes what works and is doubtful.
    pub(super) fn warn(
        &self,
        place: &Place,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let warning = self.make(place, key, what.into(), remedy.into());
        let mut warnings = self.warnings.borrow_mut();
        if warnings.len() < MAX_LISTED {
            warnings.push(warning);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// The faults in order of their lines, and the warnings.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<Fault>) {
        let order = |list: RefCell<Vec<Fault>>| {
            let mut list = list.into_inner();
            list.sort_by_key(|fault| match fault.place {
                Place::File => (0, 0),
                Place::At { line, column } => (line, column),
                Place::Variable(_) => (u32::MAX, 0),
            });
            list
        };
        (order(self.faults), order(self.warnings))
    }
}
