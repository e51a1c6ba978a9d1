//! Table tests of the command envelope.

use manycast_amf::{Limits, Value, object};

use super::{Command, command_body, wants_reply};

fn parse(body: &[u8]) -> Command {
    Command::parse(body, Limits::default()).expect("within the bounds").expect("has a name")
}

#[test]
fn section8_a_command_reads_as_it_was_written() {
    let body = command_body("publish", 5.0, &[Value::Null, "key".into(), "live".into()]);
    let command = parse(&body);
    assert_eq!(command.name, "publish");
    assert_eq!(command.transaction.to_bits(), 5f64.to_bits());
    assert_eq!(command.object, Value::Null);
    assert_eq!(command.arguments, ["key".into(), "live".into()]);
    assert_eq!(command.argument(7), &Value::Null);
}

#[test]
fn trap_a3_the_command_object_may_be_anything_or_absent() {
    let app = || [("app", Value::from("live"))];
    for value in
        [object(app()), manycast_amf::ecma_array(app()), Value::Null, Value::Undefined, 7.0.into()]
    {
        let command = parse(&command_body("connect", 1.0, std::slice::from_ref(&value)));
        assert_eq!(command.object, value);
    }
    let bare = parse(&command_body("connect", 1.0, &[]));
    assert_eq!((bare.object, bare.arguments.len()), (Value::Null, 0));
}

#[test]
fn trap_a4_what_was_readable_before_a_bad_marker_is_kept() {
    let mut body = command_body("publish", 5.0, &[Value::Null, "key".into()]).to_vec();
    body.extend([0x0e, 1, 2, 3]);
    assert_eq!(parse(&body).arguments, ["key".into()]);
}

#[test]
fn trap_a7_a_transaction_may_be_no_number_zero_or_fractional() {
    for txn in [f64::NAN, -0.0, 0.0, 2.5, f64::INFINITY, f64::from_bits(0x7ff8_0000_dead_beef)] {
        let command = parse(&command_body("x", txn, &[]));
        assert_eq!(command.transaction.to_bits(), txn.to_bits());
    }
    assert!(wants_reply(f64::NAN) && wants_reply(2.5) && !wants_reply(0.0) && !wants_reply(-0.0));
}

#[test]
fn trap_a7_a_missing_transaction_counts_as_zero() {
    let command = parse(b"\x02\x00\x01x\x05\x02\x00\x01k");
    assert_eq!(command.transaction.to_bits(), 0);
    assert_eq!(command.arguments, ["k".into()]);
}

#[test]
fn section5_an_amf3_command_has_a_selector_or_lacks_it() {
    let body = command_body("createStream", 2.0, &[Value::Null]);
    let with = [&[0][..], &body].concat();
    for body in [&with[..], &body[..]] {
        let command =
            Command::parse_amf3(body, Limits::default()).expect("bounded").expect("named");
        assert_eq!(command.name, "createStream");
    }
}

#[test]
fn trap_a5_a_command_beyond_the_bounds_is_refused_as_a_whole() {
    let mut body = command_body("connect", 1.0, &[]).to_vec();
    body.extend([3, 0, 1, b'a'].repeat(50_000));
    assert!(Command::parse(&body, Limits::default()).is_err());
}

#[test]
fn trap_a10_a_command_without_a_name_is_none() {
    for body in [&b""[..], b"\x00", b"\x05", b"\x02\x00\x09ab", b"\xff\xff"] {
        assert_eq!(Command::parse(body, Limits::default()), Ok(None), "{body:?}");
    }
}
