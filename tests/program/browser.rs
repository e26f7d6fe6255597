//! The page as people use it: in a real browser, where there is one.

use std::net::TcpListener;

use serde_json::json;

use crate::{
    chromium::Chromium,
    workspace::{Workspace, project},
};

/// Text whose contrast to what lies behind it is less than 4.5 to 1 (WCAG 2.2, 1.4.3), by its own formula.
pub(crate) const FAINT: &str = r#"(() => {
  const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
  const part = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length && (c.length < 4 || c[3] === 1)) return c; } return [255, 255, 255]; };
  const faint = [];
  let seen = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || /SCRIPT|STYLE/.test(e.tagName) || !e.checkVisibility() || e.closest(".hush")) continue;
    seen++;
    const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${walk.currentNode.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return { seen, faint };
})()"#;

/// Tables that a screen reader cannot tell, fields without a name, ids that stand twice.
pub(crate) const UNTOLD: &str = r#"(() => {
  const wrong = [];
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption?.textContent.trim()) wrong.push("a table without a caption");
    for (const th of table.querySelectorAll("th")) if (!th.scope || !th.textContent.trim()) wrong.push(`th ${th.textContent}`);
    for (const tr of table.tBodies[0].rows) if (tr.querySelectorAll("th[scope=row]").length !== 1) wrong.push("a row without a header");
    for (const td of table.querySelectorAll("td")) if (!td.textContent.trim()) wrong.push("an empty cell");
  }
  for (const input of document.querySelectorAll("input")) if (!input.labels.length) wrong.push(`input ${input.id}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids) if (ids.filter((other) => other === id).length > 1) wrong.push(`id ${id}`);
  if (document.querySelectorAll("h1").length !== 1) wrong.push("h1");
  return wrong;
})()"#;

const ROWS: &str = "[...document.querySelectorAll('tbody tr')].filter((e) => e.checkVisibility()).length";
const OWNERS: &str = "[...document.querySelectorAll('section.owner')].filter((e) => e.checkVisibility()).length";
const FOUND: &str = "document.getElementById('found').textContent";

/// The example, with a plan, drift, and what an apply came to, as pages.
fn pages() -> Workspace {
    let workspace = Workspace::copy_of(&project().join("examples/altinn"));
    for (command, page) in [("plan", "plan"), ("drift", "drift"), ("apply --yes", "apply")] {
        let (text, code) = workspace.shell(&format!("tilgang {command} --simulate --report html={page}.html"));
        assert!([0, 2].contains(&code), "{text}");
    }
    let (_, code) = workspace.shell("mkdir -p w/owners && echo 'version: 1' > w/tilgang.yaml && echo 'users: {' > w/owners/ttd.yaml; tilgang validate --dir w --report html=validate.html");
    assert_eq!(code, 1);
    workspace
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(mut browser) = Chromium::start() else { return };
    let workspace = pages();
    for name in ["plan", "drift", "apply", "validate"] {
        for scheme in ["light", "dark"] {
            browser.look(scheme, "screen", 1200);
            browser.open(&workspace.path().join(format!("{name}.html")));
            let contrast = browser.value(FAINT);
            assert!(contrast["seen"].as_u64().unwrap() > 5, "{contrast}");
            assert_eq!(contrast["faint"], json!([]), "{name} in {scheme}");
            assert_eq!(browser.value(UNTOLD), json!([]), "{name}");
            browser.look(scheme, "screen", 400);
            let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
            assert_eq!(browser.value(wide), 0, "{name} scrolls sideways");
        }
        let back = |browser: &mut Chromium| browser.value("getComputedStyle(document.body).backgroundColor");
        let dark = back(&mut browser);
        browser.look("light", "screen", 1200);
        assert_ne!(dark, back(&mut browser), "dark is not light");
        browser.look("dark", "print", 800);
        assert_eq!(back(&mut browser), "rgb(255, 255, 255)", "paper is white");
        assert_eq!(browser.value(FAINT)["faint"], json!([]), "{name} on paper");
        assert_eq!(
            browser.value("[...document.querySelectorAll('.tools, nav')].some((e) => e.checkVisibility())"),
            false
        );
        let pdf = browser.ask("Page.printToPDF", &json!({}));
        assert!(pdf["data"].as_str().unwrap().len() > 4_000);
    }
    searched(&mut browser, &workspace);
    plain(&mut browser, &workspace);
    let wrong = browser.happened(&["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"]);
    assert!(wrong.is_empty(), "{wrong:#?}");
    for request in browser.happened(&["Network.requestWillBeSent"]) {
        let url = request["params"]["request"]["url"].as_str().unwrap();
        assert!(url.starts_with(&format!("file://{}", workspace.path().display())), "{url}");
    }
    closed(&mut browser, &workspace);
}

/// With the keyboard alone: skip, search, clear; and only what changes.
fn searched(browser: &mut Chromium, workspace: &Workspace) {
    browser.look("light", "screen", 1200);
    browser.open(&workspace.path().join("plan.html"));
    let (rows, owners) = (browser.value(ROWS).as_u64().unwrap(), browser.value(OWNERS).as_u64().unwrap());
    let all = browser.value(FOUND);
    assert!(rows > 8 && owners > 3, "{rows} rows of {owners} owners");

    browser.press("Tab", 9);
    assert_eq!(browser.value("document.activeElement.className"), "skip");
    assert_eq!(
        browser.value("document.activeElement.getBoundingClientRect().left"),
        0,
        "it shows when it has the focus"
    );
    assert_ne!(browser.value("getComputedStyle(document.activeElement).outlineStyle"), "none");

    browser.press("/", 191);
    assert_eq!(browser.value("document.activeElement.id"), "search");
    browser.ask("Input.insertText", &json!({ "text": "SIRI ttd" }));
    assert_eq!(browser.value("document.getElementById('search').value"), "SIRI ttd", "the slash is no text");
    assert_eq!(browser.value(OWNERS), 1);
    assert_eq!(browser.value(ROWS), 2, "Siri in test and in prod");
    assert!(browser.value(FOUND).as_str().unwrap().starts_with("1 of "), "{}", browser.value(FOUND));
    assert_eq!(browser.value("document.getElementById('found').ariaLive"), "polite");

    browser.press("Escape", 27);
    assert_eq!((browser.value(ROWS), browser.value(FOUND)), (json!(rows), all.clone()));
    browser.ask("Input.insertText", &json!({ "text": "nobody of this name" }));
    assert_eq!(browser.value(OWNERS), 0);
    assert_eq!(browser.value("document.getElementById('none').checkVisibility()"), true);
    browser.press("Escape", 27);

    browser.value("document.getElementById('changed').click()");
    let changed = browser.value(ROWS).as_u64().unwrap();
    assert!(changed > 0 && changed < rows, "{changed} of {rows}");
    assert_eq!(browser.value("document.querySelectorAll('tbody tr.changed').length"), changed);
    browser.value("document.getElementById('changed').click()");
    assert_eq!(browser.value(FOUND), all);
}

/// Without JavaScript it is a page to read: everything stands there, and nothing that would not work.
fn plain(browser: &mut Chromium, workspace: &Workspace) {
    let rows = browser.value(ROWS);
    browser.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    browser.open(&workspace.path().join("plan.html"));
    assert_eq!(browser.value(ROWS), rows);
    assert_eq!(browser.value("document.getElementById('tools').checkVisibility()"), false);
    browser.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": false }));
}

/// Even script that got in could not get anything out.
fn closed(browser: &mut Chromium, workspace: &Workspace) {
    browser.open(&workspace.path().join("plan.html"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let there = format!("http://{}/x", listener.local_addr().unwrap());
    let tried = browser.value(&format!(
        "(async () => {{ new Image().src = '{there}'; const s = document.createElement('script'); s.textContent = 'window.in = 1'; document.body.append(s); return await fetch('{there}').then(() => 'out', () => 'stopped') + (window.in || ''); }})()"
    ));
    assert_eq!(tried, "stopped");
    assert!(listener.accept().is_err(), "a request left the page");
}
