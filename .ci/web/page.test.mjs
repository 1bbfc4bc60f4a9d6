// The chat page in a browser, with sealvk serve and its demo model, and with a server that answers as no model does.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { address, server, open } from "./browser.mjs";
import { markup } from "./mock.mjs";

const count = (page, selector) => page.locator(selector).count();
const text = (page, selector) => page.locator(selector).innerText();
const until = (page, f, arg) => page.waitForFunction(f, arg);

test("a conversation in Thai is kept, answered again and branched", async () => {
  const page = await open(address);
  await page.send("เมืองหลวงของประเทศไทยคืออะไร");
  await page.send("ขอบคุณ");
  const turns = await page.turns();
  assert.equal(turns.length, 4);
  assert.equal(turns[0], "เมืองหลวงของประเทศไทยคืออะไร");
  assert.match(turns[1], /[\u0e00-\u0e7f]{3}/);
  assert.equal(await page.getAttribute(".turn.user .body", "lang"), "th");
  assert.match(await text(page, ".turn.last .figures"), /^\d+ tokens? · .*first after \d+\.\d\d s$/);
  assert.match(await text(page, "#context"), /^\d+ of 1,024 tokens of context$/);
  assert.equal(await text(page, "#title"), turns[0]);

  await page.reload();
  await until(page, () => document.querySelectorAll(".turn").length === 4);
  assert.deepEqual(await page.turns(), turns);

  await page.hover(".turn.last");
  await page.click('.turn.last [aria-label="Answer again"]');
  await page.answered();
  assert.equal(await text(page, ".turn.last .of"), "2/2");
  await page.click('.turn.last [aria-label="Earlier version"]');
  assert.equal((await page.turns()).at(-1), turns[3]);

  await page.hover(".turn.user >> nth=1");
  await page.click('.turn.user >> nth=1 >> [aria-label="Edit and ask again"]');
  await page.fill(".editing textarea", "คุณเป็นใคร");
  await page.press(".editing textarea", "Enter");
  await page.answered();
  assert.deepEqual((await page.turns()).slice(0, 3), [turns[0], turns[1], "คุณเป็นใคร"]);
  assert.equal(await text(page, ".turn.user >> nth=1 >> .of"), "2/2");
  await page.hover(".turn.user >> nth=1");
  await page.click('.turn.user >> nth=1 >> [aria-label="Earlier version"]');
  assert.deepEqual((await page.turns()).slice(0, 3), turns.slice(0, 3));
  await page.done();
});

