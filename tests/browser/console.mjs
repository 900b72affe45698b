// The pages in a real browser, end to end. Run by tests/browser.rs, which has a house ready and says in the
// environment where it is. Says what was seen, a line each; ends with a status that is not 0 at the first thing that
// is not as it should be.
import { createRequire } from "node:module";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const { BROWSER_HOME, BROWSER, URL: home, HOUSE, OUT } = process.env;
const require = createRequire(`${BROWSER_HOME}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(OUT, { recursive: true });

const began = Date.now();
const complaints = [];
const seen = (what) => console.log(`${((Date.now() - began) / 1000).toFixed(1)} s: ${what}`);
function must(truth, what) {
  if (!truth) throw new Error(what);
}

// In containers there is no room for the sandbox of a browser, and nothing here is from strangers.
const browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox"] });

/** Fills in the page that asks who one is. */
async function logIn(page, name, password) {
  await page.fill("[name=username]", name);
  await page.fill("[name=password]", password);
  await page.click("button.main");
}

/** What a browser keeps of somebody who has logged in. */
async function kept(name, password) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${home}/login`);
  await logIn(page, name, password);
  await page.waitForSelector("#processes");
  const state = await context.storageState();
  await context.close();
  return state;
}
let me = null;

/** A page of a reader who looks at it like this. Whatever it complains of is remembered. */
async function open(path, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    locale: "en-US",
    storageState: me,
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.on("console", (it) => ["error", "warning"].includes(it.type()) && complaints.push(`${path}: ${it.text()}`));
  page.on("pageerror", (error) => complaints.push(`${path}: ${error.message}`));
  page.on("dialog", (dialog) => complaints.push(`${path}: a program opened a dialog: ${dialog.message()}`));
  page.on("request", (request) => request.url().startsWith(home) || complaints.push(`asked for ${request.url()}`));
  page.weight = 0;
  page.on("response", async (response) => {
    const length = response.headers()["content-length"];
    page.weight += Number(length || 0);
  });
  await page.goto(home + path);
  return page;
}

const row = (page, name) => page.locator(`#processes tr[data-name="${name}"]`);
const inState = (page, name, state) => page.waitForSelector(`#processes tr[data-name="${name}"][data-state="${state}"]`);
const shot = (page, name) => page.screenshot({ path: `${OUT}/${name}.png` });

