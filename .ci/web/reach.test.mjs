// The chat page for those who have a small screen, no mouse, a screen reader, another script.
import { test } from "node:test";
import assert from "node:assert/strict";
import { server, open } from "./browser.mjs";

const until = (page, f, arg) => page.waitForFunction(f, arg);

test("320 pixels are wide enough", async () => {
  const page = await open(server.url, { viewport: { width: 320, height: 600 }, isMobile: true, hasTouch: true });
  const fits = async (what) => {
    // What is wider than the screen may lie in a box of its own that scrolls: code, tables.
    const over = await page.evaluate(() => {
      const own = (element) => element.closest("pre, .table, #sidebar:not(.open), .hidden-text, .skip, dialog:not([open])");
      const wide = [...document.querySelectorAll("body *")].filter((element) => !own(element) && element.getBoundingClientRect().right > innerWidth + 0.5);
      return [document.documentElement.scrollWidth, document.getElementById("scroller").scrollWidth <= document.getElementById("scroller").clientWidth, wide.map((element) => element.outerHTML.slice(0, 100))];
    });
    assert.deepEqual(over, [320, true, []], what);
  };
  await fits("the empty page");
  await page.send("document");
  await page.send(`${"กขค".repeat(80)}${"x".repeat(300)}`);
  await fits("a chat");
  await page.send("too long");
  await fits("a problem");
  await page.tap("#open-sidebar");
  await page.waitForFunction(() => document.getElementById("sidebar").getBoundingClientRect().left === 0);
  await fits("the list of chats");
  await page.tap("#chats .open");
  assert.equal(await page.evaluate(() => document.getElementById("main").inert), true, "the chat that is shown already stays behind the list");
  await page.tap("#close-sidebar");
  await page.tap("#open-settings");
  await fits("the settings");
  await page.tap("#settings [data-close] >> nth=0");
  await page.tap("#open-shortcuts");
  await fits("the shortcuts");
  await page.done();
});

test("the keyboard is enough", async () => {
  const page = await open(server.url);
  const press = (key) => page.keyboard.press(key);
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim());
  await page.locator("#dot.ready").waitFor();
  assert.equal(await focused(), "Message");
  // An input method's Enter takes the word that it composed.
  await page.fill("#prompt", "に");
  const sent = await page.evaluate(() => {
    const field = document.getElementById("prompt");
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }));
    return field.value === "";
  });
  assert.equal(sent, false);
  await page.fill("#prompt", "");
  await page.keyboard.type("one");
  await press("Shift+Enter");
  await page.keyboard.type("two");
  await press("Enter");
  await page.answered();
  assert.equal((await page.turns())[0], "one\ntwo");

  await page.keyboard.type("slow");
  await press("Enter");
  await until(page, () => document.querySelectorAll(".turn")[3]?.querySelector(".body").textContent);
  await press("Escape");
  await page.answered();
  assert.equal(await focused(), "Message");

  await press("ArrowUp"); // edits the last message
  assert.equal(await focused(), "Your message");
  await press("Escape");
  assert.equal(await focused(), "Edit and ask again");
  await press("Enter");
  await press("Control+a");
  await page.keyboard.type("three");
  await press("Enter");
  await page.answered();
  assert.equal((await page.turns())[2], "three");
  assert.equal(await focused(), "Message");
  await press("Control+Shift+Enter");
  await page.answered();
  assert.equal(await page.locator(".turn.last .of").innerText(), "2/2");
  await press("Shift+Tab");
  while ((await focused()) !== "Earlier version") await press("Shift+Tab");
  await press("Enter");
  assert.equal(await page.locator(".turn.last .of").innerText(), "1/2");

  await press("Control+Shift+O");
  assert.equal(await focused(), "Message");
  await page.keyboard.type("four");
  await press("Enter");
  await page.answered();
  await press("Control+k");
  assert.equal(await focused(), "Search chats");
  await press("Tab");
  while ((await focused()) !== "one") await press("Tab");
  await press("Enter");
  await until(page, () => document.getElementById("title").textContent === "one");
  await press("Tab");
  assert.equal(await focused(), "Rename: one");
  await press("Tab");
  await press("Tab");
  assert.equal(await focused(), "Delete: one");
  await press("Enter");
  assert.equal(await focused(), "Cancel");
  await press("Escape");
  assert.equal(await focused(), "Delete: one");
  await press("Control+Comma");
  await page.locator("#settings[open]").waitFor();
  await press("Escape");
  await press("Control+Slash");
  await page.locator("#shortcuts[open]").waitFor();
  await press("Escape");

  // From the top, Tab reaches everything, and the first stop leads to the message.
  await page.evaluate(() => document.activeElement.blur());
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await page.evaluate(() => document.getElementById("skip").focus());
  await press("Enter");
  assert.equal(await focused(), "Message");
  const hidden = await page.evaluate(() => [...document.querySelectorAll("button, input, textarea, select, a[href]")].filter((e) => e.tabIndex < 0).map((e) => e.outerHTML));
  assert.deepEqual(hidden, []);
  await page.done();
});