test("markup in an answer stays text", async () => {
  const page = await open(server.url);
  await page.send("markup");
  await page.reload();
  await until(page, () => document.querySelectorAll(".turn").length === 2);
  const body = page.locator(".turn.assistant .body");
  const shown = await body.innerText();
  for (const part of ['<script>window.canary = "ran"</script>', "<img src=x onerror=", "<iframe srcdoc=", '[a link](javascript:']) {
    assert.ok(shown.includes(part), `${part} in ${shown}`);
  }
  assert.equal(await body.locator('a[href="https://example.com/x.png"]').innerText(), "picture");
  assert.equal(await body.locator("script, img, iframe, [onclick], [onerror], a[href^=javascript]").count(), 0);
  assert.equal(await page.evaluate(() => window.canary), undefined);
  // As the title of a chat, in a message of one's own and in a file, too.
  await page.send(markup);
  const chat = { format: "sealvk-chat", version: 1, title: markup.slice(0, 40), settings: {}, messages: [{ role: "user", content: markup }, { role: "assistant", content: markup }] };
  await page.setInputFiles("#file", { name: "<b>x</b>.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(chat)) });
  await until(page, () => document.querySelectorAll("#chats li").length === 2);
  assert.equal(await count(page, "#main script, #main img, #main iframe, #sidebar img, #notice b"), 0);
  assert.equal(await page.evaluate(() => window.canary), undefined);
  await page.done();
});

test("an answer is stopped, and the server hears of it", async () => {
  const page = await open(server.url);
  const closed = server.closed;
  await page.fill("#prompt", "slow");
  await page.press("#prompt", "Enter");
  await until(page, () => document.querySelector(".turn.assistant .body").textContent.includes("ชิ้นที่ 9"));
  await page.click("#send");
  await page.answered();
  assert.match(await text(page, ".turn.last .figures"), /^at least \d+ tokens · first after .* · stopped$/);
  const said = (await page.turns())[1];
  assert.match(said, /^ชิ้นที่ 0 ชิ้นที่ 1 /);
  while (server.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(server.closed, closed + 1);
  await page.reload();
  await until(page, () => document.querySelectorAll(".turn").length === 2);
  assert.equal((await page.turns())[1], said);
  await page.done();
});

test("an answer goes on while another chat is shown", async () => {
  const page = await open(server.url);
  await page.fill("#prompt", "slow");
  await page.press("#prompt", "Enter");
  await until(page, () => document.querySelector(".turn.assistant .body")?.textContent.includes("ชิ้นที่ 3"));
  await page.click("#new-chat");
  await page.send("hello");
  assert.equal(await count(page, "#chats .busy"), 1);
  await page.click("#chats .busy");
  await until(page, () => document.querySelector(".turn.assistant .body")?.textContent.includes("ชิ้นที่ 20"));
  await page.press("#prompt", "Escape");
  await page.answered();
  assert.equal(await count(page, "#chats .busy"), 0);
  await page.done();
});

test("what goes wrong is said in words", async () => {
  const page = await open(server.url);
  const problem = () => text(page, "#problem");
  server.busy = 1;
  await page.fill("#prompt", "busy");
  await page.press("#prompt", "Enter");
  await page.locator(".waiting", { hasText: "The server is busy. It will be asked again in 1 s." }).waitFor();
  await page.answered();
  assert.equal(await problem(), "");

  server.health = { status: "lost", reason: "the driver reset" };
  await page.fill("#prompt", "loading");
  await page.press("#prompt", "Enter");
  await page.locator(".waiting", { hasText: "Waiting for the server: the device was lost, and the model is being loaded again (the driver reset)." }).waitFor();
  server.health = null;
  await page.answered();
  assert.equal(await problem(), "");
  assert.equal((await page.turns()).length, 4);

  await page.send("cut");
  assert.match(await problem(), /^The connection was lost in the middle of the answer/);
  assert.equal((await page.turns()).at(-1).trim(), "ครึ่งหนึ่ง");
  assert.match(await text(page, ".turn.last .figures"), /broken off$/);
  await page.click("#problem button");
  await page.answered();
  assert.equal(await text(page, ".turn.last .of"), "2/2");

  await page.send("lost");
  assert.match(await problem(), /^The device was lost/);
  await page.send("too long");
  assert.match(await problem(), /longer than the model's context.*5000 tokens; the context holds 4096.*--ctx/s);
  // The message that has no answer is replaced by the next one.
  await page.send("hello");
  assert.equal(await problem(), "");
  assert.ok(!server.requests.at(-1).messages.some(({ content }) => content === "too long"));
  await page.done();
});

test("a chat that is too long is answered without its oldest messages, and says so", async () => {
  const page = await open(server.url);
  for (const said of ["one", "two", "three", "four", "five"]) await page.send(said);
  server.most = 5; // messages
  await page.send("six");
  assert.match(await text(page, "#problem"), /longer than the model's context/);
  await page.getByRole("button", { name: "Leave out the oldest" }).click();
  await page.answered();
  assert.deepEqual(server.requests.at(-1).messages.map(({ role }) => role), ["user", "assistant", "user", "assistant", "user"]);
  assert.equal(server.requests.at(-1).overflow, undefined);
  assert.match(await text(page, ".turn.last .figures"), /without the first 6 messages$/);
  await page.send("seven");
  assert.match(await text(page, ".turn.last .figures"), /without the first \d+ messages$/);
  assert.equal(server.requests.at(-1).messages.at(-1).content, "seven");
  await page.done();
});

test("where the browser keeps nothing, one can chat all the same", async () => {
  const page = await open(server.url, {}, () => {
    indexedDB.constructor.prototype.open = () => {
      throw new DOMException("no", "SecurityError");
    };
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
    }
  });
  assert.match(await text(page, "#notice"), /gives the page no storage/);
  await page.send("hello");
  await page.click("#new-chat");
  await page.send("สวัสดี");
  await page.click("#chats .open >> nth=1");
  await until(page, () => document.querySelector(".turn.user .body")?.textContent === "hello");
  assert.equal((await page.turns()).length, 2);
  await page.done();
});

test("two tabs see each other's chats", async () => {
  const page = await open(server.url);
  const other = await page.context().newPage();
  await other.goto(server.url);
  await other.waitForSelector("html[data-ready]");
  await page.send("hello");
  await other.click("#chats .open");
  await until(other, () => document.querySelectorAll(".turn").length === 2);
  await page.send("again");
  await until(other, () => document.querySelectorAll(".turn").length === 4);
  await other.click('#chats [title="Delete"]');
  await other.click("#confirm-yes");
  await until(page, () => document.querySelectorAll("#chats li").length === 0);
  await page.done();
});

test("the key is asked for, and kept as long as one says", async () => {
  server.key = "s3cret";
  const page = await open(server.url);
  await page.locator("#settings[open]").waitFor();
  assert.match(await text(page, "#key-asked"), /asks for an API key/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "key");
  await page.keyboard.type("s3cret");
  await page.keyboard.press("Enter");
  await page.locator("#dot.ready").waitFor();
  await page.send("hello");
  assert.equal((await page.turns()).length, 2);
  assert.deepEqual(await page.evaluate(() => [sessionStorage.getItem("sealvk-key"), localStorage.getItem("sealvk-key")]), ["s3cret", null]);
  await page.click("#open-settings");
  await page.check("#key-stays");
  await page.click("#settings [type=submit]");
  assert.deepEqual(await page.evaluate(() => [sessionStorage.getItem("sealvk-key"), localStorage.getItem("sealvk-key")]), [null, "s3cret"]);
  await page.done();
});

test("settings go with the chat's requests, wrong ones nowhere", async () => {
  const page = await open(server.url);
  await page.locator("#dot.ready").waitFor();
  await page.click("#open-settings");
  await page.fill("#system", "ตอบสั้น ๆ");
  await page.fill("#option-temperature", "0,5");
  await page.fill("#option-top_p", "1.5");
  await page.selectOption("#choose-model", "other");
  await page.click("#settings [type=submit]");
  assert.equal(await text(page, "#wrong-top_p"), "Top-p is 1.5: it must be from 0 to 1.");
  assert.equal(await page.evaluate(() => document.activeElement.id), "option-top_p");
  await page.fill("#option-top_p", "0.9");
  await page.fill("#option-top_k", "20");
  await page.fill("#option-min_p", "0");
  await page.fill("#option-max_tokens", "64");
  await page.fill("#option-seed", "7");
  await page.check("#for-new");
  await page.click("#settings [type=submit]");
  await page.send("hello");
  const { messages, ...request } = server.requests.at(-1);
  assert.deepEqual(request, { model: "other", temperature: 0.5, top_p: 0.9, top_k: 20, min_p: 0, max_tokens: 64, seed: 7, stream: true, stream_options: { include_usage: true } });
  assert.deepEqual(messages, [{ role: "system", content: "ตอบสั้น ๆ" }, { role: "user", content: "hello" }]);
  await page.click("#new-chat");
  await page.send("again");
  assert.equal(server.requests.at(-1).messages[0].content, "ตอบสั้น ๆ");
  await page.done();
});

test("chats go to a file and come back; what is no chat is refused", async () => {
  const page = await open(server.url);
  await page.send("hello");
  await page.hover(".turn.last");
  await page.click('.turn.last [aria-label="Answer again"]');
  await page.answered();
  await page.click("#new-chat");
  await page.send("สวัสดี");
  const saved = async (selector) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
    return { name: download.suggestedFilename(), file: JSON.parse(await readFile(await download.path(), "utf8")) };
  };
  const one = await saved('#chats li.current [title="Export"]');
  assert.equal(one.name, "สวัสดี.json");
  assert.equal(one.file.format, "sealvk-chat");
  assert.equal(one.file.version, 1);
  assert.deepEqual(one.file.messages.map(({ role }) => role), ["user", "assistant"]);
  assert.deepEqual(Object.keys(one.file.messages[1]).sort(), ["content", "created", "finish_reason", "model", "role", "timing", "usage"]);
  const all = await saved("#export-all");
  assert.equal(all.file.format, "sealvk-chats");
  assert.equal(all.file.chats.length, 2);
  assert.equal(all.file.chats[1].branches.length, 1);

  const load = (file) => page.setInputFiles("#file", { name: "chats.json", mimeType: "application/json", buffer: Buffer.from(typeof file === "string" ? file : JSON.stringify(file)) });
  await load(all.file);
  await page.getByText("2 chats imported.").waitFor();
  assert.equal(await count(page, "#chats li"), 4);
  const back = await saved("#export-all");
  const bare = (chats) => chats.map(({ messages, branches, ...chat }) => JSON.stringify([chat, [...messages, ...(branches ?? [])].map(({ id, parent, ...message }) => message)])).sort();
  assert.deepEqual(bare(back.file.chats), bare([...all.file.chats, ...all.file.chats]));

  const good = { format: "sealvk-chat", version: 1, settings: {}, messages: [{ role: "user", content: "x" }] };
  const turn = (more) => ({ ...good, messages: [{ role: "user", content: "x", ...more }] });
  for (const [file, said] of [
    ["{", "It is no JSON"],
    ["[]", "the file is [], not an object."],
    [{ format: "other" }, 'format is "other"'],
    [{ ...good, version: 2 }, "version is 2: a newer sealvk wrote it"],
    [{ ...good, messages: {} }, "messages is {}, not a list."],
    [turn({ content: 5 }), "messages[0].content is 5, not a text."],
    [turn({ role: "tool" }), 'messages[0].role is "tool"'],
    [turn({ created: "yesterday" }), 'messages[0].created is "yesterday"'],
    [{ ...good, settings: { temperature: -1 } }, "settings.temperature is -1"],
    [{ ...good, messages: [...good.messages, { role: "system", content: "s" }] }, "messages[1].role is system, which only the first message can be."],
    [{ ...good, branches: [{ role: "user", content: "x", id: "a", parent: "b" }] }, "branches[0].parent is the id of no message."],
    [{ ...good, branches: [{ role: "user", content: "x", id: "a", parent: "b" }, { role: "user", content: "x", id: "b", parent: "a" }] }, "branches[0].parent leads in a circle."],
    [{ format: "sealvk-chats", version: 1, chats: [good, { ...good, messages: [5] }] }, "chats[1].messages[0] is 5, not an object."],
  ]) {
    await load(file);
    await until(page, (said) => document.getElementById("notice-text").textContent.includes(said), said).catch(async () => assert.fail(`${said}: ${await text(page, "#notice")}`));
  }
  assert.equal(await count(page, "#chats li"), 4, "nothing of a bad file is kept");
  await page.done();
});

test("chats are found, renamed and deleted", async () => {
  const page = await open(server.url);
  for (const said of ["first", "second"]) {
    await page.click("#new-chat");
    await page.send(said);
  }
  await page.click('#chats li.current [title="Rename"]');
  await page.keyboard.type("ชื่อใหม่");
  await page.keyboard.press("Enter");
  await until(page, () => document.getElementById("title").textContent === "ชื่อใหม่");
  await page.fill("#search", "SECOND");
  await until(page, () => document.querySelectorAll("#chats li").length === 1);
  assert.equal(await text(page, "#chats .open"), "ชื่อใหม่");
  await page.fill("#search", "no such words");
  await page.getByText("No chat has these words.").waitFor();
  await page.fill("#search", "");
  await until(page, () => document.querySelectorAll("#chats li").length === 2);
  await page.click('#chats li.current [title="Delete"]');
  await page.click("#confirm-no");
  assert.equal(await count(page, "#chats li"), 2);
  await page.click('#chats li.current [title="Delete"]');
  await page.click("#confirm-yes");
  await until(page, () => document.querySelectorAll("#chats li").length === 1);
  assert.equal(await text(page, "#chats .open"), "first");
  // An answer that still comes does not bring its chat back.
  await page.fill("#prompt", "slow");
  await page.press("#prompt", "Enter");
  await until(page, () => document.querySelector(".turn.assistant .body")?.textContent.includes("ชิ้นที่ 3"));
  await page.click('#chats li.current [title="Delete"]');
  await page.click("#confirm-yes");
  while (server.open.size > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await until(page, () => document.querySelectorAll("#chats li").length === 1);
  await page.reload();
  await until(page, () => document.querySelectorAll("#chats li").length === 1);
  await page.done();
});
