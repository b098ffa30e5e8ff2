//! The proxy does to a line what it says.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Proxy, Treatment, Way};

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is looked whether what must not come does.
const GLANCE: Duration = Duration::from_millis(50);

/// A server that says everything back, behind a proxy, and a connection to it.
async fn echo() -> (Proxy, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = listener.local_addr().expect("its address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    let proxy = Proxy::to(target).await;
    let line = TcpStream::connect(proxy.address).await.expect("a connection");
    (proxy, line)
}

async fn say(line: &mut TcpStream, text: &str) {
    line.write_all(text.as_bytes()).await.expect("it goes out");
}

async fn hears(line: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    tokio::time::timeout(PATIENCE, line.read_exact(&mut heard)).await.expect("an echo in time").expect("an echo");
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

async fn hears_nothing(line: &mut TcpStream) {
    let heard = tokio::time::timeout(GLANCE, line.read_u8()).await;
    assert!(heard.is_err(), "{heard:?}");
}

#[tokio::test]
async fn a_whole_line_carries_everything() {
    let (proxy, mut line) = echo().await;
    let long = "x".repeat(100_000);
    let (mut read, mut write) = line.split();
    let mut heard = vec![0; long.len()];
    let (said, echoed) = tokio::join!(write.write_all(long.as_bytes()), read.read_exact(&mut heard));
    assert!(said.is_ok() && echoed.is_ok() && heard == long.as_bytes());
    assert_eq!(proxy.open(), 1);
    drop(line);
    let gone = async {
        while proxy.open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the line is given up with its ends");
}

#[tokio::test]
async fn a_cut_line_lets_nobody_through_until_it_is_mended() {
    let (proxy, mut line) = echo().await;
    say(&mut line, "a").await;
    hears(&mut line, "a").await;
    proxy.cut();
    let end = tokio::time::timeout(PATIENCE, line.read_u8()).await.expect("an end in time");
    assert!(end.is_err());
    let mut refused = TcpStream::connect(proxy.address).await.expect("a connection");
    let end = tokio::time::timeout(PATIENCE, refused.read_u8()).await.expect("an end in time");
    assert!(end.is_err());
    proxy.mend();
    let mut line = TcpStream::connect(proxy.address).await.expect("a connection");
    say(&mut line, "b").await;
    hears(&mut line, "b").await;
}

#[tokio::test]
async fn a_reset_is_felt_as_one() {
    let (proxy, mut line) = echo().await;
    say(&mut line, "a").await;
    hears(&mut line, "a").await;
    proxy.reset();
    let end = tokio::time::timeout(PATIENCE, line.read_u8()).await.expect("an end in time").unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
    let mut line = TcpStream::connect(proxy.address).await.expect("a connection");
    say(&mut line, "b").await;
    hears(&mut line, "b").await;
}

#[tokio::test]
async fn what_is_delayed_comes_later_and_whole() {
    let (proxy, mut line) = echo().await;
    proxy
        .treat(Treatment { back: Way { delay: Duration::from_secs(3_600), ..Way::default() }, ..Treatment::default() });
    say(&mut line, "late").await;
    hears_nothing(&mut line).await;
    proxy.treat(Treatment::slow(Duration::from_millis(5)));
    say(&mut line, " but whole").await;
    hears(&mut line, "late but whole").await;
}

#[tokio::test]
async fn what_trickles_comes_in_order() {
    let (proxy, mut line) = echo().await;
    proxy.treat(Treatment::trickle(3, Duration::from_millis(1)));
    say(&mut line, "a few words in small pieces").await;
    hears(&mut line, "a few words in small pieces").await;
}

#[tokio::test]
async fn a_half_open_line_says_nothing_not_even_that_it_ended() {
    let (proxy, mut line) = echo().await;
    say(&mut line, "a").await;
    hears(&mut line, "a").await;
    proxy.treat_open(Treatment::half_open());
    say(&mut line, "b").await;
    line.shutdown().await.expect("it goes out");
    hears_nothing(&mut line).await;
    let mut other = TcpStream::connect(proxy.address).await.expect("a connection");
    say(&mut other, "c").await;
    hears(&mut other, "c").await;
    assert_eq!(proxy.open(), 2);
}
