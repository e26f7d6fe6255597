//! The world over HTTP/1.1, plain or with TLS, on a real socket of this machine.
//!
//! In: bytes. Out: bytes, and the misbehaviour that a fault asks for. Never: an address other than loopback; an answer
//! of its own, these are made in [`routes`].

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, Request, Response},
};
use futures::StreamExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use super::{
    SharedWorld, Tls,
    faults::Misbehaviour,
    recent::Seen,
    routes::{self, Answer, Ask},
};

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// With TLS, or plain.
    pub tls: Option<Tls>,
    /// How long each answer is held back.
    pub latency_ms: u64,
}

/// A server at work; dropping it ends it, with every connection.
#[derive(Debug)]
pub struct Running {
    /// `https://localhost:PORT` or `http://localhost:PORT`.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The CA to trust, with TLS.
    pub ca_pem: Option<String>,
    /// The world it serves.
    pub world: SharedWorld,
    accepting: JoinHandle<()>,
    stopping: watch::Sender<bool>,
}

impl Running {
    /// Ends it when what is in flight is answered, or patience runs out; says which: whether all was answered.
    pub async fn stop(mut self, patience: Duration) -> bool {
        self.stopping.send_replace(true);
        tokio::time::timeout(patience, &mut self.accepting).await.is_ok()
    }

    /// Ends it.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Largest body that is read: a world of 400,000 assignments goes through.
const BODY_BYTES_MAX: usize = 1 << 30;

/// Serves a world until the result is dropped.
pub async fn serve(world: SharedWorld, options: ServeOptions) -> io::Result<Running> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let address = listener.local_addr()?;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    // 127.0.0.1 rather than localhost: some machines resolve that to ::1 first.
    let url = format!("{scheme}://127.0.0.1:{}", address.port());
    let tls = options.tls.as_ref().map(Tls::config).transpose()?.map(TlsAcceptor::from);
    let server = Arc::new(Server { world: world.clone(), scheme, address, latency: options.latency_ms });
    let (stopping, stop) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener, tls, server, stop));
    Ok(Running { url, address, ca_pem: options.tls.map(|tls| tls.ca_pem), world, accepting, stopping })
}

struct Server {
    world: SharedWorld,
    scheme: &'static str,
    address: SocketAddr,
    latency: u64,
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, server: Arc<Server>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new(); // dropped with this task: no connection outlives the server
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(10)).await; // out of file handles: others will close
            continue;
        };
        while connections.try_join_next().is_some() {}
        server.world.stats.connected();
        let _ = stream.set_nodelay(true);
        let (tls, server, stop) = (tls.clone(), server.clone(), stop.clone());
        connections.spawn(async move {
            let Ok((stream, cord)) = with_cord(stream) else { return };
            match tls {
                None => connection(stream, server, cord, stop).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, server, cord, stop).await;
                    }
                }
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// A second hold on the same socket, to reset the connection with.
fn with_cord(stream: TcpStream) -> io::Result<(TcpStream, Arc<TcpStream>)> {
    let stream = stream.into_std()?;
    let cord = TcpStream::from_std(stream.try_clone()?)?;
    Ok((TcpStream::from_std(stream)?, Arc::new(cord)))
}

async fn connection<S>(stream: S, server: Arc<Server>, cord: Arc<TcpStream>, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let (server, cord) = (server.clone(), cord.clone());
        async move { noted(&server, &cord, request).await }
    });
    let conversation = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let mut conversation = std::pin::pin!(conversation);
    // A client that goes away, or a fault that closes: both end here, and neither is news.
    tokio::select! {
        _ = conversation.as_mut() => return,
        () = async { drop(stop.wait_for(|stop| *stop).await) } => {}
    }
    conversation.as_mut().graceful_shutdown(); // what is in flight is answered
    let _ = conversation.await;
}

/// Answers a request, and notes it for whoever looks on.
async fn noted(server: &Server, cord: &TcpStream, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
    let (method, uri, began) = (request.method().to_string(), request.uri().clone(), Instant::now());
    let answered = answer(server, cord, request).await;
    if !uri.path().starts_with("/_simulator") {
        let target = uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        let status = answered.as_ref().map_or(0, |response| response.status().as_u16());
        server.world.recent.add(Seen { method, target, status, micros: began.elapsed().as_micros() });
    }
    answered
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed by a fault")]
struct Closed;

async fn answer(server: &Server, cord: &TcpStream, request: Request<Incoming>) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), BODY_BYTES_MAX).await.map_err(|_| Closed)?;
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).map(ToOwned::to_owned);
    let host = host.unwrap_or_else(|| server.address.to_string());
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let headers = parts.headers.iter();
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let ask = Ask::new(
        parts.method.as_str(),
        target,
        headers.collect(),
        body.to_vec(),
        format!("{}://{host}", server.scheme),
    );
    if ask.is_control() {
        return Ok(send(routes::answer(&server.world, &ask)));
    }
    let _at_work = server.world.stats.began();
    let fault = routes::meet(&server.world, &ask);
    let delay = server.latency + if let Some(Misbehaviour::Slow(ms)) = &fault { *ms } else { 0 };
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let count = |status| server.world.stats.answered(&ask.route(), ask.is_write(), status);
    let answer = match fault {
        Some(Misbehaviour::Reset) => {
            count(0);
            let _ = cord.set_zero_linger();
            return Err(Closed);
        }
        Some(Misbehaviour::LostReply) => {
            let _ = routes::answer(&server.world, &ask);
            count(0);
            return Err(Closed);
        }
        Some(Misbehaviour::Never) => {
            count(0);
            std::future::pending().await // dropped with the connection
        }
        Some(Misbehaviour::SlowBody(ms)) => {
            let answer = routes::answer(&server.world, &ask);
            count(answer.status);
            return Ok(slow(answer, ms));
        }
        Some(Misbehaviour::HalfBody) => {
            let answer = routes::answer(&server.world, &ask);
            count(answer.status);
            return Ok(half(answer));
        }
        Some(fault) => routes::faulty(&server.world, &ask, &fault),
        None => routes::answer(&server.world, &ask),
    };
    count(answer.status);
    Ok(send(answer))
}

fn send(answer: Answer) -> Response<Body> {
    let Answer { status, headers, body } = answer;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// The body in ten pieces, over so many milliseconds.
fn slow(answer: Answer, ms: u64) -> Response<Body> {
    let length = answer.body.len();
    let all = Bytes::from(answer.body);
    let size = length.div_ceil(10).max(1);
    let pieces = (0..length.div_ceil(size)).map(move |n| all.slice(n * size..length.min((n + 1) * size)));
    let wait = Duration::from_millis(ms / 10);
    let mut response = send(Answer { status: answer.status, headers: answer.headers, body: Vec::new() });
    response.headers_mut().insert("content-length", HeaderValue::from(length));
    let pieces = futures::stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(wait).await;
        Ok::<_, io::Error>(piece)
    });
    *response.body_mut() = Body::from_stream(pieces);
    response
}

fn half(answer: Answer) -> Response<Body> {
    let length = answer.body.len();
    let first = Bytes::copy_from_slice(answer.body.get(..length / 2).unwrap_or_default());
    let mut response = send(Answer { body: Vec::new(), ..answer });
    response.headers_mut().insert("content-length", HeaderValue::from(length));
    let pieces = [Ok(first), Err(io::Error::from(io::ErrorKind::ConnectionAborted))];
    *response.body_mut() = Body::from_stream(futures::stream::iter(pieces));
    response
}
