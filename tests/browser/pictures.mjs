// Pictures of the pages as a reader sees them, for README and for whoever changes them. Run by tests/browser.rs, which
// has a house ready and says in the environment where it is.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";

const { BROWSER_HOME, BROWSER, URL: home, OUT, POINTS } = process.env;
const { chromium } = createRequire(`${BROWSER_HOME}/`)("playwright-core");
mkdirSync(OUT, { recursive: true });
// In containers there is no room for the sandbox of a browser, and nothing here is from strangers.
const browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox"] });

const WIDE = { viewport: { width: 1280, height: 900 }, locale: "en-US" };
const DARK = { ...WIDE, colorScheme: "dark" };
const CHINESE = { ...WIDE, locale: "zh-CN" };
const PHONE = { viewport: { width: 390, height: 844 }, locale: "en-US", hasTouch: true };
const PLAIN = { ...WIDE, javaScriptEnabled: false };

/** Somebody who looks at pages like this, until `see` is done. */
async function reader(look, see) {
  const context = await browser.newContext(look);
  const page = await context.newPage();
  page.setDefaultTimeout(90000);
  const open = async (path) => {
    await page.goto(home + path);
    if (look.javaScriptEnabled !== false) await page.waitForSelector("#live[data-state=here]");
  };
  const keep = (name, fullPage = false) => page.screenshot({ path: `${OUT}/${name}.png`, fullPage });
  await see(page, open, keep);
  await context.close();
}

/** As many looks at what is used as make a line beside each name. */
const lines = (page) => page.waitForFunction((points) =>
  (document.querySelector('tr[data-name="queue:queue_0"] .memory .spark path:last-child')?.getAttribute("d") || "").split("L").length >= points,
Number(POINTS));

/** A day as the history tells it, and a log that has begun. */
async function day(page) {
  await page.locator(".spans [data-span=day]").click();
  // Only a point that stands for many has a peak.
  await page.waitForFunction(() => document.querySelector(".plot path.peak")?.getAttribute("d").split("L").length > 100);
  await page.waitForFunction(() => document.querySelectorAll("#log > .lines div").length > 8);
}

try {
  await reader(WIDE, async (page, open, keep) => {
    await open("/");
    await lines(page);
    await keep("readme-overview");
  });
  await reader({ ...DARK, viewport: { width: 1280, height: 980 } }, async (page, open, keep) => {
    await open("/process?name=scheduler");
    await day(page);
    await keep("readme-process");
  });
  for (const [name, look] of Object.entries({ dark: DARK, chinese: CHINESE, phone: PHONE, plain: PLAIN })) {
    await reader(look, async (page, open, keep) => {
      for (const path of ["/", "/process?name=flaky", "/process?name=thumbnailer", "/events", "/machine", "/listeners", "/plan"]) {
        await open(path);
        await keep(`${name}-${path.replace(/^\/(process\?name=)?/, "") || "all"}`, true);
      }
    });
  }
} catch (error) {
  console.log(error.stack);
  process.exitCode = 1;
}
await browser.close();
