//! A letter as mail, by SMTP: plain text, and the same as HTML. Headers are written by `lettre`, which encodes what is not plain
//! ASCII; subject and addresses have one visible line each, so that no text can begin another header.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};

use tokio::{sync::Semaphore, time::timeout};

use super::secret::Secret;
use crate::{
    model::{
        notify::{Mail, MailSecurity},
        visible,
    },
    notify::{Answer, Letter, Notice},
};

/// For each step of a conversation.
const STEP_MAX: Duration = Duration::from_secs(15);

/// For a whole conversation: a server that answers one letter at a time holds up its own mail, and not for ever.
const WHOLE_MAX: Duration = Duration::from_mins(2);
/// Conversations at once. Ours: a first run may have a mail for each owner, and servers count connections.
const AT_ONCE_MAX: usize = 4;

/// A server for mail.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    places: Semaphore,
    from: Mailbox,
    host: String,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("host", &self.host).field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    /// Prepares a server; nothing is sent yet.
    pub(super) fn open(mail: &Mail, password: Option<&Secret>, ca_pem: Option<&str>) -> Result<Self, String> {
        let from: Mailbox = mail.from.parse().map_err(|error| format!("`from` is not an address: {error}"))?;
        let security = match mail.security {
            MailSecurity::Loopback => Tls::None,
            secure => {
                let mut parameters =
                    TlsParameters::builder(mail.server.clone()).certificate_store(CertificateStore::Default);
                if let Some(pem) = ca_pem {
                    let ca = Certificate::from_pem(pem.as_bytes()).map_err(|error| error.to_string())?;
                    parameters = parameters.add_root_certificate(ca);
                }
                let parameters = parameters.build_rustls().map_err(|error| error.to_string())?;
                if secure == MailSecurity::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }
            }
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.server)
            .port(mail.port)
            .tls(security)
            .timeout(Some(STEP_MAX));
        if let (Some((user, _)), Some(password)) = (&mail.sign_in, password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Self { transport: builder.build(), places: Semaphore::new(AT_ONCE_MAX), from, host: mail.server.clone() })
    }

    /// Sends a letter.
    pub(super) async fn send(&self, notice: &Notice, letter: &Letter, now: Timestamp) -> Answer {
        let message = match self.message(notice, letter, now) {
            Ok(message) => message,
            Err(why) => return Answer::Refused { why },
        };
        let _place = self.places.acquire().await;
        match timeout(WHOLE_MAX, self.transport.send(message)).await {
            Err(_) => Answer::Later { after: None, why: "it did not take the mail in time".to_owned() },
            Ok(Ok(_)) => Answer::Taken,
            Ok(Err(error)) => {
                let why = visible::line(&said(&error));
                // 5xx says that no later try will do better (RFC 5321, 4.2.1).
                if error.is_permanent() { Answer::Refused { why } } else { Answer::Later { after: None, why } }
            }
        }
    }

    fn message(&self, notice: &Notice, letter: &Letter, now: Timestamp) -> Result<Message, String> {
        let to: Mailbox = match &notice.to {
            Some(to) => to.parse().map_err(|error| format!("the addressee is not an address: {error}"))?,
            None => return Err("a mail to nobody".to_owned()),
        };
        let at = std::time::SystemTime::from(now);
        let domain = self.from.email.domain();
        Message::builder()
            // The same for each try: who gets it twice can tell, and most servers do.
            .message_id(Some(format!("<{}@{domain}>", notice.id)))
            .date(at)
            .from(self.from.clone())
            .to(to)
            .subject(visible::line(&letter.subject))
            // Nobody's absence notice should answer (RFC 3834).
            .raw_header(header::HeaderValue::new(
                header::HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(MultiPart::alternative_plain_html(text(letter), html(letter)))
            .map_err(|error| error.to_string())
    }
}

/// The whole chain: the outer error only says that something went wrong.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(inner) = at {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        at = inner.source();
    }
    text
}

/// The letter as plain text.
pub(super) fn text(letter: &Letter) -> String {
    let mut out = String::new();
    let mut add = |text: &str| {
        out.push_str(text);
        out.push_str("\r\n");
    };
    if let Some(summary) = &letter.summary {
        add(summary);
        add("");
    }
    for section in &letter.sections {
        add(&section.heading());
        for line in &section.lines {
            add(&format!("  - {}: {}", line.mark, line.text));
            line.details.iter().for_each(|detail| add(&format!("      {detail}")));
        }
        add("");
    }
    if letter.left_out > 0 {
        add(&format!("… and {} more", letter.left_out));
        add("");
    }
    if let Some(link) = &letter.link {
        add(link);
        add("");
    }
    add("-- ");
    add(&letter.footer);
    out
}

/// The letter as HTML. Every text goes through [`escape`]; styles stand inline, since mail readers drop others.
pub(super) fn html(letter: &Letter) -> String {
    let mut out = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"></head>\
         <body style=\"font-family:Segoe UI,Arial,sans-serif;font-size:15px;line-height:1.45;color:#1f2933;max-width:46em\">",
    );
    if let Some(summary) = &letter.summary {
        out.extend([format!("<p>{}</p>", escape(summary))]);
    }
    for section in &letter.sections {
        out.extend([format!("<h2 style=\"font-size:17px;margin:1.2em 0 .4em\">{}</h2>", escape(&section.heading()))]);
        out += "<ul style=\"padding-left:1.2em;margin:0\">";
        for line in &section.lines {
            let colour = if line.needs { "#a61b1b" } else { "#1b6e3c" };
            let mark = escape(&line.mark);
            out.extend([format!(
                "<li style=\"margin:0 0 .7em\"><b style=\"color:{colour}\">{mark}</b>: {}",
                escape(&line.text)
            )]);
            for detail in &line.details {
                out.extend([format!(
                    "<br><span style=\"color:#52606d;font-size:13px;overflow-wrap:anywhere\">{}</span>",
                    escape(detail)
                )]);
            }
            out += "</li>";
        }
        out += "</ul>";
    }
    if letter.left_out > 0 {
        out.extend([format!("<p>… and {} more</p>", letter.left_out)]);
    }
    if let Some(link) = &letter.link {
        out.extend([format!("<p><a href=\"{}\">Open the page</a></p>", escape(link))]);
    }
    out.extend([format!(
        "<p style=\"color:#7b8794;font-size:12px;margin-top:2em\">{}</p></body></html>",
        escape(&letter.footer)
    )]);
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Mail readers make links of addresses; a name from Azure is not to become one.
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}
