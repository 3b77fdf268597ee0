//! The README's commands for several nodes do what it says, as they stand there.

use std::path::Path;

use tabwire_faults::{
    dir::Dir,
    process::{Process, on_path},
    redis,
    until::{SOON, until},
};

#[tokio::test]
async fn the_commands_of_the_readme_start_two_nodes_that_have_one_log() {
    if !redis::is_installed() {
        return;
    }
    let readme = include_str!("../../../../README.md");
    let section = readme
        .split_once("## Several nodes")
        .expect("there is one")
        .1;
    let block = section.split_once("```sh\n").expect("it has commands").1;
    let commands = block.split_once("\n```").expect("they end").0;

    let dir = Dir::new();
    let server = tabwire_faults::node::binary();
    let folder = server.parent().expect("a file has a folder").display();
    // What runs in the background goes with the shell's group; it is waited for so that it goes not before.
    let script = format!(
        "set -e\ncd {}\nPATH={folder}:$PATH\n{commands}\necho\nwait",
        dir.join(".").display()
    );
    let log = dir.join("shell.log");
    let shell = on_path("bash").expect("there is a shell");
    let mut process = Process::start("bash", Path::new(&shell), &["-c".to_owned(), script], &log);
    let what = "the second node says where the log of the first one is";
    until(what, SOON * 2, async || {
        let printed = process.printed();
        assert_eq!(process.ended(), None, "{printed}");
        printed.contains("\"head\":1}").then_some(())
    })
    .await;
    let printed = process.printed();
    assert!(printed.contains("\"id\":1"), "{printed}");
    assert_eq!(
        printed.matches("listening on http://127.0.0.1:808").count(),
        2,
        "{printed}"
    );
}
