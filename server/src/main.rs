//! The server's process: flags, listeners, signals, exit codes.

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use tabwire_server::{
    Listeners,
    auth::jwks_file::JwksFile,
    config::{Config, Flags, LogFormat},
    run,
};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

fn main() -> ExitCode {
    match start(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tabwire-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(flags: Flags) -> Result<(), String> {
    log_to_stderr(flags.log_format);
    let (listen, admin_listen) = (flags.listen, flags.admin_listen);
    let makes_key = flags.demo && flags.publish_key.is_empty() && flags.publish_key_file.is_none();
    let config = Config::new(flags).map_err(|error| error.to_string())?;
    let runtime = Runtime::new().map_err(|error| format!("the runtime does not start: {error}"))?;
    runtime.block_on(async {
        let public = bind("listen", listen)?;
        let admin = match admin_listen {
            None => None,
            Some(address) => Some(bind("admin-listen", address)?),
        };
        let shutdown = shutdown().map_err(|error| format!("signals can't be heard: {error}"))?;
        if config.types.is_empty() {
            tracing::warn!(
                "there are no event types, so nothing can be published: see --events-config"
            );
        }
        if makes_key {
            println!("publish key {}", config.publish_keys[0]);
        }
        if let Some(admin) = &admin {
            println!(
                "metrics on http://{}/metrics",
                address("admin-listen", admin)?
            );
        }
        if let Some(file) = config.verifier.jwks.clone() {
            look_on_hangup(file).map_err(|error| format!("signals can't be heard: {error}"))?;
        }
        println!("listening on http://{}", address("listen", &public)?);
        run(Listeners { public, admin }, config, shutdown).await;
        Ok(())
    })
}

fn log_to_stderr(format: LogFormat) {
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Whatever is asked for: in detail, the libraries tell of the bytes on the wire, and these are tokens and payloads.
    let allowed = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("tabwire_server", LevelFilter::TRACE);
    let lines = fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // As one filter, which knows the most detailed level that it lets through: what libraries trace for each frame then costs a
    // comparison, and not a look into the filters.
    tracing_subscriber::registry()
        .with(lines.with_filter(asked.and(allowed)))
        .init();
}

fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, String> {
    listen(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!("--{flag} {address}: the port is taken"),
        _ => format!("--{flag} {address}: {error}"),
    })
}

/// How many connections wait to be accepted, if the system lets them (`net.core.somaxconn`). Everybody comes back at once after a
/// deploy, and who finds no place tries again after a second at the earliest.
const ACCEPT_QUEUE: u32 = 4_096;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Connections of a process before this one may linger at the address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_QUEUE)
}

fn address(flag: &str, listener: &TcpListener) -> Result<SocketAddr, String> {
    let address = listener.local_addr();
    address.map_err(|error| format!("--{flag}: {error}"))
}

/// Has the file of `--jwks` looked at with each SIGHUP. Without that flag the signal does what it always does.
fn look_on_hangup(file: Arc<JwksFile>) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            file.look();
        }
    });
    Ok(())
}

/// Over at the first SIGTERM or SIGINT.
fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
