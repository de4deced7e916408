//! The page for people.

use base64::Engine as _;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};

use crate::harness::{Cloud, TOKEN, server, with};

/// The page as a browser gets it: status, headers and text.
async fn page(cloud: &Cloud, authorization: Option<String>) -> (u16, reqwest::header::HeaderMap, String) {
    let mut request = reqwest::Client::new().get(format!("http://{}/_emulator", cloud.handle.address()));
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
}

fn basic(name: &str, password: &str) -> Option<String> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    Some(format!("Basic {encoded}"))
}

/// The cells of each row of the table with that heading; reading it also shows that the page is well-formed.
fn table(html: &str, heading: &str) -> Vec<Vec<String>> {
    let mut reader = Reader::from_str(html);
    let (mut heading_now, mut text, mut rows) = (String::new(), String::new(), Vec::new());
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(_) => text.clear(),
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => text.push_str(&format!("&{};", &*name)),
            Event::End(end) if end.name().as_ref() == "h2" => heading_now = std::mem::take(&mut text),
            Event::End(end) if end.name().as_ref() == "tr" && heading_now == heading => rows.push(Vec::new()),
            Event::End(end) if matches!(end.name().as_ref(), "td" | "th") && heading_now == heading => {
                if rows.is_empty() {
                    rows.push(Vec::new());
                }
                let row: &mut Vec<String> = rows.last_mut().unwrap();
                row.push(std::mem::take(&mut text));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}

#[tokio::test]
async fn names_full_of_markup_are_shown_as_text() {
    let cloud = Cloud::stepped().await;
    let evil = "<script>alert(\"x\")</script><img src=x onerror='y'>&amp;";
    let shown =
        "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&lt;img src=x onerror=&#39;y&#39;&gt;&amp;amp;";
    cloud.post("/firewalls", json!({"name": evil, "rules": []})).await;
    cloud.create("networks", json!({"name": evil, "ip_range": "10.0.0.0/16"})).await;
    let balancer = json!({"name": evil, "load_balancer_type": "lb11", "location": "fsn1"});
    cloud.post("/load_balancers", balancer).await;
    cloud.fault(json!({"resource": evil, "effect": {"answer": {"status": 500, "code": evil}}})).await;
    let (status, headers, html) = page(&cloud, basic("anybody", TOKEN)).await;
    assert_eq!(status, 200);
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for (heading, column) in [("Firewalls (1)", 1), ("Networks (1)", 1), ("Load balancers (1)", 1)] {
        assert_eq!(table(&html, heading)[1][column], shown, "{heading}");
    }
    assert!(table(&html, "Running actions (1)")[1][2].ends_with(shown));
    for forbidden in
        ["<script", "<img", "onerror='", "href", "src=\"", "http:", "https:", "javascript", "url("]
    {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn the_world_is_shown_as_tables_and_secrets_are_not() {
    let cloud = Cloud::stepped().await;
    let network = cloud.create("networks", json!({"name": "inside", "ip_range": "10.0.0.0/16"})).await;
    let subnet = json!({"type": "cloud", "network_zone": "eu-central", "ip_range": "10.0.1.0/24"});
    cloud.post(&format!("/networks/{network}/actions/add_subnet"), subnet).await;
    cloud.settle().await;
    let changes =
        json!({"networks": [network], "labels": {"role": "web"}, "user_data": "#cloud-config top secret"});
    let created = cloud.post("/servers", with(server("web-1"), changes)).await;
    let id = created["server"]["id"].as_i64().unwrap();
    let rule = json!({"direction": "in", "protocol": "tcp", "port": "443", "source_ips": ["0.0.0.0/0"]});
    let applied = json!([{"type": "server", "server": {"id": id}}]);
    cloud.post("/firewalls", json!({"name": "outside", "rules": [rule], "apply_to": applied})).await;
    cloud.settle().await;
    cloud.post("/volumes", json!({"name": "data", "size": 25, "server": id, "format": "ext4"})).await;
    cloud.settle().await;
    cloud.post("/zones", json!({"name": "example.com", "mode": "primary", "ttl": 600})).await;
    cloud.fault(json!({"command": "reboot_server", "effect": {"stall": {}}})).await;
    cloud.settle().await;
    cloud.post(&format!("/servers/{id}/actions/reboot"), Value::Null).await;

    let (_, _, html) = page(&cloud, Some(format!("Bearer {TOKEN}"))).await;
    let servers = table(&html, "Servers (1)");
    assert_eq!(servers[0][..3], ["id", "name", "status"]);
    let address = created["server"]["public_net"]["ipv4"]["ip"].as_str().unwrap();
    assert_eq!(servers[1][..6], [&id.to_string(), "web-1", "running", "cx23", "fsn1", address]);
    assert_eq!(servers[1][7..9], ["10.0.1.1", "role=web"]);
    assert_eq!(
        table(&html, "Networks (1)")[1][1..],
        ["inside", "10.0.0.0/16", "10.0.1.0/24 in eu-central", "", "1"]
    );
    assert_eq!(table(&html, "Firewalls (1)")[1][1..], ["outside", "in tcp 443 from 0.0.0.0/0", "web-1"]);
    assert_eq!(table(&html, "Volumes (1)")[1][1..6], ["data", "25", "fsn1", "ext4", "web-1"]);
    assert_eq!(table(&html, "Zones (1)")[1][1..4], ["example.com", "primary", "600"]);
    let action = &table(&html, "Running actions (1)")[1];
    assert_eq!(
        (action[1].as_str(), action[2].as_str(), action[5].as_str()),
        ("reboot_server", "server web-1", "fault 1")
    );
    assert_eq!(table(&html, "Faults (1)")[1][2..], ["1", "1", "0"]);
    let password = created["root_password"].as_str().unwrap();
    for secret in [TOKEN, password, "top secret"] {
        assert!(!html.contains(secret));
    }
}

/// Prices: those that the API tells.
#[tokio::test]
async fn costs_are_those_of_the_price_list() {
    let cloud = Cloud::stepped().await;
    for name in ["a", "b"] {
        cloud.create("servers", server(name)).await;
    }
    cloud.create("volumes", json!({"name": "v", "size": 100, "location": "fsn1"})).await;
    cloud.settle().await;
    let pricing = cloud.get("/pricing").await["pricing"].take();
    let net = |price: &Value| price["net"].as_str().unwrap().parse::<f64>().unwrap();
    let types = cloud.get("/server_types?name=cx23").await;
    let in_fsn1 = |prices: &Value| {
        let found = prices.as_array().unwrap().iter().find(|price| price["location"] == "fsn1");
        net(&found.unwrap()["price_monthly"])
    };
    let ipv4 = pricing["primary_ips"].as_array().unwrap().iter().find(|ip| ip["type"] == "ipv4").unwrap();
    let expected = [
        ("servers", 2, 2.0 * in_fsn1(&types["server_types"][0]["prices"])),
        ("primary IPv4 addresses", 2, 2.0 * in_fsn1(&ipv4["prices"])),
        ("primary IPv6 networks", 2, 0.0),
        ("volumes", 1, 100.0 * net(&pricing["volume"]["price_per_gb_month"])),
    ];
    let (_, _, html) = page(&cloud, basic("", TOKEN)).await;
    let heading = html.split("<h2>").nth(1).unwrap().split("</h2>").next().unwrap();
    let rows = table(&html, heading);
    let mut total = 0.0;
    for ((kind, count, amount), row) in expected.iter().zip(&rows[1..]) {
        assert_eq!(row[..2], [kind.to_string(), count.to_string()]);
        assert!((row[2].parse::<f64>().unwrap() - amount).abs() <= 0.005, "{row:?}, expected {amount}");
        total += amount;
    }
    let last = rows.last().unwrap();
    assert_eq!((rows.len(), last[0].as_str()), (expected.len() + 2, "together"));
    assert!((last[2].parse::<f64>().unwrap() - total).abs() <= 0.005, "{last:?}, expected {total}");
}

#[tokio::test]
async fn a_browser_asks_for_the_token_and_another_one_shows_another_project() {
    let cloud = Cloud::stepped().await;
    cloud.create("networks", json!({"name": "n", "ip_range": "10.0.0.0/16"})).await;
    let other =
        cloud.control("POST", "/tokens", Value::Null).await.body["token"].as_str().unwrap().to_owned();
    for wrong in [None, basic("x", "y"), Some("Basic ???".to_owned()), Some("Bearer x".to_owned())] {
        let (status, headers, _) = page(&cloud, wrong.clone()).await;
        assert_eq!(status, 401, "{wrong:?}");
        assert!(headers["www-authenticate"].to_str().unwrap().starts_with("Basic realm="));
    }
    let (status, _, html) = page(&cloud, basic("x", &other)).await;
    assert_eq!(status, 200);
    assert!(html.contains("Networks (0)"));
    // The API itself takes no passwords.
    let address = cloud.handle.address();
    let request =
        reqwest::Client::new().get(format!("http://{address}/v1/servers")).basic_auth("x", Some(TOKEN));
    assert_eq!(request.send().await.unwrap().status(), 401);
    assert_eq!(cloud.control("GET", "x", Value::Null).await.status, 404);
}
