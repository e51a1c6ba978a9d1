//! Both sides against recorded forms, against each other, and in any cut (traps H1 to H6).

use bytes::Bytes;
use proptest::prelude::*;

use super::digest::{self, Schema, Side};
use super::{ClientHandshake, HandshakeError, HandshakeStatus, PACKET, Packet, ServerHandshake};

const NOW: u32 = 0x0102_0304;

fn server() -> ServerHandshake {
    ServerHandshake::new(NOW, [7; 32])
}

/// A C1 or S1 with a body that is no constant.
fn packet(time: u32, version: [u8; 4]) -> Packet {
    let mut packet: Packet = std::array::from_fn(|index| (index * 7 % 251).to_le_bytes()[0]);
    packet[..4].copy_from_slice(&time.to_be_bytes());
    packet[4..8].copy_from_slice(&version);
    packet
}

/// What the server answers to C0 and C1: S1 and S2.
fn answer(c1: &Packet) -> (Packet, Packet) {
    let (mut server, mut out) = (server(), Vec::new());
    let bytes = [&[3], &c1[..]].concat();
    let mut input = &bytes[..];
    assert_eq!(server.read(&mut input, &mut out), Ok(HandshakeStatus::Pending));
    assert!(input.is_empty());
    assert_eq!(out.len(), 1);
    let reply = &out[0];
    assert_eq!((reply.len(), reply[0]), (3073, 3));
    (reply[1..1537].try_into().unwrap(), reply[1537..].try_into().unwrap())
}

fn signed(schema: Schema) -> Packet {
    let mut c1 = packet(5, [9, 0, 124, 2]);
    digest::sign(&mut c1, schema, Side::Client);
    c1
}

/// Whether the last 32 bytes of an S2 or C2 answer this digest.
fn answers(packet: &Packet, peer_digest: &[u8; 32], sender: Side) -> bool {
    let mut expected = *packet;
    digest::answer(&mut expected, peer_digest, sender);
    expected == *packet
}

/// Computed by another implementation of HMAC-SHA256 over the same packets: place and start of the
/// C1 digest, then the starts of the S1 digest, the S2 answer and the C2 answer.
const KNOWN: [(Schema, usize, [u32; 4]); 2] = [
    (Schema::KeyFirst, 1350, [0xA33C_3CEA, 0x7D95_15B2, 0xC0CC_5F72, 0xB285_6BBB]),
    (Schema::DigestFirst, 278, [0xD37D_81A0, 0xFD9A_8FDE, 0x72FF_153C, 0x4F41_D475]),
];

#[test]
fn digests_are_those_of_flash_player_and_fms() {
    let at = |packet: &Packet, place: usize| {
        u32::from_be_bytes(packet[place..place + 4].try_into().unwrap())
    };
    for (schema, place, [in_c1, in_s1, in_s2, in_c2]) in KNOWN {
        let unsigned = packet(5, [9, 0, 124, 2]);
        let (mut c1, mut s1, mut s2, mut c2) = (unsigned, unsigned, unsigned, unsigned);
        let client_digest = digest::sign(&mut c1, schema, Side::Client);
        let server_digest = digest::sign(&mut s1, schema, Side::Server);
        digest::answer(&mut s2, &client_digest, Side::Server);
        digest::answer(&mut c2, &server_digest, Side::Client);
        assert_eq!((at(&c1, place), at(&s1, place)), (in_c1, in_s1));
        assert_eq!((at(&s2, 1504), at(&c2, 1504)), (in_s2, in_c2));
    }
}

#[test]
fn trap_h1_version_is_zero_without_a_digest_and_not_zero_with_one() {
    for (name, c1, has_digest) in [
        ("simple", packet(5, [0; 4]), false),
        ("garbage version", packet(5, [1, 2, 3, 4]), false),
        ("flash version without digest", packet(5, [9, 0, 124, 2]), false),
        ("digest in the second block", signed(Schema::KeyFirst), true),
        ("digest in the first block", signed(Schema::DigestFirst), true),
    ] {
        let (s1, s2) = answer(&c1);
        assert_eq!(s1[..4], NOW.to_be_bytes(), "{name}");
        assert_eq!(s1[4..8] != [0; 4], has_digest, "{name}");
        assert_eq!(digest::find(&s1, Side::Server).is_some(), has_digest, "{name}");
        assert_eq!(s2 == c1, !has_digest, "{name}");
    }
}

