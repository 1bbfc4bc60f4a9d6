// The page: which chat is shown, what is asked, what is kept. The other modules know one thing each.
import * as store from "./store.js";
import { models as askModels, health, Refused } from "./server.js";
import { turn as newTurn, newID, path, leafOf, titleOf } from "./conversation.js";
import { Answer } from "./answers.js";
import { showTurns, forgetTurns, editTurn, showProblem } from "./turns.js";
import { showChats } from "./sidebar.js";
import { openSettings, readySettings, defaults } from "./settings.js";
import { readyComposer, setAnswering } from "./composer.js";
import { confirmed, notice, say, read, readyDialogs } from "./dialogs.js";
import { readyScroller, follow, toEnd } from "./scroll.js";
import { readySidebar, closeSidebar } from "./drawer.js";
import { readyShortcuts } from "./shortcuts.js";
import { readyFiles, saveChat } from "./files.js";
import { explained, figures, filled } from "./words.js";
import { byId } from "./dom.js";

const again = 3000; // ms between questions after a server that is not there

let chats = []; // all that are kept, the newest first
let chat = blankChat(); // the one that is shown, which is kept from its first message on
let turns = new Map(); // its turns, by id
let served = []; // the server's models
let chosen = ""; // the id of that which is asked
const answers = new Map(); // those that come, by the chat's id
const problems = new Map(); // why the last ones did not, by the chat's id

function blankChat() {
  return { id: newID(), title: "New chat", created: Date.now(), updated: 0, model: "", leaf: null, ...defaults() };
}

/** show draws everything that depends on the chats and their turns. */
function show() {
  const answer = answers.get(chat.id) ?? null;
  byId("title").textContent = chat.title;
  document.title = chat.leaf ? `${chat.title} – sealvk` : "sealvk";
  byId("welcome").hidden = turns.size > 0;
  showTurns({ turns, leaf: chat.leaf, answer, served: chosen, act: { again: answerAgain, edit, version, say } });
  const leaf = turns.get(chat.leaf);
  const problem = answer ? null : problems.get(chat.id) ?? (leaf?.role === "user" ? unanswered : null);
  showProblem(problem && explained(problem), tryAgain, shift);
  setAnswering(answer !== null);
  showContext();
  follow();
}

const unanswered = new Refused("This message has no answer yet.", { code: "unanswered" });

function list() {
  const act = { open: (id) => (location.hash = id), rename, save: saveChat, remove };
  return showChats({ chats, current: chat.id, busy: answers, act });
}

function showContext() {
  const last = path(turns, chat.leaf).findLast((turn) => turn.usage);
  const all = served.find(({ id }) => id === chosen)?.context ?? 0;
  const used = last ? last.usage.prompt_tokens + last.usage.completion_tokens : 0;
  byId("context").textContent = used ? filled(used, all) : "";
  byId("context").classList.toggle("full", all > 0 && used > all * 0.9);
}

// What is kept

async function keep(some = []) {
  await keepOf(chat, some);
}

async function keepOf(which, some) {
  try {
    await store.keep(which, some);
  } catch (error) {
    notice(`The browser did not keep this chat: ${error?.message ?? error}. Export it, or delete others.`, true);
  }
}

/** refresh reads the list of chats again. Those that are in use here are newer than what is kept of them. */
async function refresh() {
  chats = (await store.chats()).map((one) => (one.id === chat.id ? chat : (answers.get(one.id)?.chat ?? one)));
  await list();
}

let opening = 0; // counts: the chat that was asked for last is shown, whichever was read first

/** open shows the chat of an id, or a new one. */
async function open(id) {
  const mine = ++opening;
  const found = chats.find((one) => one.id === id);
  const loaded = found && !answers.has(id) ? await store.turns(id) : new Map();
  if (mine !== opening) return;
  const answer = answers.get(id);
  chat = answer?.chat ?? found ?? blankChat();
  turns = answer?.turns ?? loaded;
  // The page may have been closed between a message and the first text of its answer.
  if (!turns.has(chat.leaf)) chat.leaf = leafOf(turns, null);
  if (served.some((model) => model.id === chat.model)) chosen = chat.model;
  forgetTurns();
  byId("turns").replaceChildren();
  show();
  toEnd();
  await list();
}

