//! D9: which certificates are taken, which are refused and in which words; and our own on disk.

use std::time::{Duration, SystemTime};

use super::support::*;
use crate::{
    CertificateProblem as P, ClientTls, MaterialError, ServerTls, TlsError, Transport,
    fingerprint_text,
};

/// What both ends find when the client trusts `trusted` and the server shows this certificate.
async fn ends(pair: &Pair, trusted: &str, name: &str) -> Ends {
    let folder = Folder::new();
    let client = ClientTls::only(&folder.write("trusted.pem", trusted)).unwrap();
    handshake(&pair.server(&folder), &client, name, false).await
}

type Ends = (Result<Transport, TlsError>, Result<Transport, TlsError>);

async fn own_verdict(pair: &Pair, trusted: &str) -> P {
    match ends(pair, trusted, NAME).await {
        (Err(TlsError::Certificate(problem)), Err(TlsError::Alert { .. })) => problem,
        other => panic!("{other:?}"),
    }
}

async fn verdict(pair: &Pair, trusted: &str, name: &str) -> Result<Transport, TlsError> {
    let (near, far) = ends(pair, trusted, name).await;
    // The server learns of a refusal by alert, and neither side goes on without TLS.
    if near.is_err() {
        let refused = far.unwrap_err();
        assert!(matches!(refused, TlsError::Alert { of_certificate: true, .. }), "{refused:?}");
    }
    near
}

