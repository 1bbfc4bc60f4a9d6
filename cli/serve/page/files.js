// Export to files and import from them.
import * as store from "./store.js";
import { fileOf, read } from "./file.js";
import { byId, download } from "./dom.js";

const largest = 256 << 20; // bytes: more is no file of chats

/** saveChat downloads one chat. */
export async function saveChat({ id }) {
  const chat = (await store.chats()).find((one) => one.id === id);
  download(`${named(chat.title)}.json`, fileOf([[chat, await store.turns(chat.id)]], false));
}

/** named is a title as the name of a file: letters of any script, marks and digits. */
function named(title) {
  return title.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "chat";
}

/** readyFiles gives the buttons their work; refresh is called after an import, notice with what happened. */
export function readyFiles({ refresh, notice }) {
  byId("export-all").addEventListener("click", async () => {
    const chats = await store.chats();
    if (chats.length === 0) return notice("There are no chats to export.");
    const pairs = [];
    for (const chat of chats) pairs.push([chat, await store.turns(chat.id)]);
    download(`sealvk-chats-${new Date().toISOString().slice(0, 10)}.json`, fileOf(pairs, true));
  });
  byId("import").addEventListener("click", () => byId("file").click());
  byId("file").addEventListener("change", async () => {
    const files = [...byId("file").files];
    byId("file").value = ""; // the same file may be chosen again
    let count = 0;
    let last = "";
    for (const file of files) {
      try {
        if (file.size > largest) throw new Error("It is larger than 256 MiB.");
        // All of a file is read before any of it is kept.
        for (const [chat, turns] of read(await file.text())) {
          await store.keep(chat, turns);
          last = chat.id;
          count++;
        }
      } catch (error) {
        await refresh();
        return notice(`${file.name} was not imported. ${error.message}`, true);
      }
    }
    await refresh();
    notice(`${count} ${count === 1 ? "chat" : "chats"} imported.`);
    if (count === 1) location.hash = last;
  });
}
