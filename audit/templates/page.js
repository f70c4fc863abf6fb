"use strict";
// Search, filter by verdict, keys, and the edges of the graph; without it the page is all there.
const field = document.getElementById("search"), status = document.getElementById("found");
const parts = [...document.querySelectorAll("[data-part]")];
const texts = new Map(parts.map(part => [part, [part.dataset.part, part.textContent,
  ...[...part.querySelectorAll("math")].map(math => math.getAttribute("alttext"))].join(" ").toLowerCase()]));
const chosen = () => document.querySelector("[data-verdict-filter][aria-pressed=true]").dataset.verdictFilter;

function filter() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean), verdict = chosen();
  let statements = 0, names = 0;
  for (const part of parts) {
    const shown = words.every(word => texts.get(part).includes(word)) && (!verdict || part.dataset.verdict === verdict);
    part.hidden = !shown;
    if (shown && part.matches("article")) statements++;
    if (shown && part.matches("li")) names++;
  }
  for (const group of document.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("[data-part]:not([hidden])");
  }
  for (const node of document.querySelectorAll("a.node")) {
    node.classList.toggle("dim", document.getElementById(node.dataset.id).hidden);
  }
  status.textContent = words.length || verdict ? `${statements} statements, ${names} names` : "";
}

function clear() {
  field.value = "";
  choose("");
}

function choose(verdict) {
  for (const button of document.querySelectorAll("[data-verdict-filter]")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdictFilter === verdict));
  }
  filter();
}

function step(by) {
  const shown = [...document.querySelectorAll("article.statement:not([hidden])")];
  if (!shown.length) return;
  const current = shown.indexOf(document.activeElement.closest("article") || document.querySelector("article:target"));
  const next = shown[Math.min(Math.max(current + by, 0), shown.length - 1)];
  next.querySelector("h3 a").focus({preventScroll: true});
  next.scrollIntoView();
}

field.addEventListener("input", filter);
field.addEventListener("keydown", event => { if (event.key === "Enter") { event.preventDefault(); step(1); } });
for (const button of document.querySelectorAll("[data-verdict-filter]")) {
  button.addEventListener("click", () => choose(button.dataset.verdictFilter));
}
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { clear(); field.blur(); return; }
  if (event.target.matches("input")) return;
  if (event.key === "/") { event.preventDefault(); field.focus(); }
  if (event.key === "n") step(1);
  if (event.key === "p") step(-1);
});
// A link to what the search hides shows it again.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.closest("[hidden]")) { clear(); target.scrollIntoView(); }
  for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
}
addEventListener("hashchange", reveal);
reveal();
addEventListener("beforeprint", () => { for (const box of document.querySelectorAll("details")) box.open = true; });
for (const box of document.querySelectorAll(".snippet")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy the program");
  button.addEventListener("click", async () => {
    const code = box.querySelector("code");
    try { await navigator.clipboard.writeText(code.textContent); button.textContent = "Copied"; } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
  });
  box.append(button);
}
for (const node of document.querySelectorAll("a.node")) {
  const mark = on => {
    for (const edge of document.querySelectorAll(`[data-from="${node.dataset.id}"], [data-to="${node.dataset.id}"]`)) {
      edge.classList.toggle("on", on);
    }
  };
  for (const [event, on] of [["mouseenter", true], ["focus", true], ["mouseleave", false], ["blur", false]]) {
    node.addEventListener(event, () => mark(on));
  }
}