function newChat() {
  closeSidebar();
  byId("prompt").focus();
  if (location.hash.length > 1) location.hash = "";
  else open("");
}

// What is asked

async function send(text) {
  if (chat.leaf === null) chat.title = titleOf(text);
  const parent = turns.get(chat.leaf)?.role === "user" ? turns.get(chat.leaf).parent : chat.leaf;
  await ask(text, parent);
}

/** ask adds a message behind a turn, and has it answered. */
async function ask(text, parent) {
  const mine = newTurn(chat.id, parent, "user", text);
  turns.set(mine.id, mine);
  chat.leaf = mine.id;
  chat.updated = Date.now();
  const kept = keep([mine]);
  answerTo(mine);
  await kept;
  if (location.hash !== `#${chat.id}`) history.replaceState(null, "", `#${chat.id}`);
  await refresh();
}

/** answerTo has a message of this chat answered. */
function answerTo(mine) {
  const of = chat;
  const all = turns;
  const coming = newTurn(of.id, mine.id, "assistant", "", { model: chosen });
  problems.delete(of.id);
  const shown = () => chat.id === of.id;
  const answer = new Answer(coming, {
    drawn: (element) => shown() && (read(element), follow()),
    changed: () => {
      const spoken = answer.waiting.replace(/\d+ s/, "a while"); // and not every second
      if (shown() && spoken && spoken !== answer.spoken) say(spoken);
      answer.spoken = spoken;
      if (shown()) show();
    },
    keep: () => {
      keepOf(of, [coming]);
      if (shown()) follow();
    },
    ended: () => ended(answer),
  });
  Object.assign(answer, { chat: of, turns: all });
  answers.set(of.id, answer);
  all.set(coming.id, coming);
  of.leaf = coming.id;
  of.model = chosen;
  show();
  toEnd();
  list();
  say("The answer is being written");
  answer.run(of, path(all, mine.id), chosen);
}

function ended(answer) {
  const { turn, chat: of, problem } = answer;
  if (answers.get(of.id) !== answer) return; // its chat was deleted
  answers.delete(of.id);
  if (problem) problems.set(of.id, problem);
  if (turn.content === "" && (problem || answer.stopped)) {
    answer.turns.delete(turn.id);
    of.leaf = turn.parent;
    keepOf(of, []);
  } else {
    keepOf(of, [turn]);
  }
  if (chat.id === of.id) {
    show();
    say(problem ? "" : `The answer is complete: ${figures(turn, chosen)}`);
  }
  list();
  if (problem?.status === 401) settings("The server asks for an API key.");
  if (problem?.status === 0 || problem?.code === "connection_lost") connect();
}

function answerAgain(turn) {
  chat.leaf = turn.parent;
  answerTo(turns.get(turn.parent));
}

function tryAgain() {
  const leaf = turns.get(chat.leaf);
  byId("prompt").focus();
  answerTo(leaf.role === "user" ? leaf : turns.get(leaf.parent));
}

/** shift leaves out the oldest messages, from now on, where the context does not hold them all. */
function shift() {
  chat.settings = { ...chat.settings, overflow: "shift" };
  tryAgain();
}

function edit(turn, article) {
  editTurn(turn, article, (text) => {
    if (turn.role === "user") {
      byId("prompt").focus();
      return ask(text, turn.parent);
    }
    const mine = newTurn(chat.id, turn.parent, "assistant", text, { model: turn.model, edited: true });
    turns.set(mine.id, mine);
    chat.leaf = mine.id;
    keep([mine]);
    show();
  });
}

