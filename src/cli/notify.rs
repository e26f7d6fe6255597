//! `tilgang notify test`: tries the channels of `notify:`, so that a mistake is found before something has to be told.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::{
    model::notify::{Addressee, Channel, Target},
    model::visible,
    notify::{Answer, Notice},
};

use super::{Exit, Global, channels, environment, output};

/// Try the channels that `tilgang serve` tells people through
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang notify test --channel platform --dry-run")]
pub(super) struct Notify {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    Test(Test),
}

/// Send one message through each channel, and say what it answered
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tilgang notify test
  tilgang notify test --channel owners --to kari.fiktiv@ai-dev.no
  tilgang notify test --channel platform --dry-run")]
struct Test {
    /// Only this channel; repeat for more
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,
    /// Whom a mail goes to, where it would go to owners' contacts
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

impl Notify {
    pub(super) async fn run(self, global: &Global) -> Exit {
        let NotifyCommand::Test(test) = self.command;
        test.run(global).await.unwrap_or_else(|exit| exit)
    }
}

impl Test {
    async fn run(&self, global: &Global) -> Result<Exit, Exit> {
        let (workspace, _) = global.workspace()?;
        let notify = &workspace.loaded.notify;
        let Some(desired) = &workspace.loaded.desired else { return Err(workspace.exit().max(Exit::Failed)) };
        let chosen: Vec<&Channel> =
            notify.channels.iter().filter(|it| self.channel.is_empty() || self.channel.contains(&it.name)).collect();
        if let Some(unknown) = self.channel.iter().find(|name| notify.channel(name).is_none()) {
            let names = notify.channels.iter().map(|channel| channel.name.as_str());
            let help = crate::config::did_you_mean(unknown, names).map(|it| format!("; {it}")).unwrap_or_default();
            return Err(output::usage(global, format_args!("there is no channel `{unknown}` in tilgang.yaml{help}")));
        }
        if chosen.is_empty() {
            return Err(output::fail(global, "tilgang.yaml names no channel: add `notify:` with `channels:`"));
        }
        let ca_pem = global.ca_pem()?;
        let setting = channels::setting(notify, desired, None);
        let courier = channels::open(notify, setting, ca_pem.as_deref()).map_err(|why| output::fail(global, why))?;
        let (mut text, mut exit) = (String::new(), Exit::Converged);
        for channel in chosen {
            for to in self.addressees(channel) {
                let notice = Notice::test(&channel.name, to.as_deref(), environment::now());
                if self.dry_run {
                    let shown = courier.shown(&notice, &channel.target);
                    let _ = writeln!(text, "{}:\n{}\n", described(channel, to.as_deref()), visible::lines(&shown));
                    continue;
                }
                let answer = courier.send(&notice, environment::now()).await;
                let said = match &answer {
                    Answer::Taken => "sent".to_owned(),
                    Answer::Later { why, .. } => format!("could not be sent now: {why}"),
                    Answer::Refused { why } => format!("refused: {why}"),
                };
                if answer != Answer::Taken {
                    exit = Exit::Failed;
                }
                let _ = writeln!(text, "{}: {}", described(channel, to.as_deref()), visible::line(&said));
            }
            if self.addressees(channel).is_empty() {
                let _ = writeln!(text, "{}: goes to owners' contacts; name an address with `--to`", channel.name);
                exit = Exit::Failed;
            }
        }
        output::result(&text);
        Ok(exit)
    }

    /// Whom a test goes to.
    fn addressees(&self, channel: &Channel) -> Vec<Option<String>> {
        let Target::Email(mail) = &channel.target else { return vec![None] };
        if let Some(to) = &self.to {
            return vec![Some(to.clone())];
        }
        let addresses = mail.to.iter().filter_map(|to| match to {
            Addressee::Contact => None,
            Addressee::Address(address) => Some(Some(address.clone())),
        });
        addresses.collect()
    }
}

fn described(channel: &Channel, to: Option<&str>) -> String {
    let kind = channel.target.word();
    match to {
        Some(to) => format!("{} ({kind} to {to})", channel.name),
        None => format!("{} ({kind})", channel.name),
    }
}
