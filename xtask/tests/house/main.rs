//! The house rules, each a test: what a reviewer would otherwise have to remember.

mod conformance;
mod floors;
mod gates;
mod licences;
mod quirks;
