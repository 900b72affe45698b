// HTTPS in a real browser. Run by tests/browser.rs, which has a house with one certificate in use and another ready,
// and says in the environment where it is and which two keys the browser may trust: every other one it refuses.
import { createRequire } from "node:module";
import { copyFileSync, writeFileSync } from "node:fs";

const { BROWSER_HOME, BROWSER, URL: home, PINS, HOUSE } = process.env;
const { chromium } = createRequire(`${BROWSER_HOME}/`)("playwright-core");

const complaints = [];
function must(truth, what) {
  if (!truth) throw new Error(what);
}

const browser = await chromium.launch({
  executablePath: BROWSER,
  args: ["--no-sandbox", `--ignore-certificate-errors-spki-list=${PINS}`],
});

/** A reader with connections of their own, and a page of theirs. Whatever it complains of is remembered. */
async function reader(storageState) {
  const context = await browser.newContext({ locale: "en-US", storageState });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (it) => ["error", "warning"].includes(it.type()) && complaints.push(it.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${home}/`)) complaints.push(`asked for ${request.url()}`);
  });
  return page;
}

/** Until when the certificate is valid that the server shows to who connects now. */
async function validUntil() {
  const page = await reader();
  const answer = await page.goto(`${home}/login`);
  const shown = await answer.securityDetails();
  await page.context().close();
  must(shown.protocol === "TLS 1.3", `${shown.protocol} is spoken`);
  return shown.validTo;
}

async function comesIn() {
  const page = await reader();
  const answer = await page.goto(`${home}/`);
  must(answer.status() === 401, "a stranger got in");
  const headers = answer.headers();
  for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
    must(headers["content-security-policy"].includes(rule), headers["content-security-policy"]);
  }
  must(headers["x-content-type-options"] === "nosniff" && headers["referrer-policy"] === "same-origin", JSON.stringify(headers));
  await page.fill("[name=username]", "me");
  await page.fill("[name=password]", "secret");
  await page.click("button.main");
  await page.waitForSelector("#live[data-state=here]");
  const session = (await page.context().cookies()).find((it) => it.name.startsWith("__Host-menshen_session"));
  must(session, "there is no cookie of the kind that only a secret connection may set");
  must(session.secure && session.httpOnly && session.sameSite === "Strict", JSON.stringify(session));
  must(await page.evaluate(() => isSecureContext && document.cookie === ""), "a script sees the session");
  return page;
}

/** The certificate is renewed while a page is open: who has it open sees nothing of that. */
async function renewed(page) {
  const before = await validUntil();
  for (const kind of ["key", "pem"]) copyFileSync(`${HOUSE}/new.${kind}`, `${HOUSE}/box.${kind}`);
  let after = before;
  // The files are looked at when somebody connects.
  for (const began = Date.now(); after === before; after = await validUntil()) {
    must(Date.now() - began < 20000, "the new certificate is not shown");
  }
  must(after > before, "an older certificate is shown");
  writeFileSync(`${HOUSE}/end-mortal`, "");
  await page.waitForSelector('#processes tr[data-name="mortal"][data-state="EXITED"]');
  const other = await reader(await page.context().storageState());
  await other.goto(`${home}/`);
  await other.waitForSelector("#live[data-state=here]");
  await other.locator('tr[data-name="mortal"] button.start').click();
  // It ends once more: both pages are told, one by the old key, one by the new.
  for (const it of [page, other]) {
    await it.waitForFunction(() => document.querySelector('tr[data-name="mortal"]').textContent.includes("exit status 3"));
  }
}

try {
  const page = await comesIn();
  await renewed(page);
  must(complaints.filter((it) => !it.includes("401")).length === 0, complaints.join("\n"));
} catch (error) {
  console.log(error.stack, complaints.join("\n"));
  process.exitCode = 1;
}
await browser.close();