/** What a reader who cannot see, or sees little, would stumble over. */
async function checkAccess(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const grave = found.violations.filter((it) => ["serious", "critical"].includes(it.impact));
  const told = grave.map((it) => `${it.id}: ${it.help}: ${it.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
  must(grave.length === 0, `${what}: ${told.join("\n")}`);
}

/** Whether nothing sticks out to the side. */
async function checkWidth(page, what) {
  const [wide, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  must(wide <= room, `${what}: ${wide} px wide in ${room}`);
}

async function strangers() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: "en-US" });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  const answer = await page.goto(`${home}/events`);
  must(answer.status() === 401, "a stranger got in");
  must((await page.locator("nav").count()) === 0, "a stranger is shown more than the way in");
  await checkAccess(page, "login");
  await shot(page, "login");
  await logIn(page, "eve", "guess");
  await page.waitForSelector(".login .bad");
  must((await page.textContent(".login .bad")) === "That is not the right user and password.", "no reason is told");
  must((await page.inputValue("[name=password]")) === "", "a wrong password stays there");
  await checkAccess(page, "login after a wrong password");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await checkWidth(page, "login");
  await checkAccess(page, "login in the dark");
  await page.setViewportSize({ width: 1280, height: 860 });
  seen("a stranger sees the page to log in, and is told why not");

  await logIn(page, "eve", "looks");
  await page.waitForURL(`${home}/events`);
  seen("whoever logs in comes to where they wanted");
  for (const path of ["/", "/process?name=calm", "/plan"]) {
    await page.goto(home + path);
    const found = await page.locator("#acts button[name], #bulk button, [name=selected]").evaluateAll((all) => all.map((it) => it.outerHTML));
    must(found.length === 0, `${path}: a viewer may act: ${found[0]}`);
  }
  const cookies = await context.cookies();
  const session = cookies.find((it) => it.name.startsWith("menshen_session"));
  must(session && session.httpOnly && session.sameSite === "Strict", JSON.stringify(session));
  const status = await page.evaluate(async () => {
    const answer = await fetch("/api/v1/processes/calm/stop", { method: "POST" });
    return `${answer.status} ${(await answer.json()).error}`;
  });
  must(status === "403 FORBIDDEN", status);
  seen("a viewer is shown no button, and refused without one");

  await page.click("details.menu summary");
  must((await page.textContent(".menu .user")) === "eve", "who is logged in is not told");
  await page.click("form[action='/logout'] button");
  await page.waitForSelector(".login");
  must((await page.goto(`${home}/`)).status() === 401, "a session outlives its end");
  await context.close();
  seen("whoever logs out is out");
}

/** What has ended says why to a reader of Chinese, whoever writes the page. */
async function inChinese() {
  const told = /上一个子进程于 [\d:]+ 前结束：退出码 3，不在其 exitcodes 之列。/;
  for (const javaScriptEnabled of [false, true]) {
    const page = await open("/process?name=mortal", { locale: "zh-CN", javaScriptEnabled });
    if (javaScriptEnabled) await page.waitForSelector("#live[data-state=here]");
    if (javaScriptEnabled) await page.waitForSelector(".why time");
    for (const place of [".why", ".remark"]) {
      const text = await page.textContent(place);
      must(!/[a-z]{3}/.test(text.replace("exitcodes", "").replace(/[A-Z][a-z]{2} \d+/, "")), `English for a reader of Chinese: ${text}`);
    }
    must(told.test(await page.textContent(".why")), await page.textContent(".why"));
    await page.context().close();
  }
  seen("why it is as it is is told in Chinese, with a script and without one");
}

/** A session that ends elsewhere, while its page is open. */
async function expelled() {
  const page = await open("/");
  await page.waitForSelector("#live[data-state=here]");
  const before = complaints.length;
  await page.evaluate(async (token) => {
    await fetch("/logout", { method: "POST", body: new URLSearchParams({ token }) });
  }, await page.getAttribute("body", "data-token"));
  await row(page, "calm").locator("button.restart").click();
  await page.waitForSelector(".login");
  // The browser itself says that it was refused; nothing else may be wrong.
  const others = complaints.splice(before).filter((it) => !it.includes("401"));
  must(others.length === 0, others.join("\n"));
  await page.context().close();
  seen("a page whose session is over asks to log in");
}

async function overview() {
  const page = await open("/");
  await page.waitForSelector("#live[data-state=here]");
  must(page.weight < 100000, `the page weighs ${page.weight} bytes`);
  seen(`the overview is live, ${page.weight} bytes`);

  // Somebody else ends a program: the page says so by itself.
  writeFileSync(`${HOUSE}/end-mortal`, "");
  await inState(page, "mortal", "EXITED");
  // What has ended is told by an event of its own.
  await row(page, "mortal").locator(".name small", { hasText: "exit status 3" }).waitFor();
  seen("a state change arrives by itself, with its reason");
  const ended = await open("/process?name=mortal");
  await ended.waitForFunction(() => /ended .* ago: exit status 3, which its exitcodes do not expect/.test(document.querySelector(".why").textContent));
  await ended.context().close();
  seen("the page of what has ended says why");

  const pid = await row(page, "calm").locator(".pid").textContent();
  await row(page, "calm").locator("button.restart").click();
  await page.waitForFunction(([name, old]) => {
    const row = document.querySelector(`#processes tr[data-name="${name}"]`);
    const pid = row.querySelector(".pid").textContent;
    return row.dataset.state === "RUNNING" && pid && pid !== old;
  }, ["calm", pid]);
  await page.waitForSelector(".told .good");
  seen("a process is restarted by its button");

  await row(page, "crew:crew_0").locator("[name=selected]").check();
  await row(page, "crew:crew_1").locator("[name=selected]").check();
  await page.locator("#bulk button.stop").click();
  await page.locator("dialog button.main").click();
  await inState(page, "crew:crew_0", "STOPPED");
  await inState(page, "crew:crew_1", "STOPPED");
  must((await row(page, "crew:crew_2").getAttribute("data-state")) === "RUNNING", "more than the selection was stopped");
  await page.locator("tr.group button.start").first().click();
  await inState(page, "crew:crew_0", "RUNNING");
  seen("a selection is stopped after a question, a group is started");

  await page.keyboard.press("Escape");
  await page.locator("body").press("/");
  await page.keyboard.type("calm");
  await page.waitForFunction(() => document.querySelectorAll("#processes tr[data-name]:not([hidden])").length === 1);
  await page.waitForURL(`${home}/?q=calm`);
  await page.locator("#tools input").fill("nobody is called so");
  await page.waitForSelector("#none:not([hidden])");
  await page.locator("#tools input").fill("");
  await page.keyboard.press("Escape");
  await page.locator('#tally a[data-state="trouble"]').click();
  await page.waitForFunction(() => document.querySelectorAll("#processes tr[data-name]:not([hidden])").length === 2);
  await page.locator('#tally a[data-state=""]').click();
  await page.locator("body").press("j");
  await page.locator("body").press("j");
  must(await page.locator("tr.at").count() === 1, "the keyboard moves no row");
  await page.locator("body").press("?");
  await page.locator("dialog button").click();
  seen("it is searched, filtered and walked by keyboard");

  await page.locator("#tools select[name=sort]").selectOption("memory");
  await page.waitForSelector("#processes:not(.grouped)");
  await page.locator("#tools select[name=sort]").selectOption("name");
  await page.waitForSelector("#processes.grouped");
  await page.waitForFunction(() => document.querySelector("#processes .cpu .spark path[d]")?.getAttribute("d").length > 10);
  await checkAccess(page, "overview");
  await shot(page, "overview");
  seen("it is sorted, draws what it measures, and reads well to all");
  await page.context().close();
}

