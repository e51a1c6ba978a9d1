//! How findings are shown, and that a look at a fresh machine is whole.

use super::*;

#[test]
fn findings_are_shown_with_their_remedies() {
    let all = [
        Finding::ok("ports", "free"),
        Finding::doubt("disk", "slow", "another one"),
        Finding::bad("clock", "wrong", "set it"),
    ];
    let want = "ok    ports  free\ndoubt disk   slow\n             -> another one\n\
                BAD   clock  wrong\n             -> set it\n\n1 to mend, 1 to look at.\n";
    assert_eq!(text_of(&all), want);
    assert!(text_of(&all[..1]).ends_with("All is well.\n"));
    assert!(text_of(&all[..2]).ends_with("It works; 1 to look at.\n"));
    let json: Value = serde_json::from_str(&json_of(&all)).unwrap();
    assert_eq!(
        json[2],
        json!({"check": "clock", "state": "bad", "what": "wrong", "remedy": "set it"})
    );
    assert_eq!(json[0]["remedy"], Value::Null);
}

#[test]
fn a_refused_configuration_is_bad_and_the_rest_is_looked_at_with_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manycast.toml");
    std::fs::write(&file, "[rtmp]\nlisen = 1\n").unwrap();
    let (findings, config) = configuration(Some(&file)).unwrap();
    let first = &findings[0];
    assert!(first.state == State::Bad && first.what.contains(":2:1"), "{findings:?}");
    assert!(!first.remedy.is_empty() && !first.what.contains(&first.remedy), "once: {first:?}");
    assert_eq!(config.https.listen.unwrap().port(), 8443);
    std::fs::write(&file, "[http]\nlisten = \"0.0.0.0:8080\"\n").unwrap();
    let (findings, _) = configuration(Some(&file)).unwrap();
    assert_eq!(findings.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Ok, State::Doubt]);
}
