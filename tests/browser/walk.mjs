// Walks through the dashboard as a person would, in a real Chromium.
//   node walk.mjs YEAR LIVING WAITING SCREENSHOTS CHROMIUM
// YEAR is the dashboard of a fund with a year of history: every page is opened by its menu, in light and dark, wide and as
// narrow as a phone; axe-core looks for barriers; the console and the network must stay clean. LIVING trades meanwhile: its
// pages too are opened, its day is watched, and its engine is told to halt. WAITING has a plan that waits for a person: it is
// approved, through its form. Ends with `ok`.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [year, living, waiting, screenshots, executablePath] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(screenshots, { recursive: true });

const troubles = [];
const expect = (truth, what) => truth || troubles.push(what);

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});

const looks = [
  { name: "light", url: year, viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  { name: "dark", url: year, viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  { name: "phone", url: year, viewport: { width: 390, height: 844 }, colorScheme: "light", hasTouch: true, isMobile: true },
  { name: "living", url: living, viewport: { width: 1280, height: 900 }, colorScheme: "light" },
];
const menu = { Overview: "1", Today: "2", Plan: "p", Positions: "3", Orders: "4", Costs: "5", Risk: "6", Books: "7", Hedges: "8", Calendar: "9", Modes: "0" };

for (const { name: look, url, ...options } of looks) {
  const context = await browser.newContext({ ...options, bypassCSP: false });
  const page = await context.newPage();
  const where = () => `${look} ${new URL(page.url()).pathname}`;
  page.on("console", (message) => message.type() === "error" && troubles.push(`${where()}: console: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`${where()}: script: ${error.message}`));
  page.on("requestfailed", (request) => {
    // Leaving a page ends what it was still asking for.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") troubles.push(`${where()}: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on("response", (response) => response.status() >= 400 && troubles.push(`${where()}: ${response.url()} ${response.status()}`));
  page.on("request", (request) => expect(request.url().startsWith(url), `${where()} asks ${request.url()}`));
  await page.goto(url);
  for (const [name, key] of Object.entries(menu)) {
    if (look === "light") await page.getByRole("link", { name, exact: true }).click();
    else await page.keyboard.press(key);
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    const figures = await page.locator("figure").count();
    if (figures > 0) await page.locator("figure canvas").nth(figures - 1).waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(width <= 0, `${where()}: the page is ${width} px wider than its window`);
    if (name === "Calendar") {
      const tallest = await page.evaluate(() => Math.max(0, ...[...document.querySelectorAll("tbody tr")].map((row) => row.offsetHeight)));
      expect(tallest <= 120, `${where()}: a row is ${tallest} px tall: its sentence is squeezed into a column`);
    }
    const barriers = await page.evaluate(`(() => { ${axe}; return axe.run({ resultTypes: ["violations"] }); })()`);
    for (const barrier of barriers.violations) {
      troubles.push(`${where()}: ${barrier.id}: ${barrier.help} (${barrier.nodes.map((node) => node.target).join(", ")})`);
    }
    await page.screenshot({ path: join(screenshots, `${look}-${name.toLowerCase()}.png`), fullPage: look !== "phone" });
    console.log(`${look} ${name}: ${await page.locator("table tbody tr").count()} rows, ${figures} charts`);
  }
  if (look === "living") {
    // A word from the journal brings the page up to date by itself.
    await page.keyboard.press("2");
    const before = await page.locator("main").innerText();
    await page.waitForFunction((text) => document.querySelector("main").innerText !== text, before, { timeout: 180_000 });
    console.log("today: brought up to date by the journal");
    await page.keyboard.press("0");
    const halt = page.locator("form", { hasText: "Sends nothing but cancels" });
    await halt.getByLabel("Your name").fill("walker");
    await halt.getByLabel("Reason").fill("the walk ends here");
    await halt.getByRole("button", { name: "Halt" }).click();
    await page.getByText(/message \d+ to account/).waitFor();
    await page.locator(".badge", { hasText: "CANCEL_ONLY" }).waitFor({ timeout: 30_000 });
    console.log("modes: told to halt, and it halted");
  }
  await context.close();
}
const approver = await browser.newPage();
await approver.goto(waiting);
const form = approver.locator("form", { hasText: "be executed" });
await form.getByLabel("Your name").fill("walker");
await form.getByLabel("Reason").fill("looked at it");
await form.getByLabel("Type APPROVE to confirm").fill("APPROVE");
await approver.screenshot({ path: join(screenshots, "plan-waits.png"), fullPage: true });
await form.getByRole("button", { name: "Approve" }).click();
await approver.getByText(/message \d+ to account/).waitFor();
await approver.locator("dd", { hasText: "by walker" }).waitFor();
console.log("plan: approved");
await browser.close();
troubles.forEach((trouble) => console.log(`TROUBLE ${trouble}`));
console.log(troubles.length === 0 ? "ok" : `${troubles.length} troubles`);
process.exitCode = troubles.length === 0 ? 0 : 1;
