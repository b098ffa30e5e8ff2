//! Routes for whoever runs the server: is it alive, is it ready, how much does it do.

use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::Serialize;

use crate::app::{App, Phase};
use crate::cluster::bus::BusState;
use crate::log::{self, StorageHealth};
use crate::plugins::vitals;

static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0])
        .map(PrometheusBuilder::build_recorder);
    let recorder = recorder.unwrap_or_else(|_| PrometheusBuilder::new().build_recorder());
    let handle = recorder.handle();
    // A second server in the same process, as in tests, shares the first one's measures.
    let _ = metrics::set_global_recorder(recorder);
    handle
});

/// `/healthz`, `/readyz` and `/metrics`.
pub fn routes() -> Router<App> {
    LazyLock::force(&METRICS);
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// Notes a request that was answered.
pub fn measure(route: &str, method: &Method, status: u16, took: Duration) {
    // Clients may invent methods, and every label is kept for ever.
    let method = match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    };
    let class = match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    let labels = [("route", route.to_owned()), ("method", method.to_owned()), ("status", class.to_owned())];
    metrics::histogram!("guildhall_http_request_seconds", &labels).record(took.as_secs_f64());
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    storage: &'static str,
    draining: bool,
}

async fn ready(State(app): State<App>) -> (StatusCode, axum::Json<Readiness>) {
    // Without a number among the nodes nothing that needs an id can be written.
    let storage = match (app.writer.health(), app.db.read().await, app.cluster.node()) {
        (StorageHealth::Writable, Ok(_), Ok(_)) => "writable",
        (StorageHealth::ReadOnly, ..) => "read-only",
        _ => "unavailable",
    };
    let draining = *app.shutdown.borrow() > Phase::Running;
    let ready = storage == "writable" && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(Readiness { ready, storage, draining }))
}

async fn metrics(State(app): State<App>) -> ([(HeaderName, &'static str); 1], String) {
    metrics::gauge!("guildhall_sockets").set(app.hub.sockets() as f64);
    match app.cluster.bus.state() {
        BusState::Alone => {}
        BusState::Connected => metrics::gauge!("guildhall_bus_connected").set(1.0),
        BusState::Away => metrics::gauge!("guildhall_bus_connected").set(0.0),
    }
    if let Ok(mut conn) = app.db.read().await {
        for (reader, rows) in log::store::lags(&mut conn).await.unwrap_or_default() {
            metrics::gauge!("guildhall_log_lag_rows", "reader" => reader).set(rows as f64);
        }
        for (shard, position) in log::store::heads(&mut conn).await.unwrap_or_default() {
            metrics::gauge!("guildhall_log_position", "shard" => shard.to_string()).set(position as f64);
        }
    }
    vitals::measure(&app).await;
    METRICS.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], METRICS.render())
}
