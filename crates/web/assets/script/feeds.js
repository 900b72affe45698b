// The pages beside the overview.

/** What happened, in words: who, what, and more. */
function eventLine(kind, event) {
  const detail = kind === "state" ? why(event) : event.data || "";
  if (kind === "state") {
    const state = make("span");
    writeState(state, { state: event.to, ended: event.process && event.process.ended });
    return eventItem(event.at, event.name, [state, make("span", { class: "detail" }, detail)]);
  }
  if (kind === "group_added") return eventItem(event.at, null, [say("group added"), " ", event.name]);
  if (kind === "group_removed") return eventItem(event.at, null, [say("group removed"), " ", event.name]);
  if (kind === "supervisor") return eventItem(event.at, null, [say("supervisor"), " ", event.state]);
  return eventItem(event.at, event.name, [event.type || kind, make("span", { class: "detail" }, detail)]);
}

/** Why a state was entered. The process may have gone on since: what it is now says nothing about that. */
function why({ to, process }) {
  if (!process) return "";
  if (to === "EXITED") return process.ended ? process.ended.description : "";
  if (to === "BACKOFF" || to === "FATAL") return process.spawn_error || (process.ended ? process.ended.description : "");
  return "";
}

function eventItem(at, name, what) {
  const who = name ? make("a", { href: processPage(name) }, make("bdi", {}, name)) : make("span");
  const item = make("li", {}, make("time", {}, moment(at, true)), who, make("span", {}, ...what));
  item.dataset.text = item.textContent.toLowerCase();
  return item;
}

class Events {
  constructor() {
    this.list = one("#events");
    this.tools = one("#tools");
    this.tools.hidden = false;
    this.tools.addEventListener("submit", (event) => event.preventDefault());
    one("input", this.tools).addEventListener("input", () => this.filter());
    const live = watch();
    for (const kind of ["state", "group_added", "group_removed", "supervisor", "remote", "communication"]) {
      live.on(kind, (event) => this.add(eventLine(kind, event)));
    }
    live.on("hello", () => this.empty());
    this.empty();
  }

  add(item) {
    this.list.prepend(item);
    while (this.list.childElementCount > 1000) this.list.lastElementChild.remove();
    this.filter();
  }

  filter() {
    const text = one("input", this.tools).value.trim().toLowerCase();
    for (const item of this.list.children) item.hidden = Boolean(text) && !item.dataset.text.includes(text);
    this.empty();
  }

  empty() {
    one("#none").hidden = Boolean(one("li:not([hidden])", this.list));
  }
}

class Machine {
  constructor() {
    if (!one("#charts")) return;
    this.before = null;
    const rate = (number) => `${bytes(number)}/s`;
    const plots = [
      new Plot({ title: say("CPU"), lines: [""], format: percent, most: 100, least: 10 }),
      new Plot({ title: say("Load"), lines: [""], format: (it) => it.toFixed(1), least: 1 }),
      new Plot({ title: say("Memory"), lines: ["", say("Swap")], format: bytes, base: 1024 }),
      new Plot({ title: `${say("Disk reads")} · ${say("Disk writes")}`, lines: ["↓", "↑"], format: rate, base: 1024, least: 1024 }),
      new Plot({ title: `${say("Network in")} · ${say("Network out")}`, lines: ["↓", "↑"], format: rate, base: 1024, least: 1024 }),
    ];
    this.charts = new Charts(plots, (span) => machinePast(span));
    watch().on("samples", (samples) => samples.machine && this.take(samples.machine));
  }

  take(machine) {
    const sum = (list, name) => (list || []).reduce((sum, it) => sum + (it[name] || 0), 0);
    const now = { at: machine.at, totals: [sum(machine.disks, "read_bytes"), sum(machine.disks, "written_bytes"),
      sum(machine.networks, "received_bytes"), sum(machine.networks, "sent_bytes")] };
    const { before } = this;
    const rates = now.totals.map((it, index) =>
      before && now.at > before.at ? Math.max(0, (it - before.totals[index]) / (now.at - before.at)) : null);
    this.before = now;
    const used = machine.memory_bytes - machine.available_bytes;
    this.charts.add([machine.at, machine.cpu_percent, machine.load[0], used, machine.swapped_bytes, ...rates]);
    const of = (used, all) => `${bytes(used)} ${isChinese ? "/" : "of"} ${bytes(all)}`;
    const fact = (name, text) => write(one(`#machine .${name} dd`), text);
    if (machine.cpu_percent !== undefined) fact("cpu", percent(machine.cpu_percent));
    fact("processors", String(machine.processors));
    fact("load", machine.load.map((it) => it.toFixed(2)).join("  "));
    fact("memory", of(used, machine.memory_bytes));
    fact("swap", of(machine.swapped_bytes, machine.swap_bytes));
    fact("age", span(machine.uptime));
  }
}