function editLast() {
  const last = path(turns, chat.leaf).findLast((turn) => turn.role === "user");
  const at = last ? path(turns, chat.leaf).indexOf(last) : -1;
  if (at >= 0 && !answers.has(chat.id)) edit(last, byId("turns").children[at]);
}

function version(turn) {
  chat.leaf = leafOf(turns, turn.id);
  problems.delete(chat.id);
  keep();
  show();
}

function stop() {
  answers.get(chat.id)?.stop();
}

// The list's work

async function rename(one, title) {
  if (title !== one.title) {
    const target = one.id === chat.id ? chat : one;
    target.title = title;
    await keepOf(target, []);
  }
  await refresh();
  byId("title").textContent = chat.title;
}

async function remove(one) {
  if (!(await confirmed("Delete this chat?", `“${one.title}” is gone then. An export keeps a copy.`))) return;
  answers.get(one.id)?.stop();
  answers.delete(one.id);
  await store.forget(one.id);
  chats = chats.filter((other) => other.id !== one.id);
  if (one.id === chat.id) newChat();
  await refresh();
  byId("new-chat").focus();
}

async function removeAll() {
  byId("settings").close();
  if (!(await confirmed("Delete all chats?", "Nothing of them stays in this browser. An export keeps a copy.", "Delete all"))) return;
  for (const answer of answers.values()) answer.stop();
  answers.clear();
  for (const one of await store.chats()) await store.forget(one.id);
  chats = [];
  newChat();
  await refresh();
}

// The server

function settings(asked = "") {
  openSettings({
    chat, models: served, model: chosen, asked,
    done: ({ system, settings, model }) => {
      Object.assign(chat, { system, settings });
      if (model) chosen = model;
      if (chat.leaf) keep();
      connect();
      show();
      if (problems.get(chat.id)?.status === 401) tryAgain();
    },
  });
}

let connecting = 0; // counts, since questions after the server overlap

/** connect asks for the server's models, until it has some. */
async function connect() {
  const mine = ++connecting;
  const state = (text, kind) => {
    byId("model").textContent = text;
    byId("dot").className = kind;
  };
  for (;;) {
    let text;
    try {
      const reason = await health();
      if (reason === "") {
        served = await askModels();
        if (mine !== connecting) return;
        if (!served.some(({ id }) => id === chosen)) chosen = served[0]?.id ?? "";
        state(chosen || "no model", "ready");
        show();
        return;
      }
      text = reason;
    } catch (error) {
      text = error.message;
      if (mine === connecting && error.status === 401) {
        state("An API key is needed", "bad");
        if (!document.querySelector("dialog[open]")) settings("The server asks for an API key.");
        return;
      }
    }
    if (mine !== connecting) return;
    state(text, "bad");
    await new Promise((resolve) => setTimeout(resolve, again));
    if (mine !== connecting) return;
  }
}

// The beginning

readyDialogs();
readySettings();
readyComposer({ send, stop, up: editLast });
readyScroller();
readySidebar();
readyFiles({ refresh, notice });
readyShortcuts({
  newChat, settings: () => settings(), stop,
  again: () => {
    const leaf = turns.get(chat.leaf);
    if (leaf?.role === "assistant" && !answers.has(chat.id)) answerAgain(leaf);
  },
});
byId("new-chat").addEventListener("click", newChat);
byId("open-settings").addEventListener("click", () => settings());
byId("delete-all").addEventListener("click", removeAll);
byId("search").addEventListener("input", list);
addEventListener("hashchange", () => {
  closeSidebar();
  open(location.hash.slice(1));
});
store.changed(async (id) => {
  if (id === chat.id && !answers.has(id)) {
    chats = await store.chats();
    await open(id);
  } else {
    await refresh();
  }
});
connect();
chats = await store.chats();
await open(location.hash.slice(1));
byId("prompt").focus();
if (!(await store.keeps())) notice("This browser gives the page no storage: chats are gone when it is closed. Export those that you want to keep.", true);
document.documentElement.dataset.ready = "yes";
