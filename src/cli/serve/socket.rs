//! A listening socket: HTTP/1.1 with bounds on what a stranger can hold open.
//!
//! In: routes and an address. Out: answers, until it is told to stop. So many connections and no more; so long for a request to
//! come in, and for its answer to begin. An answer that streams may last.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{Response, StatusCode},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

/// Connections at once. Ours: a page, probes, scrapes and Event Grid together need a handful.
const CONNECTIONS_MAX: usize = 256;
/// For the head of a request to come in.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// For an answer to begin, the reading of the request's body included.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// For what is in flight when the daemon ends.
const END_WITHIN: Duration = Duration::from_secs(3);

/// Opens the socket.
pub(super) async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop` says so.
pub(super) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await; // out of file handles: others will close
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, from, router, stop).await;
            drop(place);
        });
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(END_WITHIN, all).await;
}

async fn connection(stream: TcpStream, from: SocketAddr, router: Router, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let all = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let all = all.clone();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(from));
        async move {
            let answered = timeout(ANSWER_WITHIN, hyper::service::Service::call(&all, request)).await;
            answered.unwrap_or_else(|_| {
                let mut late = Response::new(Body::from("too slow\n"));
                *late.status_mut() = StatusCode::REQUEST_TIMEOUT;
                Ok(late)
            })
        }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), service);
    let mut conversation = std::pin::pin!(conversation);
    tokio::select! {
        _ = conversation.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    conversation.as_mut().graceful_shutdown();
    let _ = conversation.await;
}
