// Small things every page uses. Text becomes a node and never markup: there is no other way in here.
const SVG = "http://www.w3.org/2000/svg";
const API = "/api/v1";
const page = document.body.dataset.page;
const token = document.body.dataset.token;
const mayAct = document.body.dataset.acts === "yes";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element: its tag, its attributes (functions are listeners), its children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((it) => it != null && it !== false));
  return element;
}

/** The same for pictures. */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Changes a text only if it is another: the browser then has nothing to do. */
function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

// Numbers as the server writes them, so that nothing jumps when a script takes over.
function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${s % 60} s`;
  return `${s} s`;
}
function bytes(number) {
  if (number < 1024) return `${Math.round(number)} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let value = number / 1024;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? Math.floor(value * 10) / 10 : Math.floor(value)} ${units[unit]}`
    .replace(/^(\d) /, "$1.0 ");
}
const percent = (number) => `${number < 9.95 ? number.toFixed(1) : number.toFixed(0)}%`;
const moment = (seconds, long) =>
  new Date(seconds * 1000).toLocaleString(document.documentElement.lang, long
    ? { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }
    : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const processPage = (name) => `/process?name=${encodeURIComponent(name)}`;

/** Asks the server for something; nothing when there is none to be had. */
async function ask(path) {
  try {
    const answer = await fetch(API + path, { headers: { Accept: "application/json" } });
    // The session is over: the page in its place is the one to log in.
    if (answer.status === 401) location.reload();
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/** What a state means, as the server sees it. */
function bucket(state, ended) {
  if (state === "RUNNING") return "running";
  if (state === "STARTING" || state === "STOPPING") return "changing";
  if (state === "EXITED") return ended && ["unexpected", "too early"].includes(ended.cause) ? "trouble" : "stopped";
  return state === "STOPPED" ? "stopped" : "trouble";
}
const CLASSES = { running: "up", changing: "due", trouble: "down", stopped: "rest" };

/** Writes a state into its element. */
function writeState(element, process) {
  write(element, say(process.state.toLowerCase()));
  const name = `state ${CLASSES[bucket(process.state, process.ended)]}`;
  if (element.className !== name) element.className = name;
}

/** How a child ended, in the reader's language. */
function ending({ code, signal, core, description }) {
  if (code !== undefined) return say("exit status {}", code);
  return signal ? say(core ? "terminated by {} (core dumped)" : "terminated by {}", signal) : say(description);
}

/** What to say beside a name. Times are the reader's, as everywhere else where a script writes them. */
function remark(process) {
  const ended = process.ended && ending(process.ended);
  if (process.state === "RUNNING" && process.uptime < 600 && ended && ["unexpected", "too early"].includes(process.ended.cause)) {
    return say("last end: {}", ended);
  }
  if (["RUNNING", "STARTING", "STOPPING"].includes(process.state)) return "";
  const isOver = process.state === "EXITED" || process.state === "STOPPED";
  const about = isOver && process.stopped ? moment(process.stopped, true) : say(process.description || "");
  return process.state === "EXITED" && ended ? `${ended}${isChinese ? "，" : ", "}${about}` : about;
}

/** Runs something once before the next picture, however often it is asked for. */
function soon(work) {
  let due = false;
  return () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      work();
    });
  };
}

/** Says something that passes. */
function tell(isGood, text) {
  const place = one("#told");
  place.classList.add("over");
  const line = make("p", { class: isGood ? "good" : "bad" }, text);
  place.append(line);
  setTimeout(() => line.remove(), isGood ? 4000 : 12000);
}

/** Asks the reader; true when they agree. */
function agree(question, word) {
  return new Promise((resolve) => {
    const dialog = make("dialog", { "aria-labelledby": "question" },
      make("h2", { id: "question" }, question),
      make("form", { method: "dialog", class: "row" },
        make("button", { value: "" }, say("Cancel")),
        make("button", { value: "yes", class: "main", autofocus: true }, word)));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