test("every control has a name, every text its contrast, in both themes", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(server.url, { colorScheme });
    await page.send("document");
    await page.send("too long");
    for (const dialog of ["", "#open-settings", "#open-shortcuts"]) {
      if (dialog) await page.click(dialog);
      assert.deepEqual(await page.evaluate(faults), [], `${colorScheme} ${dialog}`);
      if (dialog) await page.keyboard.press("Escape");
    }
    await page.done();
  }
});

/** faults runs in the page: it lists what a screen reader cannot name and what eyes cannot read. */
function faults() {
  const list = [];
  const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.getClientRects().length > 0;
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  list.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `the id ${id} twice`));
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby], [aria-controls]")) {
    for (const name of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
      if (element.hasAttribute(name) && !document.getElementById(element.getAttribute(name))) list.push(`${name} of ${element.outerHTML.slice(0, 80)} leads nowhere`);
    }
  }
  for (const element of document.querySelectorAll("button, input, textarea, select, a[href], dialog[open], nav, [role=region], [tabindex='0']")) {
    const labelled = document.getElementById(element.getAttribute("aria-labelledby"))?.textContent;
    const name = element.getAttribute("aria-label") || labelled || element.labels?.[0]?.textContent || (element.matches("button, a") ? element.textContent : "");
    if (!name.trim()) list.push(`no name: ${element.outerHTML.slice(0, 120)}`);
  }
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255];
  };
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || element.matches("button:has(svg), textarea");
    if (!own || !visible(element) || element.closest(".hidden-text, .noscript, :disabled, :not(option) > option")) continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) list.push(`${ratio.toFixed(2)}:1 for ${element.outerHTML.slice(0, 80)}`);
  }
  return list;
}

test("a screen reader hears each part of an answer once, when it is done", async () => {
  const page = await open(server.url);
  await page.send("document");
  const heard = await page.evaluate(() => [...document.querySelectorAll("#log p")].map((p) => p.textContent));
  const parts = await page.evaluate(() => document.querySelector(".turn.assistant .prose").children.length);
  assert.equal(heard.length, parts);
  assert.match(heard[0], /^เมืองหลวงของอาเซียน$/);
  assert.match(heard[5], /^Code: def capital/);
  await until(page, () => /^The answer is complete: \d+ tokens/.test(document.getElementById("status").textContent));
  assert.deepEqual(await page.evaluate(() => ["log", "status", "problem"].map((id) => document.getElementById(id).getAttribute("aria-live") ?? document.getElementById(id).role)), ["polite", "status", "alert"]);
  await page.done();
});

test("the theme is the system's, or the one that was chosen", async () => {
  const page = await open(server.url, { colorScheme: "dark" });
  const dark = () => page.evaluate(() => getComputedStyle(document.body).colorScheme.includes("dark"));
  assert.equal(await dark(), true);
  await page.click("#theme");
  assert.equal(await dark(), false);
  await page.reload();
  assert.equal(await dark(), false);
  await page.click("#theme");
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await dark(), true);
  await page.done();
});

test("lines of scripts without spaces break at words, in their language", async () => {
  const page = await open(server.url, { viewport: { width: 360, height: 700 } });
  await page.send("document");
  const langs = await page.evaluate(() => [...document.querySelectorAll(".prose [lang]")].map((element) => element.lang));
  for (const lang of ["th", "km", "lo", "my", "vi"]) assert.ok(langs.includes(lang), `${lang} in ${langs}`);
  const breaks = await page.evaluate(() => {
    const text = "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย".repeat(4); // longer than a line, whatever the font
    const body = document.querySelector(".turn.assistant .prose");
    const p = document.createElement("p");
    p.lang = "th";
    p.textContent = text;
    body.append(p);
    const words = new Set();
    for (const { index } of new Intl.Segmenter("th", { granularity: "word" }).segment(text)) words.add(index);
    const wrong = [];
    let lines = 1;
    for (const width of [300, 220, 160]) {
      body.style.width = `${width}px`;
      let last = null;
      for (let i = 0; i < text.length; i++) {
        const range = document.createRange();
        range.setStart(p.firstChild, i);
        range.setEnd(p.firstChild, i + 1);
        const top = range.getBoundingClientRect().top;
        if (last !== null && top > last + 10) {
          lines++;
          if (!words.has(i)) wrong.push(text.slice(0, i));
        }
        last = Math.max(last ?? top, top);
      }
    }
    return [lines > 3, wrong];
  });
  assert.deepEqual(breaks, [true, []]);
  await page.done();
});
