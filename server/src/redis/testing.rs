//! A real Redis for tests: started by the first that asks, gone with the process, however that ends. Not a stable part of the API.

use std::{
    env,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use tabwire_protocol::Millis;

use super::{Link, LinkMetrics, Patience, Topology};
use crate::{
    log::{EventLog, memory::Retention, redis::RedisLog},
    random,
};

const STARTS_WITHIN: Duration = Duration::from_secs(10);
const LOOKED_AFTER: Duration = Duration::from_millis(5);

/// A running server with nothing in it.
#[derive(Debug)]
pub struct TestRedis {
    dir: PathBuf,
    /// Ends the server when its input ends: with us at the latest.
    _guard: Child,
}

/// The server that all tests of this process share: each takes a prefix of its own.
///
/// None where no Redis is installed: the test is skipped, and says so; in CI it fails.
pub fn shared() -> Option<&'static TestRedis> {
    static SHARED: OnceLock<Option<TestRedis>> = OnceLock::new();
    SHARED.get_or_init(TestRedis::start).as_ref()
}

/// A prefix that no other test has.
pub fn prefix() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("t{}:", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl TestRedis {
    /// Starts a server of one's own.
    pub fn start() -> Option<Self> {
        let dir = env::temp_dir().join(format!("tabwire-redis-{}", random::hex::<8>()));
        std::fs::create_dir_all(&dir).expect("the temporary directory can be written");
        // The shell waits for its input to end. Nothing else ends for certain with a process that is killed.
        let script = "redis-server \"$@\" >/dev/null & cat >/dev/null; kill -9 $!";
        let has_redis = Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        if has_redis.is_err() {
            assert!(
                env::var_os("CI").is_none(),
                "redis-server is not installed: apt-get install redis-server"
            );
            eprintln!("SKIPPED: redis-server is not installed: apt-get install redis-server");
            return None;
        }
        let guard = Command::new("sh")
            .args([
                "-c",
                script,
                "sh",
                "--port",
                "0",
                "--save",
                "",
                "--unixsocket",
            ])
            .arg(socket(&dir))
            .arg("--dir")
            .arg(&dir)
            .stdin(Stdio::piped())
            .spawn()
            .expect("there is a shell");
        let redis = Self { dir, _guard: guard };
        let since = Instant::now();
        while !redis.answers() {
            assert!(
                since.elapsed() < STARTS_WITHIN,
                "redis-server does not start"
            );
            sleep(LOOKED_AFTER);
        }
        Some(redis)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("unix://{}", socket(&self.dir).display())
    }

    /// Sends a command and waits for an answer that it doesn't look at.
    pub fn command(&self, words: &[&str]) {
        let mut stream = UnixStream::connect(socket(&self.dir)).expect("it listens");
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(request.as_bytes()).expect("it reads");
        let read = stream.read(&mut [0; 64]).expect("it answers");
        assert!(read > 0, "it answers");
    }

    /// Logs that are kept in it, under a prefix that nobody else has.
    pub fn log(&self) -> impl EventLog {
        let retention = Retention {
            age: Millis(600_000),
            events: 1_000,
            shops: 100,
        };
        RedisLog::new(self.link(), prefix(), retention)
    }

    /// A link to it.
    pub(crate) fn link(&self) -> Link {
        self.link_counting(LinkMetrics::default())
    }

    /// The same, with what is asked counted.
    pub(crate) fn link_counting(&self, metrics: LinkMetrics) -> Link {
        let topology = Topology::parse(&self.url()).expect("it is an address");
        let patience = Patience {
            timeout: Duration::from_secs(5),
            probe: Duration::from_millis(200),
            rounds: 1,
        };
        Link::new(topology, patience, metrics)
    }

    fn answers(&self) -> bool {
        let mut answer = [0; 7];
        UnixStream::connect(socket(&self.dir))
            .and_then(|mut stream| {
                stream.write_all(b"PING\r\n")?;
                stream.read_exact(&mut answer)
            })
            .is_ok_and(|()| answer == *b"+PONG\r\n")
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        drop(self._guard.stdin.take());
        let _ = self._guard.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("redis.sock")
}
