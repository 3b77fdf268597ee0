//! A real tabwire-server for the tests that run in a browser.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::chain;
use crate::run::{Running, cmd};

pub(crate) const PUBLISH_KEY: &str = "test-publish-key";
const JWT_SECRET: &str = "test-jwt-secret-of-thirty-two-bytes-or-more";
const STARTED_WITHIN: Duration = Duration::from_secs(15);

/// A server in `--demo` mode on a free port. It ends when this is dropped.
pub(crate) struct TestServer {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    _process: Running,
}

impl TestServer {
    pub(crate) fn start() -> Result<Self> {
        let server = chain::server()?;
        let mut process = cmd(server)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--publish-key",
                PUBLISH_KEY,
                "--jwt-secret",
                JWT_SECRET,
                "--demo",
            ])
            .start()?;
        let stdout = process
            .child
            .stdout
            .take()
            .context("the server's output is not piped")?;
        let (found, url) = mpsc::channel();
        // Reads to the end, since a server whose pipe is full would stand still.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix("listening on ") {
                    // Nobody waits for a second one.
                    let _ = found.send(url.to_owned());
                }
            }
        });
        let url = url
            .recv_timeout(STARTED_WITHIN)
            .map_err(|waited| match waited {
                RecvTimeoutError::Timeout => {
                    anyhow!(
                        "tabwire-server did not say that it listens within {} s",
                        STARTED_WITHIN.as_secs()
                    )
                }
                RecvTimeoutError::Disconnected => {
                    anyhow!("tabwire-server ended before it listened")
                }
            })?;
        Ok(Self {
            url,
            _process: process,
        })
    }
}
