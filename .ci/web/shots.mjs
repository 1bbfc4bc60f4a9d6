// Pictures of the page for whoever looks at it: shots.mjs ADDRESS FOLDER, of a running sealvk serve --temp 0. page-light.png and
// page-dark.png, with the demo model's answers, are those of docs/images. Needs fonts, such as Debian's fonts-noto-core.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { mock } from "./mock.mjs";

const [address, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await mock(address.replace(/\/$/, ""));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const chats = [["What is the capital of Thailand?", "What is 12 + 30?"], ["Thủ đô của Việt Nam là gì?"], ["สวัสดี", "คุณเป็นใคร?"]];
for (const [name, width, height, colorScheme] of [["page-light", 1040, 560, "light"], ["page-dark", 360, 600, "dark"]]) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, deviceScaleFactor: 1.5, isMobile: width < 500, hasTouch: width < 500 });
  const page = await context.newPage();
  await page.goto(address);
  await page.waitForSelector("#dot.ready");
  for (const chat of chats) {
    await page.evaluate(() => document.getElementById("new-chat").click());
    for (const text of chat) {
      await page.fill("#prompt", text);
      await page.click("#send");
      await page.waitForSelector("#send[aria-label=Send]");
    }
  }
  await page.mouse.move(0, 0);
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await context.close();
}

for (const [name, width, height, colorScheme] of [["desktop-light", 1280, 800, "light"], ["desktop-dark", 1280, 800, "dark"], ["tablet-light", 768, 900, "light"], ["phone-light", 320, 640, "light"], ["phone-dark", 320, 640, "dark"]]) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, hasTouch: width < 500, isMobile: width < 500 });
  const page = await context.newPage();
  const shot = (what) => page.screenshot({ path: `${folder}/${name}-${what}.png` });
  const send = async (text) => {
    await page.fill("#prompt", text);
    await page.click("#send");
    await page.waitForSelector("#send[aria-label=Send]", { timeout: 20000 });
  };
  await page.goto(server.url);
  await page.waitForSelector("#dot.ready");
  await shot("empty");
  await send("เมืองหลวงของไทยคือเมืองอะไร และมีชื่อเต็มว่าอย่างไร");
  await send("document");
  await page.waitForTimeout(300);
  await shot("end");
  await page.evaluate(() => (document.getElementById("scroller").scrollTop = 0));
  await page.waitForTimeout(100);
  await shot("start");
  await page.evaluate(() => (document.getElementById("scroller").scrollTop = 380));
  await page.waitForTimeout(100);
  await shot("middle");
  if (width < 760) await page.click("#open-sidebar");
  await page.waitForTimeout(400);
  await shot("chats");
  if (width < 760) await page.click("#close-sidebar");
  await page.click("#open-settings");
  await page.waitForTimeout(200);
  await shot("settings");
  await page.keyboard.press("Escape");
  await send("too long");
  await page.waitForTimeout(200);
  await shot("problem");
  await context.close();
}
await browser.close();
server.close();
