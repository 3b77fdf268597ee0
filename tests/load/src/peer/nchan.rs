//! nchan, a module of nginx: a channel per shop. It knows no users, so nobody logs in.

use std::{cell::Cell, fs, rc::Rc};

use anyhow::{Context as _, Result};
use tabwire_faults::{dir::Dir, process::on_path};

use super::{Dialect, Heard, Served, Setting, To, free};
use crate::{process::Server, ws::post};

/// Where Debian installs the module.
pub(super) const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

pub(super) fn start(redis: Option<&str>, setting: &Setting) -> Result<Served> {
    let (dir, address) = (Dir::new(), free());
    let here = dir.path().display();
    let store = redis.map_or_else(String::new, |url| {
        format!("nchan_redis_url {url}; nchan_use_redis on;")
    });
    let config = format!(
        "load_module {MODULE};
daemon off; worker_processes 1; pid {here}/nginx.pid; error_log {here}/error.log warn;
worker_rlimit_nofile 20000;
events {{ worker_connections 20000; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 100000000;
  client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
  uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
  nchan_shared_memory_size 1G; nchan_message_timeout 1h; nchan_message_buffer_length {kept};
  server {{
    listen {address};
    location /sub {{ nchan_subscriber websocket; nchan_channel_id $arg_id; nchan_subscriber_first_message newest; {store} }}
    location /back {{ nchan_subscriber websocket; nchan_channel_id $arg_id; nchan_subscriber_first_message oldest; {store} }}
    location /pub {{ nchan_publisher; nchan_channel_id $arg_id; {store} }}
  }}
}}
",
        // It goes back 32 messages, or to the oldest: so it keeps what is to be missed and nothing else.
        kept = setting.missed.unwrap_or(setting.kept),
    );
    let file = dir.join("nginx.conf");
    fs::write(&file, config)?;
    let nginx = on_path("nginx")
        .or_else(|| Some("/usr/sbin/nginx".into()))
        .context("nginx is not installed")?;
    let words = [
        "-p",
        &here.to_string(),
        "-c",
        &file.display().to_string(),
        "-e",
        &dir.join("first.log").display().to_string(),
    ]
    .map(str::to_owned);
    let server = Server::start_in("nginx", &nginx, &words, dir);
    Ok((
        server,
        address,
        Rc::new(Nchan {
            shops: setting.shops,
            place: Cell::new("sub"),
        }),
    ))
}

struct Nchan {
    shops: usize,
    /// Where clients connect: it knows none of them, so how far back they begin depends on that.
    place: Cell<&'static str>,
}

impl Dialect for Nchan {
    fn path(&self, client: usize) -> String {
        format!("/{}?id=s{}", self.place.get(), client % self.shops)
    }

    fn come_back(&self) {
        self.place.set("back");
    }

    fn is_ready_at_once(&self) -> bool {
        true
    }

    fn hears(&self, _client: usize, _text: &[u8]) -> Heard {
        Heard::Event
    }

    fn publish(&self, to: To, payloads: &[String]) -> Vec<u8> {
        // It takes one message a request. Requests in a row are one write, and their answers are read as they come.
        payloads
            .iter()
            .flat_map(|payload| post(&format!("/pub?id=s{}", to.shop), "", payload))
            .collect()
    }

    fn answers(&self, payloads: usize) -> usize {
        payloads
    }
}
