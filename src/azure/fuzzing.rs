//! Whatever Azure may answer, in front of everything that reads it: for `fuzz/`, and for its seeds as tests.
//!
//! Bytes come in, nothing goes out: it shall neither panic nor take for ever. The far end is a transport that gives the same
//! answer to every request, so that what is tried is the whole path: policies, the old client, pages, and our own readers.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use azure_core::http::{
    AsyncRawResponse, HttpClient, Request, StatusCode, Transport,
    headers::{HeaderName, HeaderValue, Headers},
};

use super::{Session, Settings, pace, policies};
use crate::{
    model::{
        assignment::{PrincipalType, Triple},
        ids::{AssignmentName, PrincipalId, RoleDefinitionId, ScopeId, SubscriptionId, UserName},
        trouble::Trouble,
    },
    ports::{AssignmentReader, AssignmentWriter, Directory, Inventory, PutAssignment, Rights},
};

/// Answers as the second byte of an input means them: `0` is 200, `1` is 201, and so on.
const STATUSES: [u16; 16] = [200, 201, 204, 400, 401, 403, 404, 409, 429, 500, 503, 307, 529, 202, 408, 504];
/// Questions, by the first byte: `0` lists role assignments, and so on in the order of [`ask`].
const QUESTIONS: u8 = 10;

/// One answer: a byte for the question, a byte for the status, and the body.
pub fn answer(data: &[u8]) {
    let [question, status, body @ ..] = data else { return };
    let status = STATUSES.iter().copied().cycle().nth(usize::from(status.wrapping_sub(b'0'))).unwrap_or(200);
    let far = Arc::new(Far::default());
    let question = question.wrapping_sub(b'0') % QUESTIONS;
    let is_sign_in = question == QUESTIONS - 1;
    if is_sign_in {
        far.say(status, body); // from the first token on
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let Ok(settings) =
            Settings::simulated("https://127.0.0.1:1", "00000000-0000-0000-0000-0000000000aa", ("app", "secret"), None)
        else {
            return;
        };
        let transport = Transport::new(far.clone());
        let Ok(session) = Session::over(transport, &settings).await else { return };
        far.say(status, body);
        let _ = ask(&session, question).await;
        let _ = session.identity().await;
    });
}

/// Asks one question, and looks at the answer.
async fn ask(session: &Session, question: u8) -> Result<(), Trouble> {
    let reader = session.reader();
    let subscription: SubscriptionId = SubscriptionId(uuid::Uuid::from_u128(1));
    let (scope, name) = (ScopeId::new("/subscriptions/x"), AssignmentName(uuid::Uuid::from_u128(2)));
    let principal = PrincipalId(uuid::Uuid::from_u128(3));
    match question {
        0 => drop(reader.assignments(subscription).await?),
        1 => drop(reader.pim_instances(subscription).await?),
        2 => drop(reader.locks(subscription).await?),
        3 => drop(reader.permissions(&scope).await?),
        4 => drop(reader.stock(&BTreeSet::from(["microsoft.keyvault/vaults".to_owned()])).await?),
        5 => drop(reader.by_name(&BTreeSet::from([UserName::new("kari.fiktiv@ai-dev.no")])).await),
        6 => drop(reader.by_id(&BTreeSet::from([principal])).await),
        7 => {
            let definition = RoleDefinitionId(uuid::Uuid::from_u128(4));
            let triple = Triple { scope, principal, definition };
            let description = String::new();
            session
                .writer()
                .put(&PutAssignment { name, triple, principal_type: PrincipalType::User, description })
                .await?;
        }
        8 => drop(session.writer().delete(&scope, name).await?),
        _ => {}
    }
    Ok(())
}

/// Headers of an answer, a line each: `retry-after: 3`.
pub fn headers(data: &[u8]) {
    let mut headers = Headers::new();
    for line in String::from_utf8_lossy(data).lines() {
        if let Some((name, value)) = line.split_once(':') {
            let name = HeaderName::from(name.trim().to_ascii_lowercase());
            headers.insert(name, HeaderValue::from(value.trim().to_owned()));
        }
    }
    policies::retry::fuzz(&headers);
    pace::fuzz(&headers);
}

/// The far end.
#[derive(Debug, Default)]
struct Far(Mutex<Option<(StatusCode, Vec<u8>)>>);

impl Far {
    fn say(&self, status: u16, body: &[u8]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((StatusCode::from(status), body.to_vec()));
    }
}

#[async_trait::async_trait]
impl HttpClient for Far {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let token = br#"{"token_type":"Bearer","expires_in":3600,"access_token":"a.b.c"}"#;
        let (status, body) = said.unwrap_or_else(|| (StatusCode::from(200), token.to_vec()));
        Ok(AsyncRawResponse::from_bytes(status, Headers::new(), body))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The seeds of `fuzz/`, so that they do not rot.
    #[test]
    fn seeds() {
        for (folder, target) in [("answers", super::answer as fn(&[u8])), ("headers", super::headers)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(folder);
            let seeds: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(!seeds.is_empty(), "{}", folder.display());
            for seed in seeds {
                target(&fs::read(seed).unwrap());
            }
        }
    }
}
