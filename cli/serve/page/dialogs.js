// Dialogs, notices, and what is said to screen readers alone.
import { el, byId } from "./dom.js";

/** confirmed asks a question, and is whether the answer was yes. */
export function confirmed(title, text, yes = "Delete") {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  return new Promise((resolve) => {
    byId("confirm-yes").onclick = () => dialog.close("yes");
    byId("confirm-no").onclick = () => dialog.close("no");
    dialog.onclose = () => resolve(dialog.returnValue === "yes");
    dialog.returnValue = "";
    dialog.showModal();
    byId("confirm-no").focus();
  });
}

/** notice shows a line above the conversation until it is closed. */
export function notice(text, bad = false) {
  byId("notice").hidden = false;
  byId("notice").classList.toggle("bad", bad);
  byId("notice-text").textContent = text;
}

/** say has a screen reader say a line. */
export function say(text) {
  byId("status").textContent = "";
  requestAnimationFrame(() => (byId("status").textContent = text));
}

/** read has a screen reader read a part of the answer, when it has read those before. */
export function read(element) {
  const log = byId("log");
  log.append(el("p", { lang: element.lang || undefined, textContent: element.classList.contains("code") ? `Code: ${element.querySelector("code").textContent}` : element.textContent }));
  while (log.children.length > 20) log.firstChild.remove();
}

/** readyDialogs gives the buttons that close something their work. */
export function readyDialogs() {
  for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
  byId("close-notice").addEventListener("click", () => (byId("notice").hidden = true));
  document.addEventListener("say", (event) => say(event.detail));
}
