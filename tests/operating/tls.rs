//! The server's own TLS: those who trust its certificate come in, and plain HTTP finds nobody.

use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use guildhall::config::Config;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::PATIENCE;
use crate::story;
use crate::support::TestApp;

/// Gives the server a certificate that it has signed itself.
fn with_certificate(config: &mut Config) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::create_dir_all(&config.data).expect("a folder");
    config.tls.certificate = config.data.join("certificate.pem");
    config.tls.key = config.data.join("key.pem");
    std::fs::write(&config.tls.certificate, made.cert.pem()).expect("the certificate");
    std::fs::write(&config.tls.key, made.signing_key.serialize_pem()).expect("its key");
}

/// Connects to the server's port.
async fn tcp(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("a connection")
}

/// Connects over TLS, trusting the certificate in a file alone, or none.
async fn tls(app: &TestApp, trusted: Option<&Path>) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = trusted {
        roots.add(CertificateDer::from_pem_file(file).expect("a certificate")).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("protocols").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, tcp(app).await).await
}

/// Asks over a stream, and reads until the server closes or has nothing to say.
async fn ask(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) -> Vec<u8> {
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    // A connection that is reset is closed too.
    let _ = reading.expect("the server closes the connection");
    answer
}

story!(the_server_speaks_tls_by_itself, |config| { with_certificate(config) }, |app| {
    let certificate = &app.app.config.tls.certificate;
    let answer = ask(tls(&app, Some(certificate)).await.expect("TLS")).await;
    let answer = String::from_utf8(answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");

    let stranger = tls(&app, None).await.expect_err("a certificate that nobody vouches for");
    assert!(stranger.to_string().contains("UnknownIssuer"), "{stranger}");
});

story!(plain_http_finds_nobody_at_the_port_of_tls, |config| { with_certificate(config) }, |app| {
    let answer = ask(tcp(&app).await).await;
    // At most TLS says in its own words that this is none.
    assert!(answer.len() <= 7 && !answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    let certificate = &app.app.config.tls.certificate;
    assert!(ask(tls(&app, Some(certificate)).await.expect("TLS")).await.starts_with(b"HTTP/1.1 200"));
});

story!(sockets_open_over_tls, |config| { with_certificate(config) }, |app| {
    let stream = tls(&app, Some(&app.app.config.tls.certificate)).await.expect("TLS");
    let opened = tokio_tungstenite::client_async("wss://localhost/gateway", stream).await;
    let (mut socket, _) = opened.expect("a socket");
    let hello = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a frame in time");
    let hello = hello.expect("a frame").expect("a frame").into_text().expect("text");
    assert!(hello.contains("\"hello\""), "{hello}");
});
