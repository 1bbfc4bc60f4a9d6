// What the tests of the page share: a sealvk serve with its demo model, a server that answers as no model does, a
// Chromium, pages that are watched.
import { after, beforeEach } from "node:test";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { mock } from "./mock.mjs";
import { serve } from "./serve.mjs";

const [real, browser] = await Promise.all([serve(), chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] })]);

/** server is the mock, below a prefix as behind a proxy. */
export const server = await mock(real.address);

/** address is that of sealvk serve. */
export const { address } = real;

beforeEach(() => server.reset());
after(async () => {
  await browser.close();
  server.close();
  real.stop();
});

/** open opens the page in a browser that knows nothing of it yet, and runs first in front of all else. What it must never do is held when it is closed. */
export async function open(address, options = {}, first = () => {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...options });
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  const origin = new URL(address).origin;
  const wrong = [];
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "blob:") wrong.push(`a request to ${request.url()}`);
  });
  page.on("pageerror", (error) => wrong.push(`an error: ${error.stack}`));
  page.on("console", (message) => {
    // Chromium has its own line for each response that is an error; those are the tests' own.
    if (["error", "warning"].includes(message.type()) && !/^Failed to load resource/.test(message.text())) wrong.push(`on the console: ${message.text()}`);
  });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`${event.violatedDirective} forbids ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
  });
  await context.addInitScript(first);
  await page.goto(address);
  await page.waitForSelector("html[data-ready]");
  const done = async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  };
  return Object.assign(page, { done, send: send.bind(null, page), answered: answered.bind(null, page), turns: () => page.locator(".turn .body").allInnerTexts() });
}

/** send types a message, sends it, and waits for the end of its answer. */
async function send(page, text) {
  await page.fill("#prompt", text);
  await page.click("#send");
  await answered(page);
}

async function answered(page) {
  await page.waitForFunction(() => document.getElementById("send").getAttribute("aria-label") === "Send" && document.getElementById("prompt").value === "");
}
