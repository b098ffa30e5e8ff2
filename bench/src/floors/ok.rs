//! The HTTP floor: a bare axum that answers "ok".

use std::net::SocketAddr;

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

pub fn serve(address: SocketAddr) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let router = Router::new().route("/", get(async || "ok"));
        axum::serve(TcpListener::bind(address).await?, router).await?;
        Ok(())
    })
}
