// Keys that work everywhere on the page.
import { byId } from "./dom.js";
import { openSidebar } from "./drawer.js";

/** readyShortcuts has the keys call newChat, settings, again and stop. */
export function readyShortcuts({ newChat, settings, again, stop }) {
  const shortcuts = () => byId("shortcuts").showModal();
  byId("open-shortcuts").addEventListener("click", shortcuts);
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return event.target.type === "search" && event.target.value ? undefined : stop();
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    let work = null;
    if (event.shiftKey && key === "o") work = newChat;
    else if (event.shiftKey && key === "enter") work = again;
    else if (!event.shiftKey && key === "k") work = search;
    else if (!event.shiftKey && key === ",") work = settings;
    else if (key === "/") work = shortcuts;
    if (!work) return;
    event.preventDefault();
    work();
  });
}

function search() {
  openSidebar();
  byId("search").focus();
  byId("search").select();
}
