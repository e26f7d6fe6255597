//! A time line of drift over days, drawn: one bar a day, stacked by class; and the same as a table.

use jiff::civil::Date;
use maud::{Markup, html};

use super::{Snapshot, days::Drawn, plural};
use crate::{model::owner::OwnerCode, plan::drift::Class};

/// A day's place on the drawing, in its own measure.
const DAY: usize = 10;
const BAR: usize = 8;
/// Its height, in its own measure.
const HIGH: usize = 1_000;

/// What differed on each day that is known: at all owners, or at one.
pub(super) fn timeline(snapshot: &Snapshot<'_>, owner: Option<OwnerCode>) -> Markup {
    let days = snapshot.days.drawn(snapshot.today(), owner);
    let most = days.iter().map(|(_, counts)| sum(counts.as_ref())).max().unwrap_or_default();
    let (top, step) = scale(most);
    let classes: Vec<Class> = Class::ALL
        .iter()
        .copied()
        .filter(|class| days.iter().any(|(_, counts)| counts.as_ref().is_some_and(|it| it.counts.contains_key(class))))
        .collect();
    let looked = days.iter().filter(|(_, counts)| counts.is_some()).count();
    let in_part = days.iter().filter(|(_, counts)| counts.as_ref().is_some_and(|it| it.is_in_part)).count();
    let wide = days.len() * DAY;
    let (first, last) = (days.first().map(|(day, _)| *day), days.last().map(|(day, _)| *day));
    let middle = days.get(days.len() / 2).map(|(day, _)| *day);
    html! {
        section.timeline aria-labelledby="timeline-name" {
            h2 id="timeline-name" { "Drift over days" }
            p.about { "The most there was in one check, on each day (UTC)." }
            div.plot {
                div.ticks aria-hidden="true" {
                    @for tick in (0..=top / step).rev() { span { (tick * step) } }
                }
                svg role="img" aria-labelledby="timeline-title timeline-desc" preserveAspectRatio="none" viewBox={ "0 0 " (wide) " " (HIGH) } {
                    title id="timeline-title" { "Differences between git and Azure on each day" }
                    desc id="timeline-desc" { (told(&days, most, looked)) }
                    @for tick in 0..=top / step {
                        line.grid.base[tick == 0] x1="0" x2=(wide) y1=(y(tick * step, top)) y2=(y(tick * step, top)) {}
                    }
                    @for (at, (day, counts)) in days.iter().enumerate() { (bar(at, *day, counts.as_ref(), &classes, top)) }
                }
                div.dates aria-hidden="true" {
                    @for day in [first, middle, last].into_iter().flatten() { span { (day.strftime("%-d %b")) } }
                }
            }
            ul.legend {
                @for class in &classes { li { span.swatch.{ "c-" (class.word()) } aria-hidden="true" {} (class.word()) } }
                @if looked < days.len() { li { span.swatch.unseen aria-hidden="true" {} "not checked" } }
                @if in_part > 0 { li { span.swatch.unseen aria-hidden="true" {} "not everything was read" } }
                @if classes.is_empty() && looked > in_part { li { "No differences seen." } }
            }
            (table(&days, &classes))
        }
    }
}

fn bar(at: usize, day: Date, counts: Option<&Drawn>, classes: &[Class], top: usize) -> Markup {
    let x = at * DAY + (DAY - BAR) / 2;
    let Some(counts) = counts else {
        return html! {
            g { title { (day) ": not checked" } rect.unseen x=(x) width=(BAR) y=(HIGH - 14) height="14" {} }
        };
    };
    let total = sum(Some(counts));
    // From the base up, the gravest lowest.
    let mut below = 0;
    let parts: Vec<(Class, usize, usize)> = classes
        .iter()
        .filter_map(|class| {
            let count = *counts.counts.get(class)?;
            below += count;
            Some((*class, below, count))
        })
        .collect();
    html! {
        g {
            title { (day) ": " (said(counts, total)) }
            rect.touch x=(at * DAY) width=(DAY) y="0" height=(HIGH) {}
            @for (class, upto, count) in parts {
                rect.{ "c-" (class.word()) } x=(x) width=(BAR) y=(y(upto, top)) height=(y(upto - count, top) - y(upto, top)) {}
            }
            @if total == 0 && counts.is_in_part { rect.unseen x=(x) width=(BAR) y=(HIGH - 14) height="14" {} }
            @if total == 0 && !counts.is_in_part { rect.calm x=(x) width=(BAR) y=(HIGH - 14) height="14" {} }
        }
    }
}

/// The same for whoever cannot see it: only days on which something was otherwise than the day before.
fn table(days: &[(Date, Option<Drawn>)], classes: &[Class]) -> Markup {
    html! {
        details {
            summary { "As a table" }
            div.scroll role="region" tabindex="0" aria-label="Drift over days, as a table" {
                table {
                    caption.hush { "Differences on each day, by class" }
                    thead { tr {
                        th scope="col" { "Day" }
                        th scope="col" { "All" }
                        @for class in classes { th scope="col" { (class.word()) } }
                    } }
                    tbody {
                        @for (day, counts) in days.iter().rev() {
                            @if let Some(counts) = counts {
                                tr {
                                    th scope="row" { (day) }
                                    td { (sum(Some(counts))) @if counts.is_in_part { " (not everything was read)" } }
                                    @for class in classes { td { (counts.counts.get(class).copied().unwrap_or_default()) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn told(days: &[(Date, Option<Drawn>)], most: usize, looked: usize) -> String {
    let now = days.last().map(|(_, counts)| sum(counts.as_ref())).unwrap_or_default();
    format!(
        "Over {} with {}: at most {most} on one day, {now} today.",
        plural(days.len(), "day", "days"),
        plural(looked, "day of checks", "days of checks")
    )
}

fn said(Drawn { counts, is_in_part }: &Drawn, total: usize) -> String {
    let in_part = if *is_in_part { "; not everything was read" } else { "" };
    if total == 0 {
        return format!("no differences seen{in_part}");
    }
    let parts: Vec<String> = counts.iter().map(|(class, count)| format!("{count} {}", class.word())).collect();
    format!("{} ({}){in_part}", plural(total, "difference", "differences"), parts.join(", "))
}

fn sum(day: Option<&Drawn>) -> usize {
    day.map(|day| day.counts.values().sum()).unwrap_or_default()
}

/// A round number at or above the most, and the step between lines: four lines at most.
pub(super) fn scale(most: usize) -> (usize, usize) {
    let mut step = 1;
    for factor in [2, 5, 10].into_iter().cycle().take(60) {
        if step * 4 >= most {
            break;
        }
        step = match factor {
            5 => step / 2 * 5,
            _ => step * 2,
        };
    }
    (most.div_ceil(step).max(1) * step, step)
}

fn y(count: usize, top: usize) -> usize {
    HIGH - HIGH * count / top.max(1)
}
