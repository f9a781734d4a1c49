//! Where Prometheus reads the metrics.
//!
//! In: a listener, who makes the text. Out: `/metrics` and `/health` over HTTP. Invariant: answers questions and takes no
//! instruction; what cannot be read is a 503 with the reason, so that a scrape fails instead of lying.

use crate::dashboard::Unanswered;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::future::Future;
use tokio::net::TcpListener;

/// The type of Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves metrics until the future is dropped.
///
/// # Errors
/// When the listener fails.
pub async fn serve<M, F>(listener: TcpListener, metrics: M) -> std::io::Result<()>
where
    M: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<String, Unanswered>> + Send,
{
    let answer = async move || answer(metrics().await);
    let routes = Router::new().route("/metrics", get(answer)).route("/health", get(async || "alive\n"));
    axum::serve(listener, routes).await
}

fn answer(text: Result<String, Unanswered>) -> Response {
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT)], text).into_response(),
        Err(Unanswered(why)) => (StatusCode::SERVICE_UNAVAILABLE, why).into_response(),
    }
}
