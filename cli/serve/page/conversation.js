// A chat is a tree of turns: answering again or editing adds a turn beside the old one, and nothing is lost. What is
// shown is the path to one of its leaves.

/** turn makes one; parent is the id of the turn in front, or null. */
export function turn(chat, parent, role, content, more = {}) {
  return { chat, id: crypto.randomUUID?.() ?? fallbackID(), parent, role, content, created: Date.now(), ...more };
}

/** newID names a chat. */
export const newID = () => crypto.randomUUID?.() ?? fallbackID();

// Over plain HTTP from another machine browsers have no randomUUID.
function fallbackID() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** path lists the turns from the first to leaf. */
export function path(turns, leaf) {
  const list = [];
  for (let at = turns.get(leaf); at; at = turns.get(at.parent)) list.push(at);
  return list.reverse();
}

/** versions are the turns that stand where this one does, itself among them, the oldest first. */
export function versions(turns, one) {
  return children(turns, one.parent).filter((other) => other.role === one.role);
}

/** leafOf is the last turn below one, by the newest at every fork. */
export function leafOf(turns, id) {
  for (;;) {
    const next = children(turns, id).at(-1);
    if (!next) return id;
    id = next.id;
  }
}

function children(turns, parent) {
  return [...turns.values()].filter((other) => other.parent === parent).sort((a, b) => a.created - b.created);
}

/** titleOf is the first line of a text, cut at a length. */
export function titleOf(text) {
  const line = text.trim().split("\n", 1)[0];
  const segments = [...new Intl.Segmenter().segment(line)].map((part) => part.segment);
  return segments.length > 60 ? `${segments.slice(0, 60).join("").trimEnd()}…` : line || "New chat";
}

/** messages are what the model is asked with: the system prompt, if any, and the turns. */
export function messages(system, list) {
  const all = list.map(({ role, content }) => ({ role, content }));
  return system ? [{ role: "system", content: system }, ...all] : all;
}
