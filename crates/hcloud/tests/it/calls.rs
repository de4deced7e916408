//! Single calls: what is sent, what is repeated, what comes back.

use std::time::{Duration, Instant};

use ferroform_hcloud::{Error, NamedUpdate, Protection, SshKeyCreate};

use crate::server::{Reply, Server, TOKEN, error, ok, status};

const KEY: &str = r#"{"ssh_key":{"id":5,"name":"k","fingerprint":"aa:bb","public_key":"ssh-ed25519 A","labels":{},"created":"2026-01-01T00:00:00Z","new_field":{"x":[1]}}}"#;
const ACTION: &str = r#"{"action":{"id":9,"command":"change_protection","status":"running","progress":0,"started":"2026-01-01T00:00:00Z","finished":null,"resources":[{"id":1,"type":"network"}],"error":null}}"#;

fn key() -> SshKeyCreate {
    SshKeyCreate {
        name: "k".into(),
        public_key: "ssh-ed25519 A".into(),
        labels: [("a".into(), "b".into())].into(),
    }
}

#[tokio::test]
async fn a_request_carries_token_agent_and_body_and_the_answer_is_read() {
    let server = Server::start(|_, _| status(201, KEY)).await;
    let created = server.client().ssh_keys().create(&key()).await.unwrap();
    assert_eq!((created.id, created.name.as_str()), (5, "k"));
    let request = &server.requests()[0];
    assert_eq!(request.line, "POST /v1/ssh_keys");
    let head = request.head.to_ascii_lowercase();
    for wanted in
        [&format!("authorization: bearer {TOKEN}"), "user-agent: ferroform/", "accept: application/json"]
    {
        assert!(head.contains(wanted), "{wanted}: {head}");
    }
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body, serde_json::json!({"name": "k", "public_key": "ssh-ed25519 A", "labels": {"a": "b"}}));
}

/// How often each kind of call is sent when the first answers are these, and how it ends.
#[tokio::test]
async fn only_what_certainly_did_nothing_is_repeated() {
    type Script = fn(usize) -> Reply;
    let cases: [(&str, Script, usize, usize); 10] = [
        ("dropped once", |n| if n == 0 { Reply::Drop } else { ok(KEY) }, 2, 1),
        ("502 once", |n| if n == 0 { status(502, "") } else { ok(KEY) }, 2, 1),
        ("503 once", |n| if n == 0 { error(503, "unavailable") } else { ok(KEY) }, 2, 1),
        ("504 once", |n| if n == 0 { error(504, "timeout") } else { ok(KEY) }, 2, 1),
        ("conflict twice", |n| if n < 2 { error(409, "conflict") } else { ok(KEY) }, 1, 3),
        ("locked twice", |n| if n < 2 { error(423, "locked") } else { ok(KEY) }, 1, 3),
        ("protected", |_| error(423, "protected"), 1, 1),
        ("500", |_| error(500, "server_error"), 6, 1),
        ("500 once", |n| if n == 0 { error(500, "server_error") } else { ok(KEY) }, 2, 1),
        ("404", |_| error(404, "not_found"), 1, 1),
    ];
    for (what, script, gets, posts) in cases {
        let server = Server::start(move |n, _| script(n)).await;
        let _ = server.client().ssh_keys().get(5).await;
        assert_eq!(server.lines().len(), gets, "GET, {what}");
        let server = Server::start(move |n, _| script(n)).await;
        let posted = server.client().ssh_keys().create(&key()).await;
        assert_eq!(server.lines().len(), posts, "POST, {what}");
        let lost = matches!(&posted, Err(Error::AnswerLost { .. }));
        assert_eq!(
            lost,
            what.starts_with("dropped") || what.starts_with("50") && !what.starts_with("500"),
            "{what}: {posted:?}"
        );
    }
}

#[tokio::test]
async fn repetitions_end() {
    let server = Server::start(|_, _| Reply::Drop).await;
    assert!(matches!(server.client().ssh_keys().get(1).await, Err(Error::Transport { .. })));
    assert_eq!(server.lines().len(), 6);
    let server = Server::start(|_, _| error(423, "locked")).await;
    let update = NamedUpdate { name: Some("x".into()), labels: None };
    let refused = server.client().ssh_keys().update(1, &update).await.unwrap_err();
    assert!(refused.is("locked"));
    assert_eq!(server.requests()[0].body, r#"{"name":"x"}"#);
}

#[tokio::test]
async fn a_request_that_never_left_is_no_lost_answer() {
    // Nobody listens there, and nobody else comes to.
    let vacant = tokio::net::TcpSocket::new_v4().unwrap();
    vacant.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}/v1", vacant.local_addr().unwrap());
    let client = ferroform_hcloud::Client::builder()
        .endpoint(endpoint)
        .token(TOKEN)
        .pace(ferroform_hcloud::Pace::INSTANT)
        .build()
        .unwrap();
    let failed = client.ssh_keys().create(&key()).await.unwrap_err();
    assert!(matches!(failed, Error::Transport { .. }), "{failed}");
    assert!(!failed.may_have_happened());
}

