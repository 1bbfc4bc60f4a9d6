// The files of sealvk chat are the page's: each reads what the other writes, with all versions and settings.
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileOf, read } from "../../cli/serve/page/file.js";

/** bare is a file without the ids, which every reader makes anew. */
const bare = (text) => JSON.parse(text, (name, value) => (name === "id" || name === "parent" ? undefined : value));

test("the page and sealvk chat read each other's files", () => {
  const folder = mkdtempSync(join(tmpdir(), "sealvk-chats-"));
  try {
    const saved = join(folder, "chat.json");
    const from = new URL("../../cli/chats/testdata/page.json", import.meta.url).pathname;
    const lines = "What is the capital of Thailand?\n/regen\n/set top-k 7\n";
    execFileSync(new URL("../../bin/sealvk", import.meta.url).pathname, ["chat", "--load", from, "--save", saved, "-n", "2"], { input: lines, stdio: "pipe" });
    const text = readFileSync(saved, "utf8");
    const pairs = read(text);
    assert.equal(pairs.length, 1);
    const [chat, turns] = pairs[0];
    assert.deepEqual(chat.settings, { ...JSON.parse(readFileSync(from, "utf8")).settings, top_k: 7, max_tokens: 2 });
    assert.equal(turns.length, 7 + 3, "a turn and two answers more");
    assert.deepEqual(bare(fileOf([[chat, new Map(turns.map((turn) => [turn.id, turn]))]], false)), bare(text));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
