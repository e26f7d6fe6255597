"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const tools = $("tools");
  if (!tools) return;
  const search = $("search"), changed = $("changed"), found = $("found"), none = $("none");
  const owners = [...document.querySelectorAll("section.owner")].map((section) => ({
    section,
    name: section.dataset.name,
    link: document.querySelector(`li[data-owner="${section.id}"]`),
    rows: [...section.querySelectorAll("tbody tr")].map(entry),
    lines: [...section.querySelectorAll("[data-entry]")].map(entry),
    tables: [...section.querySelectorAll("div.scroll")],
  }));
  const lists = [...document.querySelectorAll("section.problems")].map((section) => ({
    section,
    lines: [...section.querySelectorAll(":scope > ul > li")].map(entry),
  }));

  function entry(element) {
    return { element, text: element.textContent.toLowerCase(), changed: element.classList.contains("changed") };
  }

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const only = changed.checked;
    const people = new Set();
    let any = false;
    for (const owner of owners) {
      let here = false;
      // A word may stand in the owner's name, or beside the person.
      const says = (text) => words.every((word) => text.includes(word) || owner.name.includes(word));
      for (const row of owner.rows) {
        const show = says(row.text) && (!only || row.changed);
        row.element.hidden = !show;
        here ||= show;
        if (show) people.add(owner.section.id + " " + row.element.querySelector("th").textContent);
      }
      for (const line of owner.lines) {
        const show = says(line.text);
        line.element.hidden = !show;
        here ||= show;
      }
      for (const table of owner.tables) table.hidden = !table.querySelector("tbody tr:not([hidden])");
      if (!words.length && !only) here = true;
      owner.section.hidden = !here;
      if (owner.link) owner.link.hidden = !here;
      any ||= here;
    }
    for (const list of lists) {
      let here = false;
      for (const line of list.lines) {
        const show = words.every((word) => line.text.includes(word));
        line.element.hidden = !show;
        here ||= show;
      }
      list.section.hidden = !here;
      any ||= here;
    }
    if (none) none.hidden = any;
    found.textContent = words.length || only ? `${people.size} of ${found.dataset.all} people` : `${found.dataset.all} people`;
  }

  tools.hidden = false;
  tools.addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", apply);
  changed.addEventListener("change", apply);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName) && document.activeElement.type !== "checkbox";
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && document.activeElement === search && search.value) {
      event.preventDefault();
      search.value = "";
      apply();
    }
  });
  apply();
})();