async function oneProcess() {
  const page = await open("/process?name=talker");
  const lines = page.locator("#log > .lines");
  await page.waitForFunction(() => document.querySelectorAll("#log > .lines div").length > 5);
  must(await lines.locator(".c1").count() > 0, "colors are not shown");
  must(!(await lines.textContent()).includes("[31m"), "sequences are shown as text");
  appendFileSync(`${HOUSE}/say`, "a needle in the hay\n");
  await page.waitForFunction(() => document.querySelector("#log > .lines").textContent.includes("needle"));
  seen("a log is followed, in color");

  const follow = page.locator("#log .bar button[aria-pressed]", { hasText: "Follow" });
  await follow.click();
  await lines.evaluate((it) => { it.scrollTop = 0; });
  const count = await lines.locator("div").count();
  await page.waitForFunction((count) => document.querySelectorAll("#log > .lines div").length > count + 3, count);
  must((await lines.evaluate((it) => it.scrollTop)) === 0, "a paused log moves");
  await page.locator("#log .bar input").fill("NEEDLE");
  await page.waitForFunction(() => document.querySelector("#log .bar output").textContent === "1/1");
  await follow.click();
  const saved = page.waitForEvent("download");
  await page.locator("#log .bar a").click();
  must(readFileSync(await (await saved).path(), "utf8").includes("needle"), "what was saved is not the log");
  seen("it is paused, searched and saved");

  await page.waitForFunction(() => [...document.querySelectorAll(".plot path.series")].filter((it) => it.getAttribute("d").includes("L")).length >= 2);
  await page.waitForSelector(".plot.wide rect", { state: "attached" });
  must((await page.locator(".environment").textContent()).includes("hidden"), "a secret is told");
  must(!(await page.content()).includes("hunter2"), "a secret is in the page");
  must((await page.locator(".options").textContent()).includes("supervisord.conf:"), "no origin is told");
  await checkAccess(page, "process");
  await shot(page, "process");
  seen("its charts are drawn, its secrets are kept, its origin is told");
  await page.context().close();
}