#[test]
fn trap_h1_digest_is_answered_in_the_schema_of_the_client() {
    for schema in [Schema::KeyFirst, Schema::DigestFirst] {
        let c1 = signed(schema);
        let (_, client_digest) = digest::find(&c1, Side::Client).unwrap();
        let (s1, s2) = answer(&c1);
        assert_eq!(digest::find(&s1, Side::Server).unwrap().0, schema);
        assert!(answers(&s2, &client_digest, Side::Server));
    }
}

#[test]
fn trap_h1_one_wrong_bit_falls_back_to_simple() {
    for schema in [Schema::KeyFirst, Schema::DigestFirst] {
        for place in [3, 8, 100, 775, 900, 1535] {
            let mut c1 = signed(schema);
            c1[place] ^= 1;
            assert_eq!(answer(&c1).1, c1, "{schema:?}, byte {place}");
        }
    }
}

#[test]
fn trap_h2_echo_is_exact_in_times_and_random_bytes() {
    for time in [0, 5, u32::MAX] {
        let c1 = packet(time, [0; 4]);
        assert_eq!(answer(&c1).1, c1);
    }
}

#[test]
fn trap_h3_client_is_simple_and_copies_s1() {
    let (mut client, mut out) = (ClientHandshake::new(9, [1; 32]), Vec::new());
    let hello = client.start();
    assert_eq!((hello.len(), hello[0]), (1537, 3));
    assert_eq!(hello[1..9], [0, 0, 0, 9, 0, 0, 0, 0]);
    let mut s1 = packet(77, [4, 5, 0, 1]);
    digest::sign(&mut s1, Schema::KeyFirst, Side::Server);
    let bytes = [&[3], &s1[..], &[0xEE; PACKET], b"chunks"].concat();
    let mut input = &bytes[..];
    assert_eq!(client.read(&mut input, &mut out), Ok(HandshakeStatus::Done));
    assert_eq!(input, b"chunks");
    assert_eq!(out, [Bytes::copy_from_slice(&s1)]);
}

#[test]
fn trap_h3_client_with_digest_answers_a_digest_and_copies_anything_else() {
    let run = |s1: &Packet| {
        let (mut client, mut out) = (ClientHandshake::with_digest(9, [1; 32]), Vec::new());
        let hello = client.start();
        let c1 = hello[1..].first_chunk::<PACKET>().unwrap();
        assert_eq!(digest::find(c1, Side::Client).unwrap().0, Schema::DigestFirst);
        let bytes = [&[3], &s1[..], &[0; PACKET]].concat();
        assert_eq!(client.read(&mut &bytes[..], &mut out), Ok(HandshakeStatus::Done));
        out[0][..].try_into().unwrap()
    };
    let plain = packet(1, [0; 4]);
    assert_eq!(run(&plain), plain);
    let mut s1 = packet(1, [4, 5, 0, 1]);
    let server_digest = digest::sign(&mut s1, Schema::DigestFirst, Side::Server);
    assert!(answers(&run(&s1), &server_digest, Side::Client));
}

#[test]
fn trap_h4_answer_is_one_piece_and_comes_before_c2() {
    let c1 = packet(5, [0; 4]);
    let bytes = [&[3], &c1[..], &[0; PACKET], b"chunks"].concat();
    for cut in [1537, 1538, 3072] {
        let (mut server, mut out) = (server(), Vec::new());
        let (mut first, mut second) = bytes.split_at(cut);
        assert_eq!(server.read(&mut first, &mut out), Ok(HandshakeStatus::Pending));
        assert_eq!(out.iter().map(Bytes::len).collect::<Vec<_>>(), [3073]);
        assert_eq!(server.read(&mut second, &mut out), Ok(HandshakeStatus::Done));
        assert_eq!((out.len(), second), (1, &b"chunks"[..]));
    }
}