#[tokio::test]
async fn errors_tell_all_but_the_token() {
    let body = r#"{"error":{"code":"invalid_input","message":"invalid input in field 'name'","details":{"fields":[{"name":"name","messages":["is too long","is ugly"]}]}}}"#;
    let server = Server::start(move |_, _| Reply::Answer {
        status: 422,
        headers: vec![("X-Correlation-Id", "abc123".into())],
        body: body.into(),
    })
    .await;
    let failed = server.client().ssh_keys().create(&key()).await.unwrap_err();
    let api = failed.as_api().unwrap();
    assert_eq!((api.status, api.correlation_id.as_deref()), (422, Some("abc123")));
    assert_eq!(api.fields()[0].messages, ["is too long", "is ugly"]);
    let text = failed.to_string();
    for wanted in ["POST /ssh_keys", "invalid input in field 'name'", "abc123", "name: is too long, is ugly"]
    {
        assert!(text.contains(wanted), "{text}");
    }
    assert!(!format!("{failed:?}{text}").contains("tokentoken"));
}

#[tokio::test]
async fn an_answer_of_another_form_says_what_does_not_fit() {
    for (body, wanted) in [
        (r#"{"ssh_key":{"id":"five"}}"#, "ssh_key"),
        ("{}", "ssh_key"),
        ("<html>", "expected"),
        (r#"[1]"#, "expected"),
    ] {
        let server = Server::start(move |_, _| ok(body)).await;
        let failed = server.client().ssh_keys().create(&key()).await.unwrap_err();
        assert!(matches!(failed, Error::Unreadable { .. }) && failed.may_have_happened(), "{failed:?}");
        assert!(failed.to_string().contains(wanted), "{failed}");
    }
}

#[tokio::test]
async fn the_servers_date_is_remembered_from_every_answer() {
    let server = Server::start(|_, _| Reply::Answer {
        status: 404,
        headers: vec![("Date", "Sun, 06 Nov 1994 08:49:37 GMT".into())],
        body: String::new(),
    })
    .await;
    let client = server.client();
    assert_eq!(client.last_server_date(), None);
    let _ = client.ssh_keys().get(1).await;
    assert_eq!(client.clone().last_server_date(), Some(784_111_777));
}

#[tokio::test]
async fn after_429_the_client_waits_for_the_refill_and_goes_on() {
    // Ten requests a second: 36,000 an hour, full again in an hour less what is missing.
    let headers = |remaining: &str| {
        vec![
            ("RateLimit-Limit", "36000".to_owned()),
            ("RateLimit-Remaining", remaining.to_owned()),
            ("RateLimit-Reset", "0".to_owned()),
        ]
    };
    let server = Server::start(move |n, _| match n {
        0 | 1 => Reply::Answer {
            status: 429,
            headers: headers("0"),
            body: r#"{"error":{"code":"rate_limit_exceeded","message":"","details":null}}"#.into(),
        },
        _ => Reply::Answer { status: 201, headers: headers("5"), body: KEY.into() },
    })
    .await;
    let client = server.client();
    let start = Instant::now();
    client.ssh_keys().create(&key()).await.unwrap();
    assert_eq!(server.lines().len(), 3);
    assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_running_action_is_waited_for_and_a_failed_one_is_an_error() {
    let server = Server::start(|n, request| match n {
        0 => status(201, ACTION),
        _ => {
            assert!(request.line.starts_with("GET /v1/actions?id=9&"), "{}", request.line);
            let state = if n == 1 { "running" } else { "error" };
            ok(format!(
                r#"{{"actions":[{{"id":9,"command":"c","status":"{state}","error":{{"code":"action_failed","message":"no luck"}},"resources":[{{"id":1,"type":"network"}}]}}]}}"#
            ))
        }
    })
    .await;
    let client = server.client();
    let action = client.networks().change_protection(1, Protection { delete: true }).await.unwrap();
    let failed = client.wait([action]).await.unwrap_err();
    assert_eq!(failed.code(), Some("action_failed"));
    assert_eq!(
        failed.to_string(),
        "the action c failed: no luck (action_failed, action 9); concerns network 1"
    );
    assert_eq!(server.requests()[0].body, r#"{"delete":true}"#);
}

#[tokio::test]
async fn stopping_ends_waits_and_sends_nothing_more() {
    let server = Server::start(|_, _| status(201, ACTION)).await;
    let client = ferroform_hcloud::Client::builder()
        .endpoint(&*server.endpoint)
        .token(TOKEN)
        .loopback_only()
        .build()
        .unwrap();
    let action = client.networks().change_protection(1, Protection { delete: true }).await.unwrap();
    let (waited, ()) = tokio::join!(client.wait([action]), async {
        tokio::task::yield_now().await;
        client.stop();
    });
    assert!(matches!(waited, Err(Error::Stopped)));
    assert!(matches!(client.networks().get(1).await, Err(Error::Stopped)));
    assert_eq!(server.lines().len(), 1);
}