/** What was before the page was opened: charts of a month, states, ends. */
async function past() {
  const page = await open("/process?name=old");
  const points = (name) => page.waitForFunction((name) => {
    const charts = [...document.querySelectorAll(".plot path.series")].map((it) => it.getAttribute("d"));
    return charts.filter((it) => it.split("L").length > 100).length >= (name === "hour" ? 3 : 4);
  }, name);
  await points("hour");
  for (const span of ["day", "month"]) {
    await page.locator(`.spans [data-span=${span}]`).click();
    await points(span);
    must(await page.locator(".plot path.peak").count() > 0, `no peaks in a ${span}`);
  }
  await page.waitForFunction(() => document.querySelectorAll(".plot.wide rect").length > 60);
  await page.waitForFunction(() => document.querySelectorAll("#exits li").length >= 27);
  const end = page.locator("#exits li", { hasText: "exit status 9" }).first();
  must((await end.textContent()).includes("90 MB"), await end.textContent());
  await end.locator("summary").click();
  must((await end.locator("pre").innerText()).includes("<b>it is over</b>"), "the last lines are not told as text");
  await checkAccess(page, "a month");
  await shot(page, "month");
  await page.goto(`${home}/machine`);
  await page.locator(".spans [data-span=month]").click();
  await points("month");
  await page.waitForSelector("#disks tbody tr, #networks tbody tr");
  await page.goto(`${home}/events`);
  await page.waitForFunction(() => document.querySelectorAll("#events li").length > 50);
  await page.locator("#tools select[name=kind]").selectOption("exit");
  await page.waitForFunction(() => [...document.querySelectorAll("#events li:not([hidden])")].every((it) => it.dataset.kind === "exit"));
  await page.waitForFunction(() => document.querySelectorAll("#events li:not([hidden])").length >= 27);
  await page.context().close();
  seen("a month is drawn from the history, with states and ends");
}

/** Lines beside names do not begin when a page is opened. */
async function remembered() {
  const before = await open("/machine");
  const known = () => before.evaluate(async () => (await (await fetch("/api/v1/recent")).json()).processes.old?.cpu_permille.length ?? 0);
  for (const began = Date.now(); (await known()) <= 8; await before.waitForTimeout(300)) {
    must(Date.now() - began < 80000, "nobody looks at what is used");
  }
  const page = await open("/");
  await page.waitForSelector("#live[data-state=here]");
  // One look makes one point: so many are there at once only if they were remembered.
  const points = () => page.evaluate(() => ["cpu", "memory"].map((kind) =>
    (document.querySelector(`tr[data-name=old] .${kind} .spark path:last-child`)?.getAttribute("d") || "").split("L").length));
  await page.waitForSelector("tr[data-name=old] .memory .spark");
  must((await points()).every((it) => it > 8), `${await points()} points are drawn`);
  for (const it of [before, page]) await it.context().close();
  seen("what was used before a page was opened is on it");
}

/** A name with every character that a page could trip over. */
async function oddName() {
  const odd = `<i>&"'#?+ü`;
  const page = await open("/");
  await page.locator("#processes a", { hasText: odd }).click();
  await page.waitForSelector("#live[data-state=here]");
  must((await page.locator("h1").textContent()) === odd, await page.locator("h1").textContent());
  must(await page.locator("h1 i").count() === 0, "a name became markup");
  await page.locator(".acts button.stop").click();
  await page.waitForSelector('#process[data-state="STOPPED"]');
  await page.waitForFunction(() => document.querySelectorAll("#exits li").length > 0);
  await page.context().close();
  seen("a name of odd characters is one like any other");
}

