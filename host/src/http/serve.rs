//! Listening: connections in, requests to the router, and an orderly end.

use std::io::BufReader;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::app::{App, Phase};
use crate::config::Tls;
use crate::sockets::drain;

/// Connections that may wait to be accepted: a storm of reconnects must not run into retries.
const BACKLOG: i32 = 4_096;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a client may take for the handshake of TLS.
const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a connection's buffer: also the longest head of a request.
const CONNECTION_BUFFER: usize = 16 * 1024;
/// How long the server waits for requests that are under way when it ends.
const DRAIN: Duration = Duration::from_secs(10);

/// Lets this process have as many files open as its administrator allows: each socket is one, and the limit that
/// processes begin with is made for programs that hold a thousand at most.
pub fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Opens the listening socket.
pub fn bind(address: &str) -> anyhow::Result<TcpListener> {
    let address: SocketAddr = std::net::ToSocketAddrs::to_socket_addrs(address)
        .with_context(|| format!("`listen` is not an address: {address}"))?
        .next()
        .with_context(|| format!("`listen` names no address: {address}"))?;
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into()).with_context(|| format!("listening on {address}"))?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into())?)
}

/// Serves until the server is to end, then lets what is under way finish.
pub async fn serve(app: App, listener: TcpListener) -> anyhow::Result<()> {
    let tls = acceptor(&app.config.tls)?;
    let router = super::router(app.clone());
    let (open, mut all_closed) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = app.ending() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, usually: those who are connected go on, others wait.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (app, router, tls, open) = (app.clone(), router.clone(), tls.clone(), open.clone());
        tokio::spawn(async move {
            connection(app, router, tls, stream, peer).await;
            drop(open);
        });
    }
    drop((listener, open));
    let drain = Duration::from_secs(app.config.sockets.drain_seconds);
    drain::show_out(&app.hub, drain).await;
    let _ = tokio::time::timeout(DRAIN, all_closed.recv()).await;
    app.shutdown.send_replace(Phase::Ended);
    Ok(())
}

async fn connection(app: App, router: axum::Router, tls: Option<TlsAcceptor>, stream: TcpStream, peer: SocketAddr) {
    // Small frames go out at once.
    let _ = stream.set_nodelay(true);
    match tls {
        None => requests(app, router, stream, peer).await,
        Some(tls) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(TLS_TIMEOUT, tls.accept(stream)).await {
                requests(app, router, stream, peer).await;
            }
        }
    }
}

async fn requests<S>(app: App, router: axum::Router, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    }));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(CONNECTION_BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        // A client that breaks off is its own affair.
        _ = connection.as_mut() => return,
        () = app.ending() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// What speaks TLS by the certificate in the settings; nothing if there is none.
pub fn acceptor(settings: &Tls) -> anyhow::Result<Option<TlsAcceptor>> {
    if settings.key.as_os_str().is_empty() {
        return Ok(None);
    }
    let open = |path: &std::path::Path| {
        std::fs::File::open(path).map(BufReader::new).with_context(|| format!("opening {}", path.display()))
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_reader_iter(open(&settings.certificate)?).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_reader(open(&settings.key)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and its key")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}
