// Chats in the browser's IndexedDB: a record a chat and a record a turn, so that a growing answer writes itself alone
// and two tabs overwrite nothing of each other's. Where the browser gives no database, they stay in memory.

const channel = new BroadcastChannel("sealvk-chats");
let database = null; // a promise of it, or of null
const memory = { chats: new Map(), turns: new Map() };

function open() {
  database ??= new Promise((resolve) => {
    let request;
    try {
      request = indexedDB.open("sealvk", 1);
    } catch {
      return resolve(null);
    }
    request.onupgradeneeded = () => {
      request.result.createObjectStore("chats", { keyPath: "id" });
      request.result.createObjectStore("turns", { keyPath: ["chat", "id"] });
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close(); // a newer page in another tab
      resolve(request.result);
    };
    request.onerror = request.onblocked = () => resolve(null);
  });
  return database;
}

/** keeps is whether chats outlive the page. */
export const keeps = async () => (await open()) !== null;

/** changed calls f with the id of each chat that another tab changed. */
export function changed(f) {
  channel.onmessage = (event) => f(event.data);
}

const promise = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const turnsOf = (chat) => IDBKeyRange.bound([chat], [chat, []]);

/** chats lists them all, without their turns, the newest first. */
export async function chats() {
  const db = await open();
  const all = db ? await promise(db.transaction("chats").objectStore("chats").getAll()) : [...memory.chats.values()];
  return all.sort((a, b) => b.updated - a.updated);
}

/** turns are those of a chat, by id. */
export async function turns(chat) {
  const db = await open();
  const all = db ? await promise(db.transaction("turns").objectStore("turns").getAll(turnsOf(chat))) : [...(memory.turns.get(chat)?.values() ?? [])];
  return new Map(all.map((turn) => [turn.id, turn]));
}

/** keep writes a chat, and those of its turns that are given. */
export async function keep(chat, some = []) {
  await write((store) => {
    store("chats").put(chat);
    for (const turn of some) store("turns").put(turn);
  }, () => {
    memory.chats.set(chat.id, chat);
    if (!memory.turns.has(chat.id)) memory.turns.set(chat.id, new Map());
    for (const turn of some) memory.turns.get(chat.id).set(turn.id, turn);
  });
  channel.postMessage(chat.id);
}

/** forget deletes a chat with its turns. */
export async function forget(id) {
  await write((store) => {
    store("chats").delete(id);
    store("turns").delete(turnsOf(id));
  }, () => {
    memory.chats.delete(id);
    memory.turns.delete(id);
  });
  channel.postMessage(id);
}

async function write(stored, remembered) {
  const db = await open();
  if (!db) return remembered();
  const transaction = db.transaction(["chats", "turns"], "readwrite");
  stored((name) => transaction.objectStore(name));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** holding lists the ids of the chats with a turn that has all these words, in any case. */
export async function holding(words) {
  const found = new Set();
  const look = (turn) => {
    const text = turn.content.toLowerCase();
    if (words.every((word) => text.includes(word))) found.add(turn.chat);
  };
  const db = await open();
  if (!db) {
    for (const some of memory.turns.values()) some.forEach(look);
    return found;
  }
  await new Promise((resolve, reject) => {
    const request = db.transaction("turns").objectStore("turns").openCursor();
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const cursor = request.result;
      if (!cursor) return resolve();
      look(cursor.value);
      cursor.continue();
    };
  });
  return found;
}