async function hostile() {
  const page = await open("/process?name=evil");
  await page.waitForFunction(() => document.querySelector("#log > .lines")?.textContent.includes("the end of it"));
  must(await page.evaluate(() => window.pwned === undefined && !document.querySelector("#log > .lines script, #log > .lines img")), "a log ran");
  const longest = await page.evaluate(() => Math.max(...[...document.querySelectorAll("#log > .lines div")].map((it) => it.textContent.length)));
  must(longest < 5000, `a line of ${longest} characters is in the page`);
  seen("what a hostile program says stays text, and short");
  await page.context().close();
}

async function others() {
  for (const path of ["/events", "/machine", "/listeners", "/plan"]) {
    const page = await open(path, { colorScheme: "dark" });
    await page.waitForSelector("#live[data-state=here]");
    if (path === "/machine") await page.waitForFunction(() => document.querySelector("#machine .memory dd").textContent.includes("of"));
    if (path === "/events") {
      appendFileSync(`${HOUSE}/end-mortal`, "");
      const act = await open("/");
      await row(act, "mortal").locator("button.start").click();
      await page.waitForFunction(() => document.querySelector("#events li")?.textContent.includes("mortal"));
      await act.context().close();
    }
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    must(paper === "rgb(22, 21, 19)", `${path} is not dark: ${paper}`);
    await checkAccess(page, path);
    await shot(page, path.slice(1));
    await page.context().close();
  }
  seen("events, machine, listeners and plan are live, dark, and read well to all");
}

async function phone() {
  const device = { viewport: { width: 390, height: 844 }, colorScheme: "dark", locale: "zh-CN", hasTouch: true };
  for (const path of ["/", "/process?name=talker", "/events", "/machine", "/listeners", "/plan"]) {
    const page = await open(path, device);
    await page.waitForSelector("#live[data-state=here]");
    must((await page.locator("html").getAttribute("lang")) === "zh-Hans", "not Chinese");
    await checkWidth(page, path);
    if (path === "/") await checkAccess(page, "phone");
    if (path === "/") await shot(page, "phone");
    await page.context().close();
  }
  seen("all fits a phone, in Chinese");
}

async function withoutScript() {
  const page = await open("/?state=running", { javaScriptEnabled: false });
  must((await row(page, "calm").count()) === 1 && (await row(page, "mortal").count()) === 0, "no filter without a script");
  await row(page, "calm").locator("button.stop").click();
  must((await page.locator(".told").textContent()).includes("Stopped calm."), "nothing is told");
  await page.goto(`${home}/process?name=calm`);
  await page.locator(".acts button.start").click();
  must((await page.locator(".told").textContent()).includes("Started calm."), "nothing is told");
  await page.goto(`${home}/process?name=talker`);
  const saved = page.waitForEvent("download");
  await page.locator('[data-channel=stdout] a.download').click();
  must(readFileSync(await (await saved).path(), "utf8").includes("needle"), "what was saved is not the log");
  await page.goto(`${home}/process?name=calm`);
  await checkWidth(page, "without a script");
  await page.context().close();
  seen("it reads and acts without a script");
}

try {
  await strangers();
  me = await kept("me", "secret");
  await overview();
  await inChinese();
  await oneProcess();
  await past();
  await remembered();
  await oddName();
  await hostile();
  await others();
  await phone();
  await withoutScript();
  await expelled();
  must(complaints.length === 0, `the browser complains:\n${complaints.join("\n")}`);
  seen("the browser has no complaint");
} catch (error) {
  console.log(error.stack, complaints.join("\n"));
  for (const context of browser.contexts()) {
    for (const page of context.pages()) await shot(page, "failed").catch(() => {});
  }
  process.exitCode = 1;
}
await browser.close();
