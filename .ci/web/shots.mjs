// Pictures of the page for whoever looks at it: shots.mjs ADDRESS FOLDER, of a running sealvk serve.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { mock } from "./mock.mjs";

const [address, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await mock(address.replace(/\/$/, ""));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
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
