// Drives Chromium through a running node and leaves pictures to look at:
//   node tests/look.mjs http://127.0.0.1:8042 NAME PASSWORD FOLDER [ACCESSION-OR-NAME-TO-SEARCH …]
// Every picture is taken at the width of a workstation and of a phone. Exit code 1: the page logged an error or broke
// the content security policy.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { chromium } from "playwright-core";

const [base, name, password, folder, ...searches] = process.argv.slice(2);
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844, hasTouch: true } };
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-background-networking",
  "--no-first-run",
];

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
const complaints = [];

async function look(size) {
  const { hasTouch = false, ...viewport } = SIZES[size];
  const context = await browser.newContext({ viewport, hasTouch, isMobile: hasTouch, locale: process.env.LOOK_LOCALE ?? "en" });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(`${size}: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => complaints.push(`${size}: ${error.stack}`));
  const shoot = (what) => page.screenshot({ path: join(folder, `${size}-${what}.png`) });

  await page.goto(base);
  await page.getByTestId("login-name").fill(name);
  await shoot("login");
  await page.getByTestId("login-password").fill(password);
  await page.getByTestId("login-submit").click();
  await page.getByTestId("worklist-row").first().waitFor();
  await shoot("worklist");
  for (const search of searches) {
    await page.getByTestId("worklist-search").fill(search);
    await page.waitForTimeout(800);
    await page.getByTestId("worklist-row").first().click();
    await page.locator("[data-state=ready], [data-state=failed], [data-testid=object-cards]").first().waitFor().catch(() => {});
    await page.waitForTimeout(700);
    await shoot(`study-${search.replaceAll(/\W+/g, "_")}`);
    await page.getByTestId("back").click();
    await page.getByTestId("worklist").waitFor();
  }
  await context.close();
}

for (const size of Object.keys(SIZES)) await look(size);
await browser.close();
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;
