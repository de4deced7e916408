//! `k3s-node token` brings a new token to a cluster, node by node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::cluster::{Cluster, has_curl};
use super::lab::{PASSWORD, may_run};

const NEW: &str = "Another-password_of-this-test";

#[test]
fn a_new_token_comes_to_one_node_after_the_other_and_the_old_one_is_refused() {
    if !may_run() || !has_curl() {
        return;
    }
    let mut cluster = Cluster::new();
    assert_eq!(cluster.starts(), [1, 1, 1, 1]);

    // What cannot be done changes nothing.
    cluster.token("w", NEW).code_is(1).tells(&["no control plane knows the new token yet"]);
    cluster.token("c1", "short").code_is(1).tells(&["16 to 128 letters"]);
    assert_eq!(cluster.kept("w", "token"), format!("{}\n", cluster.lab.join_token()));

    // Each node restarts once, while all others go on; the first one changes it in the cluster.
    let first = cluster.token("c1", NEW).ok().tells(&["the cluster has the new token"]);
    assert!(!first.stderr.contains(NEW) && !first.stdout.contains(NEW), "{first}");
    assert_eq!(cluster.starts(), [2, 1, 1, 1]);
    cluster.token("c2", NEW).ok();
    assert_eq!(cluster.starts(), [2, 2, 1, 1]);

    // One that restarts before its turn is refused with the old token, and its turn brings it back.
    cluster.systemctl("c3", "restart --no-block").ok();
    let (ready, said) = cluster.becomes("c3");
    assert!(!ready && said.contains("wrong token"), "{said}");
    cluster.token("c3", NEW).ok();
    cluster.token("w", NEW).ok();
    assert_eq!(cluster.starts(), [2, 2, 2, 2]);

    // The form of a token stays: a digest of the authority where there was one.
    let join = format!("{}\n", cluster.lab.join_token().replace(PASSWORD, NEW));
    assert_eq!(
        (cluster.kept("c1", "token"), cluster.kept("c1", "join-token")),
        (format!("{NEW}\n"), join.clone())
    );
    assert_eq!((cluster.kept("c3", "token"), cluster.kept("w", "token")), (join.clone(), join));
    let mode = fs::metadata(cluster.root("w").join("etc/rancher/k3s/token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Again is no harm.
    cluster.token("c1", NEW).ok();
    assert_eq!(cluster.starts(), [3, 2, 2, 2]);

    // A node that is new joins with the new token and with no other.
    cluster.add("a", PASSWORD);
    cluster.systemctl("a", "restart --no-block").ok();
    let (ready, said) = cluster.becomes("a");
    assert!(!ready && said.contains("wrong token"), "{said}");
    cluster.add("a", NEW);
    cluster.systemctl("a", "restart --no-block").ok();
    cluster.becomes_ready("a");
    let (well, verdict) = cluster.lab.verdict();
    assert!(well, "{verdict}");
}
