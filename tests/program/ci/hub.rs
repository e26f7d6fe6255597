//! A stand-in for GitHub's and Azure DevOps' REST APIs on loopback: comments and threads with pages, pull requests and their files. It
//! keeps a state, and every request.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse as _,
    routing::{get, patch},
};
use serde_json::{Value, json};

/// Who a build is in Azure DevOps.
pub(super) const BUILD: &str = "00000000-0000-0000-0000-00000000b01d";

/// What the platform knows.
#[derive(Debug, Default)]
pub(super) struct Platform {
    /// Comments of the pull request: GitHub's form.
    pub comments: Vec<Value>,
    /// Open pull requests, by `owner:branch`.
    pub pulls: BTreeMap<String, Vec<Value>>,
    /// Names of the files that the pull request changes.
    pub files: Vec<String>,
    /// Threads: Azure DevOps' form.
    pub threads: Vec<Value>,
    /// So many requests meet a gateway that fails, and nothing is done.
    pub bad_gateways: usize,
    /// So many writes are done, and a gateway answers that it failed.
    pub lost_answers: usize,
    /// Everything that was asked: method, path with query, authorization.
    pub asked: Vec<(String, String, String)>,
}

type Shared = Arc<Mutex<Platform>>;

/// The platform, served until dropped.
pub(super) struct Hub {
    pub url: String,
    state: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Hub {
    pub(super) fn start(platform: Platform) -> Self {
        let state = Arc::new(Mutex::new(platform));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let of_repository = Router::new()
            .route("/issues/{number}/comments", get(comments).post(write_comment))
            .route("/issues/comments/{id}", patch(change_comment))
            .route("/pulls", get(pulls))
            .route("/pulls/{number}/files", get(files));
        let of_devops = Router::new()
            .route("/_apis/connectionData", get(async || Json(json!({ "authenticatedUser": { "id": BUILD } }))))
            .route(
                "/{project}/_apis/git/repositories/{repository}/pullRequests/{id}/threads",
                get(threads).post(write_thread),
            )
            .route(
                "/{project}/_apis/git/repositories/{repository}/pullRequests/{id}/threads/{thread}/comments/{comment}",
                patch(change_thread),
            );
        let router = Router::new().nest("/repos/example/access", of_repository).nest("/example", of_devops);
        let router = router.layer(axum::middleware::from_fn_with_state(state.clone(), note)).with_state(state.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, state, _runtime: runtime }
    }

    pub(super) fn with<T>(&self, ask: impl FnOnce(&mut Platform) -> T) -> T {
        ask(&mut self.state.lock().unwrap())
    }
}

/// Writes down what was asked, and lets nobody in without the token of the runner.
async fn note(
    State(state): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Result<axum::response::Response, StatusCode> {
    let authorization =
        headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    state.lock().unwrap().asked.push((method.to_string(), uri.to_string(), authorization.clone()));
    if authorization != format!("Bearer {}", super::runner::TOKEN) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let is_bad = {
        let mut platform = state.lock().unwrap();
        let is_bad = platform.bad_gateways > 0;
        platform.bad_gateways -= usize::from(is_bad);
        is_bad
    };
    let bad = || (StatusCode::BAD_GATEWAY, "<html>Bad gateway</html>").into_response();
    if is_bad {
        return Ok(bad());
    }
    let answer = next.run(request).await;
    let mut platform = state.lock().unwrap();
    let is_lost = method != Method::GET && platform.lost_answers > 0;
    platform.lost_answers -= usize::from(is_lost);
    Ok(if is_lost { bad() } else { answer })
}

type Asked = Query<BTreeMap<String, String>>;

fn page(all: &[Value], asked: &Asked) -> Json<Value> {
    let number = |name: &str, usual: usize| asked.get(name).map_or(usual, |text| text.parse().unwrap());
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    Json(all.iter().skip((page - 1) * size).take(size).cloned().collect())
}

async fn comments(State(state): State<Shared>, asked: Asked) -> Json<Value> {
    page(&state.lock().unwrap().comments, &asked)
}

async fn write_comment(State(state): State<Shared>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let comments = &mut state.lock().unwrap().comments;
    let text = body["body"].as_str().unwrap();
    if text.chars().count() > 65_536 {
        return (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(json!({ "message": "is too long (maximum is 65536 characters)" })),
        );
    }
    let comment = comment(1000 + comments.len(), "github-actions[bot]", "Bot", text);
    comments.push(comment.clone());
    (StatusCode::CREATED, Json(comment))
}

pub(super) fn comment(id: usize, login: &str, kind: &str, text: &str) -> Value {
    json!({ "id": id, "user": { "login": login, "type": kind }, "body": text })
}

async fn change_comment(
    State(state): State<Shared>,
    Path(id): Path<usize>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let comments = &mut state.lock().unwrap().comments;
    let comment = comments.iter_mut().find(|comment| comment["id"] == id).ok_or(StatusCode::NOT_FOUND)?;
    if comment["user"]["login"] != "github-actions[bot]" {
        return Err(StatusCode::FORBIDDEN);
    }
    comment["body"] = body["body"].clone();
    Ok(Json(comment.clone()))
}

async fn pulls(State(state): State<Shared>, asked: Asked) -> Json<Value> {
    let state = state.lock().unwrap();
    let all = state.pulls.get(&asked["head"]).cloned().unwrap_or_default();
    page(&all, &asked)
}

async fn files(State(state): State<Shared>, asked: Asked) -> Json<Value> {
    let all: Vec<Value> = state.lock().unwrap().files.iter().map(|name| json!({ "filename": name })).collect();
    page(&all, &asked)
}

async fn threads(State(state): State<Shared>) -> Json<Value> {
    Json(json!({ "value": state.lock().unwrap().threads }))
}

pub(super) fn thread(id: usize, author: &str, text: &str) -> Value {
    json!({ "id": id, "isDeleted": false, "comments": [{ "id": 1, "author": { "id": author }, "content": text }] })
}

async fn write_thread(State(state): State<Shared>, Json(body): Json<Value>) -> Json<Value> {
    let threads = &mut state.lock().unwrap().threads;
    let thread = thread(100 + threads.len(), BUILD, body["comments"][0]["content"].as_str().unwrap());
    threads.push(thread.clone());
    Json(thread)
}

async fn change_thread(
    State(state): State<Shared>,
    Path((_, _, _, thread, comment)): Path<(String, String, String, usize, usize)>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let threads = &mut state.lock().unwrap().threads;
    let thread = threads.iter_mut().find(|it| it["id"] == thread).ok_or(StatusCode::NOT_FOUND)?;
    let comment = thread["comments"].as_array_mut().unwrap().iter_mut().find(|it| it["id"] == comment).unwrap();
    if comment["author"]["id"] != BUILD {
        return Err(StatusCode::FORBIDDEN);
    }
    comment["content"] = body["content"].clone();
    Ok(Json(comment.clone()))
}
