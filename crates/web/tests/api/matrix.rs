//! Every operation of the document with every kind of caller (I1, I17).

use crate::support::{Bench, By};
use manycast_auth::{Permission, Principal, PrincipalKind, Role, Scope, Scopes};
use serde_json::{Value, json};

/// A caller, and what he may according to the roles.
struct Caller {
    shown: String,
    by: By,
    principal: Option<Principal>,
}

impl Caller {
    fn may(&self, word: &str) -> bool {
        match word {
            "public" => true,
            "signed_in" => self.principal.is_some(),
            word => {
                let named = Permission::ALL.iter().find(|permission| permission.as_str() == word);
                let permission = *named.unwrap_or_else(|| panic!("{word}"));
                self.principal.as_ref().is_some_and(|principal| principal.may(permission))
            }
        }
    }
}

fn principal(kind: PrincipalKind, role: Role, scopes: Scopes) -> Option<Principal> {
    Some(Principal { kind, id: String::new(), name: String::new(), role, scopes })
}

const ROLES: [(Role, &str); 4] = [
    (Role::Viewer, "vera"),
    (Role::Operator, "otto"),
    (Role::Admin, "anna"),
    (Role::Owner, "olga"),
];

async fn callers(bench: &Bench) -> Vec<Caller> {
    let stale = |by, shown: &str| Caller { shown: shown.to_owned(), by, principal: None };
    let mut all = vec![
        stale(By::Nobody, "nobody"),
        stale(By::Cookie("A".repeat(43)), "a session that never was"),
        stale(By::Token("mc_nothing".to_owned()), "a token that never was"),
    ];
    for (role, name) in ROLES {
        let by = bench.person(name, role).await;
        let principal = principal(PrincipalKind::User, role, Scopes::ALL);
        all.push(Caller { shown: format!("{role:?}"), by, principal });
    }
    for (role, _) in ROLES {
        for scope in [Scope::Read, Scope::Control, Scope::Edit, Scope::Admin] {
            let by = bench.token(role, &[scope]).await;
            let principal = principal(PrincipalKind::Token, role, Scopes::of([scope]));
            all.push(Caller { shown: format!("token {role:?} {scope:?}"), by, principal });
        }
    }
    all
}

/// The path with a value in each variable part, none of which there is.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn i1_every_operation_answers_every_caller_as_its_permission_says() {
    let bench = Bench::new().await;
    let document: Value = serde_json::from_str(manycast_web::openapi()).unwrap();
    let callers = callers(&bench).await;
    let mut cells = 0;
    let mut faults = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let word = operation["x-permission"].as_str().unwrap();
            let body = operation.get("requestBody").map(|_| json!({}));
            for caller in &callers {
                // a log-out ends the session that the next rows need
                if id == "log_out" && caller.may(word) {
                    continue;
                }
                let (verb, path) = (method.to_uppercase(), filled(path));
                let answer = if id == "events" && caller.may(word) {
                    let mut page = bench.listen(&caller.by, &path).await;
                    assert!(page.next("streams").await.is_some(), "{}", caller.shown);
                    200
                } else {
                    bench.send(&caller.by, &verb, &path, &[], body.as_ref()).await.status
                };
                let fine = match (caller.may(word), caller.principal.is_some()) {
                    // a log-in without name and password is invalid, not refused
                    (true, _) => !matches!(answer, 401 | 403 | 405) && answer < 500,
                    (false, true) => answer == 403,
                    (false, false) => answer == 401,
                };
                if !fine {
                    faults.push(format!("{verb} {path} ({word}) by {}: {answer}", caller.shown));
                }
                cells += 1;
            }
        }
    }
    assert!(faults.is_empty(), "{} of {cells} cells:\n{}", faults.len(), faults.join("\n"));
    assert!(cells > 1500, "{cells}");
    for (by, wanted) in [(&callers[3].by, 204), (&callers[3].by, 401)] {
        assert_eq!(bench.send(by, "DELETE", "/api/v1/session", &[], None).await.status, wanted);
    }
}

/// What is no operation is nobody's: no path is open by accident (I17).
#[tokio::test]
async fn i17_nothing_else_answers_anybody() {
    let bench = Bench::new().await;
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/streams",
        "/api/v1/streams/",
        "/api/v1/secrets",
        "/api/v1/users/../audit",
        "/api/v1//streams",
        "/problems/nothing",
    ] {
        for method in ["GET", "POST", "DELETE", "PUT"] {
            let answer = bench.send(&By::Nobody, method, path, &[], None).await;
            assert!(matches!(answer.status, 404 | 405), "{method} {path}: {answer:?}");
            let kind = answer.header("content-type");
            assert_eq!(kind, Some("application/problem+json"), "{method} {path}: {answer:?}");
        }
    }
    for (path, want) in [("/metrics", 401), ("/api/v1/status", 401), ("/healthz", 200)] {
        assert_eq!(bench.get(&By::Nobody, path).await.status, want, "{path}");
    }
    let reader = bench.token(Role::Viewer, &[Scope::Read]).await;
    assert!(bench.get(&reader, "/metrics").await.body.ends_with("# EOF\n"));
}
