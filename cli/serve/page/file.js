// Chats as files, which sealvk chat reads too: docs/manual.md has the form.
import { path, newID, titleOf } from "./conversation.js";

const one = "sealvk-chat";
const many = "sealvk-chats";
const version = 1;

/** settings are the options of sampling that a chat may set, with their bounds: those of the server. */
export const bounds = {
  temperature: { least: 0, most: 100 },
  top_p: { least: 0, most: 1 },
  top_k: { least: -1, most: 2147483647, whole: true },
  min_p: { least: 0, most: 1 },
  max_tokens: { least: 1, most: 2147483647, whole: true },
  seed: { least: -Number.MAX_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER, whole: true },
};

const about = ["model", "finish_reason", "usage", "timing", "edited", "left_out"]; // what a turn may say beside its text

/** exported is a chat as an object of the file. */
export function exported(chat, turns) {
  const shown = path(turns, chat.leaf);
  const others = [...turns.values()].filter((other) => !shown.includes(other));
  const written = (turn) => ({
    role: turn.role, content: turn.content, created: new Date(turn.created).toISOString(),
    ...Object.fromEntries(about.filter((name) => turn[name] !== undefined && turn[name] !== "").map((name) => [name, turn[name]])),
    ...(others.length > 0 ? { id: turn.id, parent: turn.parent } : {}),
  });
  return {
    format: one, version, title: chat.title, model: chat.model ?? "", created: new Date(chat.created).toISOString(), settings: chat.settings,
    messages: [...(chat.system ? [{ role: "system", content: chat.system }] : []), ...shown.map(written)],
    ...(others.length > 0 ? { branches: others.map(written) } : {}),
  };
}

/** fileOf is the text of a file of one chat or of several: pairs of a chat and its turns. */
export function fileOf(pairs, all) {
  const chats = pairs.map(([chat, turns]) => exported(chat, turns));
  return `${JSON.stringify(all ? { format: many, version, chats } : chats[0], null, 2)}\n`;
}

/** read gives pairs of a chat and its list of turns, all with new ids. An error says where in the file what is wrong. */
export function read(text) {
  let file;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`It is no JSON: ${error.message}.`);
  }
  object(file, "the file");
  if (file.format === one) return [chatOf(file, "")];
  if (file.format !== many) throw new Error(`format is ${shown(file.format)}; sealvk writes "${one}" and "${many}".`);
  checkVersion(file, "");
  return list(file.chats, "chats").map((chat, i) => {
    object(chat, `chats[${i}]`);
    if (chat.format !== one) throw new Error(`chats[${i}].format is ${shown(chat.format)}, not "${one}".`);
    return chatOf(chat, `chats[${i}].`);
  });
}

function chatOf(file, at) {
  checkVersion(file, at);
  const id = newID();
  const chat = {
    id, title: "", model: string(file.model ?? "", `${at}model`), system: "", settings: settingsOf(file.settings ?? {}, `${at}settings`),
    created: time(file.created, `${at}created`), updated: Date.now(), leaf: null,
  };
  const turns = [];
  const ids = new Map(); // in the file → here
  const add = (message, where, parent) => {
    const turn = turnOf(message, where, id, chat.created + turns.length);
    if (message.id !== undefined) {
      if (ids.has(string(message.id, `${where}.id`))) throw new Error(`${where}.id is another message's too.`);
      ids.set(message.id, turn.id);
    }
    turns.push({ ...turn, parent });
    return turn.id;
  };
  list(file.messages, `${at}messages`).forEach((message, i) => {
    const where = `${at}messages[${i}]`;
    object(message, where);
    if (message.role === "system") {
      if (i > 0) throw new Error(`${where}.role is system, which only the first message can be.`);
      chat.system = string(message.content, `${where}.content`);
    } else {
      chat.leaf = add(message, where, chat.leaf);
    }
  });
  const branches = list(file.branches ?? [], `${at}branches`);
  const from = turns.length;
  branches.forEach((message, i) => {
    object(message, `${at}branches[${i}]`);
    if (message.id === undefined) throw new Error(`${at}branches[${i}].id is missing.`);
    add(message, `${at}branches[${i}]`, null);
  });
  branches.forEach((message, i) => {
    if (message.parent === null) return;
    const parent = ids.get(string(message.parent, `${at}branches[${i}].parent`));
    if (!parent) throw new Error(`${at}branches[${i}].parent is the id of no message.`);
    turns[from + i].parent = parent;
  });
  // Branches may name each other, but not in a circle: every one must lead to a first turn.
  const byID = new Map(turns.map((turn) => [turn.id, turn]));
  branches.forEach((message, i) => {
    let at_ = turns[from + i];
    for (let steps = 0; at_; at_ = byID.get(at_.parent)) {
      if (steps++ > turns.length) throw new Error(`${at}branches[${i}].parent leads in a circle.`);
    }
  });
  const first = turns.find((turn) => turn.role === "user");
  chat.title = file.title === undefined ? titleOf(first?.content ?? "") : titleOf(string(file.title, `${at}title`));
  return [chat, turns];
}