async fn problem(pair: &Pair, trusted: &str, name: &str) -> P {
    match verdict(pair, trusted, name).await {
        Err(error @ TlsError::Certificate(_)) => {
            assert!(error.is_permanent() && error.kind().starts_with("certificate_"));
            let TlsError::Certificate(problem) = error else { unreachable!() };
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn d9_bad_certificates_are_refused_each_for_its_own_reason() {
    let ours = Authority::named("one");
    let trusted = ours.pem.as_str();
    let good = ours.issue(&[NAME], ALIVE);
    assert!(verdict(&good, trusted, NAME).await.is_ok());

    let expired = problem(&ours.issue(&[NAME], (-20, -2)), trusted, NAME).await;
    let P::Expired { not_after: Some(end) } = expired else { panic!("{expired:?}") };
    let ago = SystemTime::now().duration_since(end).unwrap();
    assert!(ago.abs_diff(Duration::from_secs(2 * 86_400)) < Duration::from_secs(60), "{ago:?}");

    let early = problem(&ours.issue(&[NAME], (5, 20)), trusted, NAME).await;
    assert!(matches!(early, P::NotYetValid { not_before: Some(_) }), "{early:?}");
    assert!(early.to_string().contains("clock"), "{early}");

    let other = ours.issue(&["a.example.test", "b.example.test"], ALIVE);
    assert_eq!(
        problem(&other, trusted, NAME).await,
        P::WrongName {
            expected: NAME.to_owned(),
            presented: vec!["a.example.test".to_owned(), "b.example.test".to_owned()],
        }
    );
    let words = problem(&good, trusted, "127.0.0.1").await.to_string();
    assert_eq!(words, "it is not for 127.0.0.1, but for live.example.test");

    let strange = Authority::named("two").issue(&[NAME], ALIVE);
    assert_eq!(problem(&strange, trusted, NAME).await, P::UnknownIssuer);
    // The server has no words for this one but decrypt_error (RFC 8446 6.2).
    let forged = own_verdict(&Authority::named("one").issue(&[NAME], ALIVE), trusted).await;
    assert_eq!(forged, P::BadSignature);
    for ca in [false, true] {
        let own = Pair::self_signed(&[NAME], ALIVE, ca);
        assert_eq!(problem(&own, trusted, NAME).await, P::SelfSigned, "CA: {ca}");
        // Also when a certificate of the same maker is trusted.
        let older = Pair::self_signed(&[NAME], ALIVE, ca);
        assert_eq!(problem(&own, &older.cert, NAME).await, P::SelfSigned, "CA: {ca}");
    }
}

#[tokio::test]
async fn d9_a_self_signed_server_is_taken_by_its_file_but_never_expired_or_misnamed() {
    for ca in [false, true] {
        let own = Pair::self_signed(&[NAME], ALIVE, ca);
        assert!(verdict(&own, &own.cert, NAME).await.is_ok(), "CA: {ca}");
        let wrong = problem(&own, &own.cert, "other.example.test").await;
        assert!(matches!(wrong, P::WrongName { .. }), "CA: {ca}, {wrong:?}");
        let old = Pair::self_signed(&[NAME], (-20, -2), ca);
        let expired = problem(&old, &old.cert, NAME).await;
        assert!(matches!(expired, P::Expired { .. }), "CA: {ca}, {expired:?}");
    }
}

#[tokio::test]
async fn d9_the_same_refusals_hold_for_tls_1_2() {
    let folder = Folder::new();
    let ours = Authority::named("one");
    let server = ours.issue(&["a.example.test"], ALIVE).server(&folder);
    let client = ClientTls::only(&folder.write("ca.pem", &ours.pem)).unwrap();
    let client = client.speaking(TLS12);
    let (near, _) = handshake(&server, &client, NAME, false).await;
    let error = near.unwrap_err();
    assert_eq!(error.kind(), "certificate_wrong_name");
    assert_eq!(
        error.reason(),
        "the server's certificate was refused: it is not for live.example.test, but for \
         a.example.test"
    );
}

#[tokio::test]
async fn without_authorities_it_says_so_at_use() {
    let folder = Folder::new();
    let (server, _) = trusting(&folder);
    let (near, _) = handshake(&server, &ClientTls::without_roots(), NAME, false).await;
    let error = near.unwrap_err();
    assert!(matches!(error, TlsError::NoRoots));
    assert!(error.reason().contains("ca-certificates"), "{}", error.reason());
}

#[tokio::test]
async fn names_that_no_certificate_carries_are_refused_before_a_byte_leaves() {
    let folder = Folder::new();
    let (server, client) = trusting(&folder);
    for name in ["", "a b", "-", "exa mple.test", "ex\r\nample", "[::1", "."] {
        let (near, far) = handshake(&server, &client, name, false).await;
        assert!(matches!(near, Err(TlsError::BadName { .. })), "{name:?}: {near:?}");
        assert!(matches!(far, Err(TlsError::HandshakeEof { received: 0 })), "{name:?}: {far:?}");
    }
}

#[test]
fn revocation_and_the_rest_have_words() {
    use rustls::CertificateError as E;
    assert_eq!(P::from(E::Revoked), P::Revoked);
    assert_eq!(P::from(E::BadSignature), P::BadSignature);
    assert_eq!(P::from(E::InvalidPurpose), P::WrongPurpose);
    assert_eq!(P::from(E::Expired).to_string(), "it expired");
    assert!(matches!(P::from(E::BadEncoding), P::Other(_)));
    let missing = TlsError::from_client(rustls::Error::NoCertificatesPresented);
    assert_eq!(missing.kind(), "certificate_missing");
}

#[tokio::test]
async fn the_self_signed_certificate_stays_over_restarts_and_serves() {
    let folder = Folder::new();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), NAME.to_owned()];
    let first = ServerTls::self_signed(folder.path(), &names).unwrap();
    let again = ServerTls::self_signed(folder.path(), &names[..2]).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    let left = first.expires().unwrap().duration_since(SystemTime::now()).unwrap();
    assert!(left < Duration::from_secs(825 * 86_400), "Apple's systems refuse it: {left:?}");
    assert!(left > Duration::from_secs(799 * 86_400), "{left:?}");

    let client = ClientTls::only(&folder.path().join("tls-cert.pem")).unwrap();
    for name in &names {
        let (near, far) = handshake(&first, &client, name, false).await;
        assert!(near.is_ok() && far.is_ok(), "{name}: {near:?} {far:?}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let key = std::fs::metadata(folder.path().join("tls-key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
    let more = [&names[..], &["new.example.test".to_owned()]].concat();
    let renewed = ServerTls::self_signed(folder.path(), &more).unwrap();
    assert_ne!(first.fingerprint(), renewed.fingerprint());
    let identity = renewed.identity();
    assert!(identity.self_signed && identity.not_after == renewed.expires());
    for name in &more {
        assert!(identity.names.contains(name), "{name} in {:?}", identity.names);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_self_signed_certificate_near_its_end_or_damaged_is_replaced() {
    let folder = Folder::new();
    let names = [NAME.to_owned()];
    let put = |pair: &Pair| {
        folder.write("tls-cert.pem", &pair.cert);
        folder.write("tls-key.pem", &pair.key);
    };
    put(&Pair::self_signed(&[NAME], (-10, 50), false));
    let renewed = ServerTls::self_signed(folder.path(), &names).unwrap();
    let year = Duration::from_secs(365 * 86_400);
    assert!(renewed.expires().unwrap() > SystemTime::now() + year);

    put(&Pair::self_signed(&[NAME], (-10, 200), false));
    let kept = ServerTls::self_signed(folder.path(), &names).unwrap();
    assert!(kept.expires().unwrap() < SystemTime::now() + year);

    folder.write("tls-key.pem", "cut off by a power failure");
    let repaired = ServerTls::self_signed(folder.path(), &names).unwrap();
    assert_ne!(repaired.fingerprint(), kept.fingerprint());
    let bad = ServerTls::self_signed(folder.path(), &["no\nname".to_owned(), "é".to_owned()]);
    assert!(matches!(bad, Err(MaterialError::Generate(_))), "{bad:?}");
}

#[tokio::test]
async fn reload_changes_what_new_connections_see_and_a_bad_file_changes_nothing() {
    let folder = Folder::new();
    let ours = Authority::named("one");
    let client = ClientTls::only(&folder.write("ca.pem", &ours.pem)).unwrap();
    let server = ours.issue(&["old.example.test"], ALIVE).server(&folder);
    let old = tls_of(&server, &client, "old.example.test").await.unwrap();
    assert!(!server.reload().unwrap());

    folder.write("k.pem", "nonsense");
    assert!(server.reload().is_err());
    assert!(tls_of(&server, &client, "old.example.test").await.is_ok());

    let fresh = ours.issue(&[NAME], ALIVE);
    folder.write("c.pem", &fresh.cert);
    folder.write("k.pem", &fresh.key);
    assert!(server.reload().unwrap());
    assert!(tls_of(&server, &client, NAME).await.is_ok());
    assert!(tls_of(&server, &client, "old.example.test").await.is_err());
    assert!(old.is_tls());
}

#[tokio::test]
async fn a_machine_that_gets_an_address_gets_a_certificate_with_the_same_key_and_its_old_names() {
    let folder = Folder::new();
    let name = |text: &str| text.to_owned();
    let server = ServerTls::self_signed(folder.path(), &[name("10.1.2.3")]).unwrap();
    let (first, key) = (server.identity(), std::fs::read(folder.path().join("tls-key.pem")));
    assert!(!server.is_outdated() && !server.reload().unwrap());
    server.set_names(vec![name("192.0.2.7"), name("2001:db8::7")]);
    assert!(server.reload().unwrap());
    let second = server.identity();
    assert_ne!(first.fingerprint, second.fingerprint);
    assert_eq!(second.names, ["192.0.2.7", "2001:db8::7", "10.1.2.3"]);
    assert_eq!(key.unwrap(), std::fs::read(folder.path().join("tls-key.pem")).unwrap());
    server.set_names(vec![name("10.1.2.3")]);
    assert!(!server.reload().unwrap(), "back where it was: nothing to renew");
    assert_eq!(fingerprint_text(&second.fingerprint).len(), 95);
    let client = ClientTls::pinned(second.fingerprint);
    assert!(tls_of(&server, &client, "whatever.example").await.is_ok());
    let stranger = ClientTls::pinned(first.fingerprint);
    let refused = tls_of(&server, &stranger, "10.1.2.3").await.unwrap_err();
    assert_eq!(refused.kind(), "certificate_wrong_fingerprint");
    assert!(refused.reason().contains(&fingerprint_text(&second.fingerprint)), "{refused}");
}

#[test]
fn changed_files_are_noticed_without_reading_them() {
    let folder = Folder::new();
    let server = Pair::self_signed(&[NAME], ALIVE, false).server(&folder);
    assert!(!server.is_outdated());
    folder.write("k.pem", "half a fi");
    assert!(server.is_outdated() && server.reload().is_err() && server.is_outdated());
    let before = server.fingerprint();
    let fresh = Pair::self_signed(&[NAME, "b.example"], ALIVE, false);
    folder.write("c.pem", &fresh.cert);
    folder.write("k.pem", &fresh.key);
    assert!(server.reload().unwrap() && !server.is_outdated());
    assert_ne!(server.fingerprint(), before);
    assert_eq!(server.identity().names, [NAME, "b.example"]);
    assert!(!server.identity().self_signed);
}

async fn tls_of(server: &ServerTls, client: &ClientTls, name: &str) -> Result<Transport, TlsError> {
    handshake(server, client, name, false).await.0
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_reason() {
    let folder = Folder::new();
    let pair = Pair::self_signed(&[NAME], ALIVE, false);
    let other = Pair::self_signed(&[NAME], ALIVE, false);
    let cut = &pair.key[..pair.key.len() / 2];
    for (cert, key, words) in [
        (pair.cert.as_str(), other.key.as_str(), "k.pem: does not belong to the certificate"),
        (pair.cert.as_str(), pair.cert.as_str(), "k.pem: holds no private key"),
        (pair.key.as_str(), pair.key.as_str(), "c.pem: holds no certificate"),
        (pair.cert.as_str(), "", "k.pem: holds no private key"),
        ("", pair.key.as_str(), "c.pem: holds no certificate"),
        (pair.cert.as_str(), cut, "k.pem: is damaged"),
    ] {
        let (cert, key) = (folder.write("c.pem", cert), folder.write("k.pem", key));
        let text = ServerTls::from_files(&cert, &key).unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
        assert!(!text.contains(&pair.key[40..60]), "quotes the key");
    }
    let missing = ServerTls::from_files(&folder.path().join("none"), &folder.path().join("none"));
    assert!(matches!(missing, Err(MaterialError::File { .. })));
    assert!(ClientTls::system(Some(&folder.path().join("none"))).is_err());
    assert!(ClientTls::system(None).is_ok());
}
