//! For machines that look after machines: `/metrics`, `/healthz`, `/readyz`.

use hyper::StatusCode;
use hyper::header::CACHE_CONTROL;

use crate::ask::Ask;
use crate::reply::Reply;
use crate::visit::Visit;

/// What may be asked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    Metrics,
    Health,
    Readiness,
}

impl Probe {
    /// What stands at this path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        match path {
            "/metrics" => Some(Self::Metrics),
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Readiness),
            _ => None,
        }
    }
}

impl Visit {
    pub(crate) async fn probe(&self, probe: Probe) -> Result<Reply, Reply> {
        match probe {
            Probe::Metrics => {
                let text = self.ask(|slot| Ask::Metrics { slot }).await?;
                Ok(Reply::ok(api::metrics::CONTENT_TYPE, text).with(CACHE_CONTROL, "no-store"))
            }
            Probe::Health => {
                // That there is an answer is the answer.
                self.ask(|slot| Ask::Unready { slot }).await?;
                Ok(plain(StatusCode::OK, "ok\n".to_owned()))
            }
            Probe::Readiness => Ok(match self.ask(|slot| Ask::Unready { slot }).await? {
                None => plain(StatusCode::SERVICE_UNAVAILABLE, "everything is being stopped\n".to_owned()),
                Some(names) if names.is_empty() => plain(StatusCode::OK, "ready\n".to_owned()),
                Some(names) => {
                    plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", names.join(", ")))
                }
            }),
        }
    }
}

fn plain(status: StatusCode, text: String) -> Reply {
    Reply { status, ..Reply::ok("text/plain; charset=utf-8", text).with(CACHE_CONTROL, "no-store") }
}