function turnOf(message, at, chat, fallback) {
  if (message.role !== "user" && message.role !== "assistant") {
    throw new Error(`${at}.role is ${shown(message.role)}: it must be user or assistant, and system in the first message.`);
  }
  const turn = { chat, id: newID(), role: message.role, content: string(message.content, `${at}.content`), created: fallback };
  if (message.created !== undefined) turn.created = time(message.created, `${at}.created`);
  for (const name of ["model", "finish_reason"]) {
    if (message[name] !== undefined) turn[name] = string(message[name], `${at}.${name}`);
  }
  if (message.edited === true) turn.edited = true;
  if (message.left_out !== undefined) Object.assign(turn, counts(message, at, ["left_out"]));
  if (message.usage !== undefined) turn.usage = counts(message.usage, `${at}.usage`, ["prompt_tokens", "completion_tokens"]);
  if (message.timing !== undefined) turn.timing = counts(message.timing, `${at}.timing`, ["first_ms", "total_ms"]);
  return turn;
}

function settingsOf(value, at) {
  object(value, at);
  const settings = {};
  for (const [name, bound] of Object.entries(bounds)) {
    if (value[name] === undefined || value[name] === null) continue;
    const problem = outside(value[name], bound);
    if (problem) throw new Error(`${at}.${name} ${problem}.`);
    settings[name] = value[name];
  }
  // What is done where the context is full: an answer is refused, or the oldest messages are left out.
  if (value.overflow !== undefined && value.overflow !== "stop" && value.overflow !== "shift") {
    throw new Error(`${at}.overflow is ${shown(value.overflow)}, not "stop" or "shift".`);
  }
  if (value.overflow === "shift") settings.overflow = "shift";
  return settings;
}

/** outside is why a number is none within bounds, or "". */
export function outside(number, { least, most, whole }) {
  if (typeof number !== "number" || !Number.isFinite(number)) return `is ${shown(number)}, not a number`;
  if (whole && !Number.isInteger(number)) return `is ${number}, not a whole number`;
  if (number < least || number > most) return `is ${number}: it must be ${most >= 2147483647 ? `at least ${least}` : `from ${least} to ${most}`}`;
  return "";
}

function checkVersion(file, at) {
  if (!Number.isInteger(file.version) || file.version < 1) throw new Error(`${at}version is ${shown(file.version)}, not a whole number from 1.`);
  if (file.version > version) throw new Error(`${at}version is ${file.version}: a newer sealvk wrote it; this page reads version ${version}.`);
}

function counts(value, at, names) {
  object(value, at);
  return Object.fromEntries(names.filter((name) => value[name] !== undefined).map((name) => {
    const problem = outside(value[name], { least: 0, most: 2147483647 });
    if (problem) throw new Error(`${at}.${name} ${problem}.`);
    return [name, value[name]];
  }));
}

function time(value, at) {
  if (value === undefined) return Date.now();
  const ms = typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) throw new Error(`${at} is ${shown(value)}, not a time like "2026-01-31T12:00:00Z".`);
  return ms;
}

function object(value, at) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${at} is ${shown(value)}, not an object.`);
}

function list(value, at) {
  if (!Array.isArray(value)) throw new Error(`${at} is ${shown(value)}, not a list.`);
  return value;
}

function string(value, at) {
  if (typeof value !== "string") throw new Error(`${at} is ${shown(value)}, not a text.`);
  return value;
}

function shown(value) {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
