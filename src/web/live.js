"use strict";
(() => {
  const $ = (id) => document.getElementById(id);

  // Search in what is on the page.
  const tools = $("tools"), search = $("search"), found = $("found");
  if (tools) {
    const entries = [...document.querySelectorAll("[data-entry]")].map((element) => ({ element, text: element.textContent.toLowerCase() }));
    const apply = () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const { element, text } of entries) {
        const show = words.every((word) => text.includes(word));
        element.hidden = !show;
        count += show;
      }
      found.textContent = words.length ? `${count} of ${entries.length} lines` : "";
    };
    if (!tools.hasAttribute("action")) {
      tools.hidden = entries.length < 4;
      tools.addEventListener("submit", (event) => event.preventDefault());
    }
    search.addEventListener("input", apply);
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
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
  }

  // News while the page is open.
  const live = $("live");
  if (!live || !window.EventSource) return;
  const shown = { run: Number(live.dataset.run), words: live.dataset.words };
  let last = "";
  const tell = (kind, words, link) => {
    const now = kind + words;
    if (now === last) return;
    last = now;
    live.replaceChildren();
    live.className = `live ${kind}`;
    if (kind === "on") {
      const pulse = document.createElement("span");
      pulse.className = "pulse";
      pulse.ariaHidden = "true";
      live.append(pulse);
    }
    live.append(words);
    if (link) {
      const way = document.createElement("a");
      way.href = location.pathname + location.search;
      way.textContent = link;
      live.append(" ", way);
    }
  };
  const source = new EventSource("/live");
  source.addEventListener("state", (event) => {
    const now = JSON.parse(event.data);
    if (now.running !== null) tell("on", "a run is on");
    else if (now.words !== shown.words) tell("new", `${now.words}.`, "Show it");
    else if (now.run !== shown.run) tell("new", "Looked again: the same.", "Show it");
    else tell("", "live");
  });
  source.addEventListener("end", () => { source.close(); tell("off", "tilgang ends"); });
  source.addEventListener("error", () => tell("off", "not connected"));
  window.addEventListener("pagehide", () => source.close());
})();
