//! The commands against a server that answers from a table, over real sockets: what is asked, and
//! what becomes of the answers.