#[test]
fn trap_h5_encrypted_rtmp_is_refused_without_an_answer() {
    for version in [6, 8, 9] {
        let error = Err(HandshakeError::Encrypted { version });
        let mut out = Vec::new();
        assert_eq!(server().read(&mut &[version][..], &mut out), error);
        let mut client = ClientHandshake::new(0, [0; 32]);
        assert_eq!(client.read(&mut &[version][..], &mut out), error);
        assert!(out.is_empty());
    }
}

#[test]
fn trap_h6_text_is_refused_by_its_first_byte() {
    for text in [&b"GET / HTTP/1.1\r\n"[..], b"OPTIONS", b"SSH-2.0", b"{", b" ", &[0xFF], &[0x80]] {
        let (mut server, mut out) = (server(), Vec::new());
        let error = Err(HandshakeError::NotRtmp { first: text[0] });
        assert_eq!(server.read(&mut &text[..1], &mut out), error);
        assert_eq!(server.read(&mut &text[1..], &mut out), error, "and it stays refused");
        assert!(out.is_empty());
    }
}

#[test]
fn other_versions_are_answered_with_three() {
    for version in [0, 1, 2, 4, 5, 7, 10, 31] {
        let bytes = [&[version], &packet(5, [0; 4])[..]].concat();
        let mut out = Vec::new();
        assert_eq!(server().read(&mut &bytes[..], &mut out), Ok(HandshakeStatus::Pending));
        assert_eq!(out[0][0], 3);
    }
}

#[test]
fn bar_b4_a_half_open_handshake_holds_little() {
    let mut exchange = super::Exchange::new();
    let c0c1 = [&[3], &packet(5, [0; 4])[..]].concat();
    let status = exchange.read(&mut &c0c1[..1536], |_| panic!("C1 is not complete"));
    assert_eq!(status, Ok(HandshakeStatus::Pending));
    let super::Exchange::Greeting(received) = exchange else { panic!() };
    assert!(received.capacity() + size_of::<ServerHandshake>() <= 8 * 1024);
}

#[test]
fn random_bytes_come_from_the_seed_alone() {
    let hello = |seed| ClientHandshake::new(0, [seed; 32]).start();
    assert_eq!(hello(1), hello(1));
    assert_ne!(hello(1), hello(2));
    let c1 = hello(1);
    let (first, second) = c1[9..].split_at(764);
    assert_ne!(first, second);
}

/// Runs client and server against each other, with pieces of the given sizes in turn.
fn converse(mut client: ClientHandshake, cuts: &[usize]) -> (Vec<u8>, Vec<u8>) {
    let mut server = server();
    let (mut to_server, mut to_client) = (client.start().to_vec(), Vec::new());
    let (mut sent_by_client, mut sent_by_server) = (to_server.clone(), Vec::new());
    let mut done = (false, false);
    let mut sizes = cuts.iter().cycle();
    for _ in 0..20_000 {
        let mut out = Vec::new();
        let mut cut = |bytes: &mut Vec<u8>| {
            let size = (*sizes.next().unwrap()).min(bytes.len());
            bytes.drain(..size).collect::<Vec<_>>()
        };
        let piece = cut(&mut to_server);
        done.0 |= server.read(&mut &piece[..], &mut out).unwrap() == HandshakeStatus::Done;
        to_client.extend(out.concat());
        sent_by_server.extend(out.concat());
        out.clear();
        let piece = cut(&mut to_client);
        done.1 |= client.read(&mut &piece[..], &mut out).unwrap() == HandshakeStatus::Done;
        to_server.extend(out.concat());
        sent_by_client.extend(out.concat());
        if done == (true, true) {
            break;
        }
    }
    assert_eq!(done, (true, true));
    (sent_by_client, sent_by_server)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_gives_the_same_conversation(
        cuts in prop::collection::vec(1_usize..2000, 1..8),
        with_digest: bool,
    ) {
        let client = || {
            let new = if with_digest { ClientHandshake::with_digest } else { ClientHandshake::new };
            new(3, [9; 32])
        };
        prop_assert_eq!(converse(client(), &cuts), converse(client(), &[usize::MAX]));
    }
}