class Listeners {
  constructor() {
    if (!one("#pools")) return;
    watch().on("samples", ({ listeners }) => listeners && this.take(listeners));
  }

  take(listeners) {
    for (const row of all("#pools tr[data-name]")) {
      const pool = listeners.find((it) => it.name === row.dataset.name);
      if (!pool) continue;
      write(one(".waiting", row), String(pool.waiting));
      write(one(".dropped", row), String(pool.dropped));
      one(".dropped", row).classList.toggle("worry", pool.dropped > 0);
      write(one(".running", row), `${pool.running} ${isChinese ? "/" : "of"} ${pool.processes.length}`);
    }
  }
}

class Process {
  constructor() {
    this.element = one("#process");
    this.name = this.element.dataset.name;
    this.seen = performance.now() / 1000;
    const rate = (number) => `${bytes(number)}/s`;
    this.charts = new Charts([
      new Plot({ title: say("CPU"), lines: [""], format: percent, least: 1 }),
      new Plot({ title: say("Memory"), lines: ["", say("Proportional")], format: bytes, base: 1024 }),
      new Plot({ title: `${say("Disk reads")} · ${say("Disk writes")}`, lines: ["↓", "↑"], format: rate, base: 1024, least: 1024 }),
      new Plot({ title: `${say("Threads")} · ${say("Descriptors")}`, lines: [say("Threads"), say("Descriptors")], format: (it) => it.toFixed(0), least: 3 }),
    ], (span) => processPast(this.name, span), new Band(say("States")));
    new Log(this.name, one("#log"));
    watch()
      .on("hello", () => this.sync())
      .on("reset", () => this.sync())
      .on("state", (event) => event.name === this.name && event.process && this.take(event.process, event.at))
      .on("samples", ({ processes }) => processes && this.use(processes[this.name]));
    setInterval(() => document.hidden || this.age(), 1000);
  }

  async sync() {
    const process = await ask(`/processes/${encodeURIComponent(this.name)}`);
    if (process) this.take(process, process.started || Date.now() / 1000, true);
  }

  take(process, at, isSync) {
    this.process = process;
    this.seen = performance.now() / 1000;
    this.element.dataset.state = process.state;
    writeState(one(".title > .state"), process);
    write(one(".remark"), remark(process));
    this.fact("pid", process.pid ? String(process.pid) : "–");
    this.fact("restarts", String(process.restarts));
    if (!isSync || !this.charts.changes.length) this.charts.change(at, process.state, process.ended);
    if (process.ended && !isSync) exitsPast(this.name);
    if (process.usage) this.show(process.usage);
    this.age();
  }

  fact(name, text) {
    write(one(`.facts .${name} dd`), text);
  }

  age() {
    const { process } = this;
    if (!process) return;
    const isUp = process.uptime !== undefined;
    this.fact("age", isUp ? span(process.uptime + performance.now() / 1000 - this.seen) : "–");
    if (!isUp) for (const name of ["cpu", "memory", "threads", "descriptors"]) this.fact(name, "–");
    const words = { retry: "retry in {}", restart: "restart in {}", kill: "kill in {}" };
    const left = process.next_at - Date.now() / 1000;
    if (words[process.next] && left > 0) {
      write(one(".remark"), [remark(process), say(words[process.next], span(Math.ceil(left)))].filter(Boolean).join(", "));
    }
  }

  use(usage) {
    if (!usage) return;
    this.show(usage);
    const { before } = this;
    const rate = (name) => before && usage.at > before.at && usage[name] !== undefined && before[name] !== undefined
      ? Math.max(0, (usage[name] - before[name]) / (usage.at - before.at)) : null;
    this.charts.add([usage.at, usage.cpu_percent, usage.memory_bytes, usage.proportional_bytes, rate("read_bytes"),
      rate("written_bytes"), usage.threads, usage.descriptors]);
    this.before = usage;
  }

  show(usage) {
    if (usage.cpu_percent !== undefined) this.fact("cpu", percent(usage.cpu_percent));
    this.fact("memory", bytes(usage.memory_bytes));
    this.fact("threads", String(usage.threads));
    if (usage.descriptors !== undefined) this.fact("descriptors", String(usage.descriptors));
  }
}

// What was before the page was opened.
async function processPast() { return null; }
async function machinePast() { return null; }
async function exitsPast() { return null; }
