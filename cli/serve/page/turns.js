// The turns of the chat that is shown. An article is made once a turn; what changes is the line below it.
import { el, icon, iconButton, copied, byId } from "./dom.js";
import { markdown } from "./markdown.js";
import { language } from "./script.js";
import { versions, path } from "./conversation.js";
import { figures } from "./words.js";

const articles = new Map(); // of the chat that is shown, by the turn's id

/** forgetTurns is for another chat, whose turns are others. */
export const forgetTurns = () => articles.clear();

/**
 * showTurns shows the path to leaf. answer is the one that comes there, or null; act has copy, again, edit, version and
 * say, which the buttons call.
 */
export function showTurns({ turns, leaf, answer, served, act }) {
  const list = path(turns, leaf);
  const box = byId("turns");
  list.forEach((turn, i) => {
    if (!articles.has(turn.id)) articles.set(turn.id, articleOf(turn, answer));
    const article = articles.get(turn.id);
    if (box.children[i] !== article) box.insertBefore(article, box.children[i] ?? null);
    footOf(article, turn, { turns, last: i === list.length - 1, answer, served, act });
  });
  while (box.children.length > list.length) box.lastChild.remove();
}

function articleOf(turn, answer) {
  const own = turn.role === "user";
  let body;
  if (own) body = el("div", { class: "body", dir: "auto", lang: language(turn.content) || undefined, textContent: turn.content });
  else if (answer?.turn === turn) body = el("div", { class: "body", dir: "auto" }, answer.box);
  else body = el("div", { class: "body", dir: "auto" }, el("div", { class: "prose" }, ...markdown(turn.content)));
  return el("article", { class: `turn ${turn.role}` },
    el("h2", { class: "hidden-text", textContent: own ? "You" : "Answer" }), body, el("div", { class: "foot" }));
}

function footOf(article, turn, { turns, last, answer, served, act }) {
  const coming = answer?.turn === turn;
  article.classList.toggle("last", last);
  article.toggleAttribute("aria-busy", coming);
  const all = versions(turns, turn);
  const at = all.indexOf(turn);
  const busy = answer !== null;
  const says = JSON.stringify([coming && answer.waiting, coming, busy, at, all.length, figures(turn, served)]);
  if (article.dataset.foot === says) return;
  article.dataset.foot = says;
  const foot = article.lastChild;
  const had = foot.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : "";
  const parts = [];
  if (coming && answer.waiting) parts.push(el("span", { class: "waiting", textContent: answer.waiting }));
  if (!coming) {
    if (turn.role === "assistant") parts.push(el("span", { class: "figures", textContent: figures(turn, served) }));
    if (all.length > 1) {
      parts.push(
        iconButton("left", "Earlier version", () => act.version(all[at - 1]), { disabled: at === 0 || busy }),
        el("span", { class: "of", textContent: `${at + 1}/${all.length}`, "aria-label": `Version ${at + 1} of ${all.length}`, role: "img" }),
        iconButton("right", "Later version", () => act.version(all[at + 1]), { disabled: at === all.length - 1 || busy }));
    }
    const copy = iconButton("copy", "Copy", () => copied(copy, turn.content, act.say));
    parts.push(copy, iconButton("edit", turn.role === "user" ? "Edit and ask again" : "Edit the answer", () => act.edit(turn, article), { disabled: busy }));
    if (turn.role === "assistant") parts.push(iconButton("again", "Answer again", () => act.again(turn), { disabled: busy }));
  }
  foot.replaceChildren(...parts);
  if (had) [...foot.querySelectorAll("button:enabled")].find((b) => b.getAttribute("aria-label") === had)?.focus();
}

/** editTurn puts a field in place of a turn's text; save gets the new text, unless it is given up. */
export function editTurn(turn, article, save) {
  const body = article.querySelector(".body");
  if (body.classList.contains("editing")) return;
  const shown = [...body.childNodes];
  const field = el("textarea", { value: turn.content, dir: "auto", lang: language(turn.content) || undefined, "aria-label": turn.role === "user" ? "Your message" : "The answer", rows: 3 });
  const close = () => {
    body.classList.remove("editing");
    body.replaceChildren(...shown);
    article.querySelector('.foot button[aria-label^="Edit"]')?.focus();
  };
  const done = () => {
    if (!field.value.trim()) return field.focus();
    close();
    if (field.value !== turn.content || turn.role === "user") save(field.value);
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Enter" && !event.shiftKey && turn.role === "user") {
      event.preventDefault();
      done();
    }
  });
  body.classList.add("editing");
  body.replaceChildren(field, el("div", { class: "row" },
    el("button", { type: "button", class: "button", textContent: "Cancel", onclick: close }),
    el("button", { type: "button", class: "button primary", textContent: turn.role === "user" ? "Send" : "Save", onclick: done })));
  field.style.height = `${Math.min(field.scrollHeight + 4, innerHeight * 0.6)}px`;
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

/** showProblem shows what went wrong, with a button that tries again, and one that does without the oldest messages where that helps; null shows none. */
export function showProblem(said, again, shift) {
  if (said && byId("problem").textContent.startsWith(said.text + said.remedy)) return; // it would be read aloud again
  byId("problem").replaceChildren(...(said === null ? [] : [
    el("div", {}, el("p", { textContent: said.text }), el("p", { class: "remedy", textContent: said.remedy })),
    said.shift ? el("button", { type: "button", class: "button", textContent: "Leave out the oldest", onclick: shift }) : null,
    el("button", { type: "button", class: "button", onclick: again }, icon("again"), "Try again"),
  ].filter((part) => part !== null)));
}
