//! `tilgang man`: a manual page for each command, made from the same words as `--help`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, Command, CommandFactory};
use clap_mangen::{
    Man as Page,
    roff::{Roff, bold, roman},
};

use super::{Cli, Exit, Global, exit, output};

/// Write the manual pages into a folder, one for each command
#[derive(Debug, Args)]
#[command(after_help = "Example: tilgang man man1

To read one of them: man -l man1/tilgang-plan.1")]
pub(super) struct Man {
    /// Where to write them, such as /usr/local/share/man/man1; made where it is missing
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(&self, global: &Global) -> Exit {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let written = fs::create_dir_all(&self.folder).and_then(|()| write(&command, None, &self.folder));
        match written {
            Ok(()) => Exit::Converged,
            Err(error) => output::fail(global, format_args!("{}: {error}", self.folder.display())),
        }
    }
}

/// `tilgang-ledger-show`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn write(command: &Command, above: Option<&Command>, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write(below, Some(command), folder)?;
    }
    let file = folder.join(format!("{}.1", name(command)));
    fs::write(&file, page(command, above)?)?;
    output::result(&format!("{}\n", file.display()));
    Ok(())
}

fn page(command: &Command, above: Option<&Command>) -> io::Result<Vec<u8>> {
    let page = Page::new(command.clone()).title(name(command).to_uppercase()).source(super::TOOL).manual("tilgang");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let mut rest = Roff::new();
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let help = help.split("\n\nExit codes:").next().unwrap_or_default();
    if !help.is_empty() {
        rest.control("SH", ["EXAMPLES AND NOTES"]);
        rest.control("nf", []); // lines as they are
        for line in help.lines() {
            rest.text([roman(line)]);
        }
        rest.control("fi", []);
    }
    rest.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in exit::MEANINGS {
        rest.control("TP", []);
        rest.text([bold(*code)]);
        rest.text([roman(*meaning)]);
    }
    rest.control("PP", []);
    rest.text([roman(exit::PRECEDENCE)]);
    let mut others: Vec<String> = above.into_iter().map(|above| format!("{}(1)", name(above))).collect();
    others.extend(
        command.get_subcommands().filter(|below| !below.is_hide_set()).map(|below| format!("{}(1)", name(below))),
    );
    if !others.is_empty() {
        rest.control("SH", ["SEE ALSO"]);
        rest.text([roman(others.join(", "))]);
    }
    rest.to_writer(&mut text)?;
    Ok(text)
}
