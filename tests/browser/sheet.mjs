// sheet.mjs DIR: looks at the pages of av-sheet in DIR with one headless Chromium, and prints what it
// saw as one JSON object. Pages: run.html (a run with failures), many.html (10,000 records),
// hostile.html (records that attack).
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const dir = process.argv[2];
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const seen = { errors: [], requests: [], views: [] };
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: process.getuid() === 0 ? ["--no-sandbox"] : [],
});

// Opens a page. Whatever it logs, throws, asks for or opens is noted.
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(join(dir, name)).href;
  page.on("console", (message) => seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("dialog", (dialog) => { seen.errors.push("dialog: " + dialog.message()); dialog.dismiss(); });
  context.on("page", (other) => other !== page && seen.errors.push("opened: " + other.url()));
  context.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:image/jpeg")) seen.requests.push(request.url());
  });
  await page.goto(url);
  return page;
}

const count = (page) => page.textContent("#count");
const cards = (page) => page.locator("#cards > li").count();
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  return [element.tagName, element.id || element.dataset.state || element.textContent.trim().slice(0, 12)].join(" ");
});
// Does anything reach out of the window at the side? Boxes are compared, not pixels.
const overflow = (page) => page.evaluate(() => {
  const out = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && getComputedStyle(element).position !== "absolute" && (box.right > innerWidth + 1 || box.left < -1);
  }).map((element) => element.outerHTML.slice(0, 100));
  if (document.documentElement.scrollWidth > innerWidth) out.push("the page scrolls sideways");
  return out;
});
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 120)} ${v.nodes[0].failureSummary}`);
}

async function views() {
  for (const colorScheme of ["light", "dark"])
    for (const width of [1280, 768, 390]) {
      const page = await open("run.html", { colorScheme, viewport: { width, height: 900 } });
      const view = { colorScheme, width, overflow: await overflow(page) };
      view.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      view.columns = await page.evaluate(() => getComputedStyle(document.getElementById("cards")).gridTemplateColumns.split(" ").length);
      if (width !== 768) view.violations = await violations(page);
      if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${width}-${colorScheme}.png`) });
      seen.views.push(view);
      await page.context().close();
    }
}

async function contents() {
  const page = await open("run.html");
  seen.lang = await page.getAttribute("html", "lang");
  seen.heading = await page.textContent("h1");
  seen.states = await page.locator("#cards > li").evaluateAll((all) => all.map((card) => card.className.replace("card ", "")));
  seen.pictures = await page.locator("#cards img").evaluateAll(async (all) => {
    for (const img of all) await img.decode().catch(() => {});
    return all.map((img) => [img.alt, img.naturalWidth > 0]);
  });
  seen.links = await page.locator("#cards a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  seen.commands = await page.locator(".happened code").allTextContents();
  seen.headings = await page.locator("h1, h2, h3").evaluateAll((all) => all.map((h) => h.tagName).filter((tag, i, tags) => tag !== tags[i - 1]));
  await page.context().close();
}

// A walk with the keyboard alone.
async function walk() {
  const page = await open("run.html");
  const keys = async (...names) => { for (const name of names) await page.keyboard.press(name); };
  seen.walk = {};
  seen.walk.order = [];
  for (let i = 0; i < 5; i++) {
    await keys("Tab");
    seen.walk.order.push(await focused(page));
  }
  await keys("Space"); // the tile of failed records
  seen.walk.failed = [await page.getAttribute("[data-state=failed]", "aria-pressed"), await count(page), await focused(page)];
  await keys("Space");
  seen.walk.again = [await page.getAttribute("[data-state=failed]", "aria-pressed"), await count(page)];
  await page.locator("[data-kind]").first().focus();
  await keys("Enter");
  seen.walk.kind = [await count(page), await focused(page)];
  await keys("Tab");
  await page.keyboard.type("nothing is called so");
  await page.waitForFunction(() => document.getElementById("count").textContent.startsWith("0 of"));
  seen.walk.none = [await count(page), await cards(page)];
  await keys("Tab", "Tab", "Tab", "Enter"); // Show all
  await page.waitForFunction(() => !document.getElementById("count").textContent.includes("of"));
  seen.walk.all = [await count(page), await focused(page)];
  await page.keyboard.type("PHOTOS/b");
  await page.waitForFunction(() => document.getElementById("count").textContent.includes("of"));
  seen.walk.found = await page.locator("#cards h3").allTextContents();
  await page.reload();
  await keys("Tab", "Enter"); // the link that skips
  seen.walk.skip = await focused(page);
  await page.selectOption("#provider", "loom");
  seen.walk.provider = [await count(page), await page.locator("#cards .minor").allTextContents().then((all) => all.some((t) => t.includes("argil")))];
  await page.locator("[data-copy]").first().click();
  await page.waitForFunction(() => document.getElementById("count").textContent.startsWith("Copied"));
  seen.walk.copy = await page.locator("[data-copy]").first().evaluate((button) => button.firstChild.data);
  await page.context().close();
}

async function many() {
  const start = Date.now();
  const page = await open("many.html");
  await page.waitForFunction(() => document.getElementById("count").textContent !== "");
  seen.many = { open: Date.now() - start, count: await count(page), cards: await cards(page) };
  const typed = Date.now();
  await page.fill("#words", "photo-09999");
  await page.waitForFunction(() => document.getElementById("count").textContent.startsWith("1 of"));
  seen.many.search = Date.now() - typed;
  await page.fill("#words", "");
  await page.waitForFunction(() => !document.getElementById("count").textContent.includes("of"));
  const before = await cards(page);
  await page.locator("#more").scrollIntoViewIfNeeded();
  await page.waitForFunction((n) => document.getElementById("cards").children.length > n, before);
  seen.many.more = await cards(page) > before;
  await page.evaluate(() => document.getElementById("more").click());
  seen.many.focus = (await focused(page)).split(" ")[0];
  await page.context().close();
}

async function hostile() {
  const page = await open("hostile.html", { viewport: { width: 390, height: 900 } });
  for (const word of ["script", "javascript", ""]) {
    await page.fill("#words", word);
    await page.waitForTimeout(200);
  }
  seen.hostile = {
    count: await count(page),
    run: await page.evaluate(() => window.pwned ?? null),
    elements: await page.evaluate(() => document.querySelectorAll("script, iframe, object, embed, svg, base, link, audio, video, [onerror], [onload], [onclick], [style]").length),
    links: await page.evaluate(() => [...document.querySelectorAll("a")].map((a) => new URL(a.href).protocol + (new URL(a.href).host && "//" + new URL(a.href).host))),
    names: await page.locator("#cards h3").allTextContents(),
    overflow: await overflow(page),
    violations: await violations(page),
  };
  await page.context().close();
}

async function without_script() {
  const page = await open("run.html", { javaScriptEnabled: false });
  seen.plain = [await page.textContent("h1"), await page.locator(".happened code").count(), await page.locator("noscript").isVisible()];
  await page.context().close();
}

for (const part of [views, contents, walk, many, hostile, without_script]) await part();
await browser.close();
console.log(JSON.stringify(seen));
