use super::*;

fn fault(path: Option<&str>, skip: u64, count: u64) -> Fault {
    Fault {
        method: Some("POST".to_owned()),
        path: path.map(str::to_owned),
        skip,
        count,
        ..Fault::new(FaultEffect::Drop { execute: true })
    }
}

/// How many of so many requests are hit, each as one letter.
fn hits(faults: &mut Faults, requests: usize) -> String {
    let subject = Subject::new("POST", "/servers");
    (0..requests)
        .map(|_| match faults.strike(&subject, None) {
            None => '.',
            Some(Strike::Answer(refusal)) => refusal.code.chars().next().unwrap_or('?'),
            Some(_) => 'x',
        })
        .collect()
}

#[test]
fn a_fault_hits_the_requests_it_means_and_only_as_often_as_told() {
    for (pattern, path, meant) in [
        (Some("/servers/*/actions/poweron"), "/servers/12/actions/poweron", true),
        (Some("/servers/{id}/actions/poweron"), "/servers/12/actions/poweron", true),
        (Some("/servers/*"), "/servers/12/actions/poweron", false),
        (Some("/servers"), "/servers", true),
        (None, "/anything", true),
    ] {
        let mut faults = Faults::default();
        faults.add(fault(pattern, 1, 2));
        assert!(faults.strike(&Subject::new("GET", path), None).is_none());
        let hits: Vec<bool> =
            (0..4).map(|_| faults.strike(&Subject::new("POST", path), None).is_some()).collect();
        assert_eq!(hits, [false, meant, meant, false], "{pattern:?} {path}");
    }
}

