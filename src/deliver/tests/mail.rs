//! Mail, to a small SMTP server on loopback: its envelope, headers and parts; refusals; TLS or nothing.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};

use super::{channel, courier, item, kept, notify, now, setting};
use crate::{
    deliver::Courier,
    model::notify::{Addressee, Mail, MailSecurity, Notify, Target},
    notify::{Answer, Event, Happened, Item, Kind, Notice},
};

/// A server that takes mail, and answers `RCPT TO` as its script says.
#[derive(Clone)]
struct Post {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<VecDeque<&'static str>>>,
    /// Conversations now, and the most there were at once.
    talks: Arc<(AtomicUsize, AtomicUsize)>,
}

impl Post {
    async fn start(extensions: &'static str, script: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(script.iter().copied().collect()));
        let server = Self { port, lines: Arc::default(), script, talks: Arc::default() };
        let here = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(here.clone().talk(stream, extensions));
            }
        });
        server
    }

    async fn talk(self, stream: tokio::net::TcpStream, extensions: &'static str) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let now = self.talks.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.talks.1.fetch_max(now, Ordering::SeqCst);
        let (mut lines, mut in_data) = (BufReader::new(read).lines(), false);
        write.write_all(b"220 here ESMTP\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            self.lines.lock().unwrap().push(line.clone());
            let answer = match line.split(' ').next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    "250 taken\r\n".to_owned()
                }
                _ if in_data => continue,
                "EHLO" => format!("250-here\r\n{extensions}250 8BITMIME\r\n"),
                "AUTH" => "235 welcome\r\n".to_owned(),
                "DATA" => {
                    in_data = true;
                    "354 go on\r\n".to_owned()
                }
                "RCPT" => format!("{}\r\n", self.script.lock().unwrap().pop_front().unwrap_or("250 fine")),
                "QUIT" => "221 bye\r\n".to_owned(),
                _ => "250 fine\r\n".to_owned(),
            };
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            if answer.starts_with("221") {
                self.talks.0.fetch_sub(1, Ordering::SeqCst);
            }
            write.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }

    fn said(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

fn mail(port: u16, security: MailSecurity) -> Notify {
    let mail = Mail {
        server: "127.0.0.1".to_owned(),
        port,
        security,
        sign_in: Some(("tilgang".to_owned(), kept("PASSWORD"))),
        from: "tilgang@example.no".to_owned(),
        to: vec![Addressee::Contact],
    };
    notify(vec![channel("owners", Target::Email(Box::new(mail)))])
}

fn open(port: u16, security: MailSecurity) -> Courier {
    courier(&mail(port, security), &[("PASSWORD", "hemmelig-SECRET")])
}

fn notice(item: Item) -> Notice {
    let mut notice = Notice::test("owners", Some("ttd@example.no"), now());
    notice.kind = Kind::Changes;
    notice.events = vec![Event { happened: Happened::New, at: now(), item }];
    notice
}

const LOGIN: &str = "250-AUTH PLAIN LOGIN\r\n";

#[tokio::test]
async fn a_mail_has_one_addressee_two_parts_and_an_id_that_stays() {
    let post = Post::start(LOGIN, &[]).await;
    let courier = open(post.port, MailSecurity::Loopback);
    let notice = notice(item());
    for _ in 0..2 {
        assert_eq!(courier.send(&notice, now()).await, Answer::Taken);
    }
    let said = post.said();
    assert!(said.contains("MAIL FROM:<tilgang@example.no>") && said.contains("RCPT TO:<ttd@example.no>"));
    assert_eq!(said.matches(&format!("Message-ID: <{}@example.no>", notice.id)).count(), 2, "{said}");
    assert!(said.contains("Auto-Submitted: auto-generated"));
    assert!(said.contains("multipart/alternative") && said.contains("text/plain") && said.contains("text/html"));
    assert!(said.contains("Subject: tilgang altinn-apps: ttd: 1 new"));
    let login = said.lines().find_map(|line| line.strip_prefix("AUTH PLAIN ")).unwrap();
    assert_eq!(STANDARD.decode(login).unwrap(), b"\0tilgang\0hemmelig-SECRET");
}

#[tokio::test]
async fn no_text_becomes_a_header_or_an_addressee() {
    let post = Post::start(LOGIN, &[]).await;
    let notify = mail(post.port, MailSecurity::Loopback);
    let mut setting = setting();
    setting.instance = "altinn\r\nBcc: victim@example.no".to_owned();
    let keys = |_: &_| Ok(crate::deliver::Secret::new("x"));
    let courier = Courier::open(&notify, setting, &keys, None, None).unwrap();
    let hostile = "x\r\nBcc: victim@example.no\r\n.\r\nRCPT TO:<victim@example.no>\r\n";
    let item =
        Item { who: Some(hostile.to_owned()), words: hostile.to_owned(), owner: Some("ttd".to_owned()), ..item() };
    assert_eq!(courier.send(&notice(item), now()).await, Answer::Taken);
    let said = post.said();
    assert_eq!(said.lines().filter(|line| line.starts_with("RCPT")).count(), 1, "{said}");
    let headers: Vec<_> = said.lines().skip_while(|line| *line != "DATA").take_while(|line| !line.is_empty()).collect();
    assert!(headers.iter().all(|line| !line.to_ascii_lowercase().starts_with("bcc")), "{headers:#?}");
    for to in ["a@b.no, victim@example.no", "a@b.no\r\nBcc: victim@example.no", "nobody", ""] {
        let notice = Notice::test("owners", Some(to), now());
        assert!(matches!(courier.send(&notice, now()).await, Answer::Refused { .. }), "{to:?}");
    }
}

#[tokio::test]
async fn a_refusal_for_now_is_tried_again_and_one_for_good_is_not() {
    let post = Post::start(LOGIN, &["451 greylisted, come again", "550 no such user here"]).await;
    let courier = open(post.port, MailSecurity::Loopback);
    let answer = courier.send(&notice(item()), now()).await;
    assert!(matches!(&answer, Answer::Later { why, .. } if why.contains("greylisted")), "{answer:?}");
    let answer = courier.send(&notice(item()), now()).await;
    assert!(matches!(&answer, Answer::Refused { why } if why.contains("no such user")), "{answer:?}");
    assert_eq!(courier.send(&notice(item()), now()).await, Answer::Taken);
}

#[tokio::test]
async fn without_tls_nothing_is_said_to_a_server_that_should_have_it() {
    for security in [MailSecurity::StartTls, MailSecurity::Tls] {
        // No `STARTTLS` among its extensions, as if somebody had cut it out.
        let post = Post::start(LOGIN, &[]).await;
        let courier = open(post.port, security);
        let notice = notice(item());
        let sent = courier.send(&notice, now());
        let answer = tokio::time::timeout(std::time::Duration::from_secs(20), sent).await.unwrap();
        assert!(!matches!(answer, Answer::Taken), "{answer:?}");
        let said = post.said();
        assert!(!said.contains("AUTH PLAIN") && !said.contains("MAIL FROM") && !said.contains("ola.stroem"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_is_gone_is_tried_again_and_no_debug_shows_the_password() {
    let courier = open(1, MailSecurity::Loopback);
    let answer = courier.send(&notice(item()), now()).await;
    assert!(matches!(&answer, Answer::Later { .. }), "{answer:?}");
    assert!(!format!("{courier:?}{answer:?}").contains("SECRET"));
}

#[tokio::test]
async fn a_mail_for_each_owner_is_no_flood_of_connections() {
    let post = Post::start(LOGIN, &[]).await;
    let courier = open(post.port, MailSecurity::Loopback);
    let notices: Vec<Notice> =
        (0..60).map(|n| Notice::test("owners", Some(&format!("o{n}@example.no")), now())).collect();
    let answers = futures::future::join_all(notices.iter().map(|notice| courier.send(notice, now()))).await;
    assert!(answers.iter().all(|answer| *answer == Answer::Taken));
    let most = post.talks.1.load(Ordering::SeqCst);
    assert!((2..=5).contains(&most), "{most}"); // one may say goodbye while the next says hello
}
