//! A changed datagram is a lost one.

use farcall::DropReason;
use farcall::sim::Link;

use crate::support::{SECOND, Scene};

#[test]
fn no_changed_datagram_is_believed() {
    let scene = Scene::new(1);
    let client = scene.warm_client();
    scene.world.set_all_links(Link { corruption: 0.4, ..Link::default() });
    for _ in 0..300 {
        client.run().unwrap();
    }
    // Each was recognised by its checksum or its length, and none by its content.
    let received = scene.server.statistics().received;
    assert!(received.dropped(DropReason::Corrupt) > 50, "{received:?}");
    assert_eq!(received.dropped(DropReason::Malformed), 0, "{received:?}");
    assert_eq!(received.datagrams, received.accepted + received.dropped_total());
    assert_eq!(scene.executions(), 301);
    scene.finish();
}

#[test]
fn a_path_that_changes_everything_is_a_path_that_loses_everything() {
    let scene = Scene::new(2);
    let client = scene.warm_client();
    scene.world.set_all_links(Link { corruption: 1.0, ..Link::default() });
    let before = scene.executions();
    let failed = client.within(SECOND).run().unwrap_err();
    assert_eq!(failed.outcome(), farcall::Outcome::Unknown);
    assert_eq!(scene.executions(), before);
    scene.finish();
}