#[test]
fn a_resource_is_meant_wherever_a_request_names_it() {
    let mut project = crate::world::Project::default();
    project.placement_groups.insert(crate::world::placement_groups::PlacementGroup {
        id: 77,
        name: "web".to_owned(),
        labels: Default::default(),
        created: 0,
    });
    for (resource, path, body, meant) in [
        ("12", "/servers/12", "", true),
        ("12", "/servers/123", "", false),
        ("example.com", "/zones/example.com/rrsets", "", true),
        ("a b", "/zones/a%20b", "", true),
        ("12", "/volumes", r#"{"server": 12}"#, true),
        ("12", "/volumes", r#"{"server": "12"}"#, true),
        ("12", "/volumes", r#"{"size": 120, "12": true}"#, false),
        ("db", "/servers", r#"{"name": "db"}"#, true),
        ("db", "/servers", r#"{"networks": [1, {"alias": ["db"]}]}"#, true),
        ("db", "/servers", r#"{"name": "db-1"}"#, false),
        ("db", "/servers", "{", false),
        // By its name, whoever gives its id.
        ("web", "/placement_groups/77", "", true),
        ("web", "/servers", r#"{"placement_group": 77}"#, true),
        ("web", "/placement_groups/78", "", false),
    ] {
        let armed = Fault { resource: Some(resource.to_owned()), ..Fault::new(FaultEffect::Hold {}) };
        let subject = Subject::new("POST", path).in_project(Some(&project), body.as_bytes());
        assert_eq!(subject.is_meant_by(&armed), meant, "{resource} {path} {body}");
    }
    let armed = Fault { resource: Some("bucket".to_owned()), ..Fault::new(FaultEffect::Hold {}) };
    assert!(Subject::new("PUT", "/s3/CreateBucket").with_names(&["bucket"]).is_meant_by(&armed));
}

#[test]
fn the_same_seed_draws_the_same_hits_and_another_one_others() {
    let drawn = |seed| {
        let mut faults = Faults::default();
        let effect = FaultEffect::Error(ErrorKind::Locked);
        faults.add(Fault { count: 0, probability: Some(0.25), seed, ..Fault::new(effect) });
        hits(&mut faults, 4000)
    };
    let (first, again, other) = (drawn(7), drawn(7), drawn(8));
    assert_eq!(first, again);
    assert_ne!(first, other);
    // Four standard deviations of a binomial distribution: sqrt(4000 * 0.25 * 0.75) is 27.4.
    for drawn in [&first, &other] {
        let count = drawn.matches('l').count();
        assert!((890..=1110).contains(&count), "{count}");
    }
    let mut certain = Faults::default();
    certain.add(Fault { count: 0, probability: Some(1.0), ..Fault::new(FaultEffect::Hold {}) });
    assert_eq!(hits(&mut certain, 50), "x".repeat(50));
}

/// The first numbers of the generator with the seed 1234567, as its authors' program prints them.
#[test]
fn draws_are_those_of_the_published_generator() {
    let drawn: Vec<u64> = (1..=3).map(|place| draw(1_234_567, place)).collect();
    assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
}

#[test]
fn a_script_is_gone_through_step_by_step_and_as_many_times_as_told() {
    let script = || {
        FaultEffect::Script(vec![
            FaultEffect::Error(ErrorKind::Locked),
            FaultEffect::Pass {},
            FaultEffect::Error(ErrorKind::Conflict),
        ])
    };
    for (skip, count, expected) in
        [(0, 1, "l.c......"), (2, 1, "..l.c...."), (0, 2, "l.cl.c..."), (0, 0, "l.cl.cl.c")]
    {
        let mut faults = Faults::default();
        faults.add(Fault { skip, count, ..Fault::new(script()) });
        assert_eq!(hits(&mut faults, 9), expected, "skip {skip}, count {count}");
    }
}

#[test]
fn what_a_script_lets_through_the_next_fault_may_still_hit() {
    let mut faults = Faults::default();
    let steps = vec![FaultEffect::Pass {}, FaultEffect::Error(ErrorKind::Locked)];
    faults.add(Fault::new(FaultEffect::Script(steps)));
    faults.add(Fault::new(FaultEffect::Error(ErrorKind::Conflict)));
    assert_eq!(hits(&mut faults, 3), "cl.");
}

#[test]
fn faults_are_read_from_the_documented_json_and_what_is_wrong_is_refused_with_what_is_allowed() {
    for (text, expected) in [
        (r#"{"effect": {"answer": {"status": 503, "code": "unavailable"}}}"#, Ok(1)),
        (r#"{"path": "/servers", "effect": {"hold": {}}}"#, Ok(1)),
        (r#"{"command": "attach_volume", "effect": {"fail_action": {"code": "x", "message": "y"}}}"#, Ok(1)),
        (r#"{"effect": {"sold_out": {"server_type": "cx23"}}, "count": 0}"#, Ok(1)),
        (r#"{"effect": {"sold_out": {"location": "fsn1"}}}"#, Ok(1)),
        (r#"{"resource": 12, "effect": {"error": "locked"}}"#, Ok(1)),
        (
            r#"{"probability": 0.1, "seed": 18446744073709551615, "effect": {"time_out": {"execute": false}}}"#,
            Ok(1),
        ),
        (r#"[{"effect": {"stall": {}}}, {"effect": {"slow": {"factor": 3}}}]"#, Ok(2)),
        (r#"{"faults": [{"effect": {"revoke_token": {}}}]}"#, Ok(1)),
        (r#"{"effect": {"script": [{"pass": {}}, {"jump_clock": {"milliseconds": 5}}]}}"#, Ok(1)),
        ("[]", Ok(0)),
        (r#"{"effect": {"explode": {}}}"#, Err("expected one of `answer`, `error`")),
        (r#"{"effect": {"error": "blocked"}}"#, Err("`locked`")),
        (r#"{"efect": {"hold": {}}}"#, Err("expected one of `method`")),
        (r#"{}"#, Err("missing field `effect`")),
        ("{", Err("line 1")),
        ("7", Err("a list of them")),
        (r#"{"faults": [], "fault": 1}"#, Err("`fault`")),
        (r#"[{"effect": {"hold": {}}}, {"effect": {"hold": {"x": 1}}}]"#, Err("fault 2: ")),
        (r#"{"method": "FETCH", "effect": {"hold": {}}}"#, Err("GET, POST")),
        (r#"{"path": "/v1/servers", "effect": {"hold": {}}}"#, Err("without /v1")),
        (r#"{"path": "servers", "effect": {"hold": {}}}"#, Err("begins with /")),
        (r#"{"resource": [], "effect": {"hold": {}}}"#, Err("id or the name")),
        (r#"{"probability": 0, "effect": {"hold": {}}}"#, Err("above 0")),
        (r#"{"probability": 1.5, "effect": {"hold": {}}}"#, Err("at most 1")),
        (r#"{"command": "explode", "effect": {"stall": {}}}"#, Err("attach_volume")),
        (r#"{"command": "attach_volume", "effect": {"hold": {}}}"#, Err("fail_action, stall, slow")),
        (r#"{"effect": {"answer": {"status": 99, "code": "x"}}}"#, Err("from 200 to 599")),
        (r#"{"effect": {"slow": {}}}"#, Err("either factor or milliseconds")),
        (r#"{"effect": {"slow": {"factor": 1, "milliseconds": 1}}}"#, Err("either factor or milliseconds")),
        (r#"{"effect": {"slow": {"factor": -1}}}"#, Err("above 0")),
        (r#"{"effect": {"jump_clock": {"milliseconds": 18446744073709551615}}}"#, Err("a hundred years")),
        (r#"{"effect": {"jump_clock": {"milliseconds": -5}}}"#, Err("u64")),
        (r#"{"effect": {"sold_out": {}}}"#, Err("a server_type, a location, or both")),
        (r#"{"effect": {"sold_out": {"location": "mars"}}}"#, Err("fsn1")),
        (r#"{"effect": {"sold_out": {"server_type": "cx9"}}}"#, Err("cx23")),
        (r#"{"effect": {"script": []}}"#, Err("no steps")),
        (
            r#"{"effect": {"script": [{"hold": {}}, {"stall": {}}]}}"#,
            Err("step 2 of the script: the steps are all"),
        ),
        (r#"{"effect": {"script": [{"script": [{"hold": {}}]}]}}"#, Err("no step of a script")),
        (r#"{"effect": {"script": [{"sold_out": {"location": "fsn1"}}]}}"#, Err("lasts")),
        (r#"{"effect": {"script": [{"slow": {"factor": 0}}]}}"#, Err("step 1 of the script: factor")),
    ] {
        match (Fault::parse(text.as_bytes()), expected) {
            (Ok(faults), Ok(count)) => assert_eq!(faults.len(), count, "{text}"),
            (Err(error), Err(part)) => {
                let error = error.to_string();
                assert!(error.contains(part), "{text}: {error}");
            }
            (read, _) => panic!("{text}: {read:?}"),
        }
    }
}

#[test]
fn a_fault_is_written_as_it_was_read() {
    for text in [
        r#"{"skip":0,"count":1,"effect":{"error":"placement_error"}}"#,
        r#"{"method":"POST","path":"/servers","resource":"web","skip":2,"count":0,"probability":0.5,"seed":3,"effect":{"hold":{}}}"#,
        r#"{"command":"create_server","skip":0,"count":1,"effect":{"script":[{"stall":{}},{"pass":{}}]}}"#,
    ] {
        let faults = Fault::parse(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&faults[0]).unwrap(), text);
    }
}
