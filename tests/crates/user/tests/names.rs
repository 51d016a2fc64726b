//! Interfaces of one name in two crates, on one server.

use farcall_test_user as user;
use farcall_test_wrapper as wrapper;
use wrapper::remote::calls::{Client, Loopback, ServeError, Server};

#[test]
fn two_crates_have_an_interface_of_the_same_name() {
    let network = Loopback::new();
    let server = Server::on(&network, "both")
        .unwrap()
        .serve(user::AdminServer::new(user::Local))
        .serve(wrapper::AdminServer::new(wrapper::Local))
        .serve(user::EchoServer::new(user::Local))
        .spawn()
        .unwrap();
    let client = Client::on(&network, "both").unwrap();
    let theirs: wrapper::AdminClient = client.stub();
    let ours: user::AdminClient = client.stub();
    let echo: user::EchoClient = client.stub();

    assert_eq!(ours.status("four".to_owned()).unwrap(), 4);
    let (name, values) = theirs.status("four").unwrap();
    assert_eq!((&*name, &values[..]), ("four", &[1, 2][..]));
    assert_eq!(theirs.eventually(wrapper::Status { name: &name, values }).unwrap(), 6);
    assert_eq!(theirs.later(3).unwrap(), Ok(2));
    assert!(theirs.later(0).unwrap().is_err());
    let value = vec![(1, "a".to_owned())];
    assert_eq!(echo.echo(value.clone()).unwrap(), value);
    drop(server);
}

#[test]
fn one_name_twice_is_an_error_when_the_server_starts() {
    let serve = || {
        Server::bind("127.0.0.1:0")
            .unwrap()
            .serve(user::AdminServer::new(user::Local))
            .serve(user::double::AdminServer::new(user::Local))
    };
    for error in [serve().spawn().unwrap_err(), serve().run().unwrap_err()] {
        assert!(matches!(error, ServeError::DuplicateInterface { name: "user.admin" }), "{error}");
    }
}
