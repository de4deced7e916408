//! Paging and reading many.

use ferroform_hcloud::Filter;

use crate::server::{Reply, Request, Server, error, ok};

fn group(id: i64) -> String {
    format!(
        r#"{{"id":{id},"name":"g{id}","type":"spread","servers":null,"labels":{{}},"created":"2026-01-01T00:00:00Z"}}"#
    )
}

/// Answers as the API does for groups of these ids; `hidden` ones are not in lists.
fn answer(request: &Request, ids: &[i64], hidden: &[i64]) -> Reply {
    let target = request.line.strip_prefix("GET /v1/placement_groups").expect("a listing or a read");
    if let Some(id) = target.strip_prefix('/') {
        let id: i64 = id.parse().unwrap();
        return match ids.contains(&id) {
            true => ok(format!(r#"{{"placement_group":{}}}"#, group(id))),
            false => error(404, "not_found"),
        };
    }
    let page: usize = target.split("page=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    assert!(target.contains("per_page=50"));
    let last = ids.len().div_ceil(50).max(1);
    let next = if page < last { (page + 1).to_string() } else { "null".into() };
    let shown = ids.iter().skip((page - 1) * 50).take(50).filter(|id| !hidden.contains(id));
    let groups: Vec<String> = shown.map(|&id| group(id)).collect();
    ok(format!(
        r#"{{"placement_groups":[{}],"meta":{{"pagination":{{"page":{page},"per_page":50,"previous_page":null,"next_page":{next},"last_page":{last},"total_entries":{}}}}}}}"#,
        groups.join(","),
        ids.len()
    ))
}

#[tokio::test]
async fn all_pages_are_listed_with_the_filter_on_each() {
    let ids: Vec<i64> = (1..=120).collect();
    let server = Server::start(move |_, request| answer(request, &ids, &[])).await;
    let filter = Filter::labels("env in (a,b)").with("sort", "id:asc");
    let groups = server.client().placement_groups().list(&filter).await.unwrap();
    assert_eq!(groups.len(), 120);
    let lines = server.lines();
    assert_eq!(lines.len(), 3);
    assert!(
        lines.iter().all(|l| l.contains("?label_selector=env%20in%20%28a%2Cb%29&sort=id%3Aasc&page=")),
        "{lines:?}"
    );
}

/// `project`: number of objects there are. `wanted`: the ids asked for. `hidden`: those that lists leave out.
/// `requests`: what it may cost.
async fn check_many(project: i64, wanted: &[i64], hidden: &[i64], requests: usize, found: &[i64]) {
    let ids: Vec<i64> = (1..=project).collect();
    let unlisted = hidden.to_vec();
    let server = Server::start(move |_, request| answer(request, &ids, &unlisted)).await;
    let many = server.client().placement_groups().get_many(wanted.iter().copied()).await.unwrap();
    assert_eq!(many.keys().copied().collect::<Vec<_>>(), found);
    assert_eq!(server.lines().len(), requests, "{:?}", server.lines());
}

#[tokio::test]
async fn many_are_read_in_as_few_requests_as_may_be() {
    // Nothing, one: no list.
    check_many(10, &[], &[], 0, &[]).await;
    check_many(10, &[4], &[], 1, &[4]).await;
    // Several of a small project: one page.
    check_many(40, &[4, 9, 33], &[], 1, &[4, 9, 33]).await;
    // All of two pages.
    let all: Vec<i64> = (1..=90).collect();
    check_many(90, &all, &[], 2, &all).await;
    // Three in a project of ten pages, none on the first: three reads are fewer than nine pages.
    check_many(500, &[300, 350, 400], &[], 4, &[300, 350, 400]).await;
}

#[tokio::test]
async fn what_a_list_does_not_show_is_asked_for_before_it_counts_as_gone() {
    // 7 is there but slipped between pages; 1000 is gone.
    check_many(40, &[4, 7, 1000], &[7], 3, &[4, 7]).await;
}
