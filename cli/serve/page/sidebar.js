// The list of chats: found by words, opened, renamed, exported, deleted.
import { el, iconButton, byId } from "./dom.js";
import { holding } from "./store.js";
import { language } from "./script.js";

let renaming = ""; // the id of the chat whose title is a field
let query = 0; // the number of the last search, since answers may come late

/** showChats shows the chats that the search field asks for. act has open, rename, save and remove. */
export async function showChats({ chats, current, busy, act }) {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = chats;
  if (words.length > 0) {
    const mine = ++query;
    const found = await holding(words);
    if (mine !== query) return;
    shown = chats.filter((chat) => found.has(chat.id) || words.every((word) => chat.title.toLowerCase().includes(word)));
  } else {
    query++;
  }
  const list = byId("chats");
  if (renaming && list.querySelector("input")) return; // what is typed there stays
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : "";
  list.replaceChildren(...shown.map((chat) => row(chat, chat.id === current, busy.has(chat.id), act)));
  if (focused) [...list.querySelectorAll("[data-key]")].find((e) => e.dataset.key === focused)?.focus();
  byId("no-chats").hidden = shown.length > 0;
  byId("no-chats").textContent = words.length > 0 ? "No chat has these words." : "No chats yet.";
}

function row(chat, current, busy, act) {
  const tool = (name, label, f) => {
    const button = iconButton(name, `${label}: ${chat.title}`, f);
    button.title = label;
    button.dataset.key = `${name} ${chat.id}`;
    return button;
  };
  const open = el("button", { type: "button", class: busy ? "open busy" : "open", dir: "auto", lang: language(chat.title) || undefined, textContent: chat.title, title: chat.title, onclick: () => act.open(chat.id) });
  open.dataset.key = `open ${chat.id}`;
  if (current) open.setAttribute("aria-current", "true");
  if (busy) open.setAttribute("aria-description", "An answer comes");
  const li = el("li", { class: current ? "current" : "" }, open,
    el("span", { class: "tools" },
      tool("edit", "Rename", () => rename(li, chat, act)),
      tool("download", "Export", () => act.save(chat)),
      tool("trash", "Delete", () => act.remove(chat))));
  return li;
}

function rename(li, chat, act) {
  renaming = chat.id;
  const field = el("input", { type: "text", value: chat.title, "aria-label": "Title", dir: "auto", maxLength: 200 });
  let over = false;
  const end = (title) => {
    if (over) return;
    over = true;
    renaming = "";
    field.remove();
    act.rename(chat, title.trim() || chat.title);
    byId("chats").querySelector(`[data-key="open ${chat.id}"]`)?.focus();
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter") end(field.value);
    if (event.key === "Escape") {
      event.stopPropagation();
      end(chat.title);
    }
  });
  field.addEventListener("blur", () => end(field.value));
  li.replaceChildren(field);
  field.select();
}
