//! The HTTP side: its listeners, bound before anything runs, and ended last.

use super::wiring::HTTP_END;
use super::{Server, bind, names};
use crate::config::Config;
use anyhow::Result;
use manycast_tls::ServerTls;
use manycast_web::{Door, HttpServer, Limits, Site, Way};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bound listeners that do not answer yet.
pub(super) struct Bound(Vec<(&'static str, Door, HttpServer)>);

/// Listeners that answer.
pub(super) struct Http {
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    end: watch::Sender<bool>,
}

impl Bound {
    /// Takes the addresses of `[http]`, `[https]` and `[metrics]`.
    pub(super) async fn take(config: &Config, tls: Option<Arc<ServerTls>>) -> Result<Self> {
        let connections = usize::try_from(config.http.connections).unwrap_or(usize::MAX);
        let limits = Limits { connections, goodbye: HTTP_END / 2, ..Limits::default() };
        let proxies: Arc<[_]> = config.http.trusted_proxies.as_slice().into();
        let none: Arc<[_]> = Arc::new([]);
        let names: Arc<[String]> = names::of_machine().into();
        let mut bound = Vec::new();
        for (protocol, setting, door, address) in [
            ("http", "http.listen", Door::Http, config.http.listen),
            ("https", "https.listen", Door::Https, config.https.listen),
            ("metrics", "metrics.listen", Door::Metrics, config.metrics),
        ] {
            let Some(address) = address else { continue };
            let server = HttpServer::bind(address, limits).await;
            let server = server.map_err(|error| bind::explain(setting, address, &error))?;
            let tls = tls.clone().filter(|_| door == Door::Https);
            let proxies = if door == Door::Http { &proxies } else { &none };
            let way = Way { door, tls, proxies: proxies.clone(), names: names.clone() };
            bound.push((protocol, door, server.by(way)));
        }
        Ok(Self(bound))
    }

    /// Where they are bound.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|(_, _, server)| server.address().ok()).collect()
    }

    /// Begins to answer.
    pub(super) fn run(self, site: Site, server: &Server) -> Http {
        let (end, ending) = watch::channel(false);
        let (figures, site) = (Arc::new(site.figures()), Arc::new(site));
        let run = |(protocol, door, http): (&'static str, Door, HttpServer)| {
            if let Ok(address) = http.address() {
                server.facts.listens(protocol, address);
            }
            let site = if door == Door::Metrics { &figures } else { &site };
            let mut ending = ending.clone();
            let ordered = async move {
                let _ = ending.wait_for(|end| *end).await;
            };
            (protocol, tokio::spawn(http.run(site.clone(), ordered)))
        };
        Http { tasks: self.0.into_iter().map(run).collect(), end }
    }
}

impl Http {
    /// Resolves with a name when a listener ended by itself. Cancel-safe.
    pub(super) async fn broken(&mut self) -> &'static str {
        poll_fn(|cx| {
            for (name, task) in &mut self.tasks {
                if Pin::new(task).poll(cx).is_ready() {
                    return Poll::Ready(*name);
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Ends all listeners.
    pub(super) async fn drain(self) {
        self.end.send_replace(true);
        let all = async {
            for (_, task) in self.tasks {
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(HTTP_END, all).await;
    }
}
