// The pages beside the overview.

/** What happened, in words: who, what, and more. */
function eventLine(kind, event) {
  if (kind === "state") {
    const state = make("span");
    writeState(state, { state: event.to, ended: event.process && event.process.ended });
    const item = eventItem("state", event.at, event.name, [state, detail(why(event))]);
    if (isOver(event.to)) item.dataset.over = event.name;
    return item;
  }
  if (kind === "exit") return eventItem(kind, event.at, event.name, endWords(event));
  if (kind === "group_added") return eventItem("config", event.at, null, [say("group added"), " ", event.name]);
  if (kind === "group_removed") return eventItem("config", event.at, null, [say("group removed"), " ", event.name]);
  if (kind === "supervisor") return eventItem(kind, event.at, null, [say("supervisor"), " ", event.state]);
  if (kind === "remote") return eventItem("action", event.at, null, [say("message from a client"), " ", make("code", {}, event.type), detail(event.data)]);
  return eventItem("action", event.at, event.name, [say("message from the program"), detail(event.data)]);
}

/** The same for what the history tells. */
function pastLine({ kind, at, name, text, details = {} }) {
  if (kind === "exit") return eventItem(kind, at, name, endWords(details));
  if (details.to) {
    const state = make("span");
    writeState(state, { state: details.to });
    return eventItem("state", at, name, [state, detail(details.error || "")]);
  }
  if (details.what) {
    const what = details.what.replace(/^\w+\./, "");
    const how = details.outcome === "done" ? null : make("span", { class: "bad" }, ` ${details.reason || details.outcome}`);
    return eventItem(kind, at, name, [make("code", {}, what), detail(`${details.who} · ${details.from}`), how]);
  }
  if (details.added) return eventItem(kind, at, null, [say("group added"), " ", details.added]);
  if (details.removed) return eventItem(kind, at, null, [say("group removed"), " ", details.removed]);
  return eventItem(kind, at, name, [kind === "supervisor" ? `${say("supervisor")} ` : null, say(text)]);
}

const detail = (text) => make("span", { class: "detail" }, text);

/** How a child ended, with the reason. */
function endWords(end) {
  const isBad = !["expected", "stopped"].includes(end.cause);
  return [make("span", { class: isBad ? "state down" : "state rest" }, ending(end)),
    detail([say(end.cause), end.out_of_memory && say("memory had run out")].filter(Boolean).join(" · "))];
}

/** Why a state was entered. The process may have gone on since: what it is now says nothing about that. */
function why({ to, process }) {
  if (!process || (to !== "BACKOFF" && to !== "FATAL")) return "";
  return process.spawn_error ? say(process.spawn_error) : process.ended ? ending(process.ended) : "";
}

function eventItem(kind, at, name, what) {
  const who = name ? make("a", { href: processPage(name) }, make("bdi", {}, name)) : make("span");
  const item = make("li", {}, make("time", {}, moment(at, true)), who, make("span", {}, ...what.filter(Boolean)));
  item.dataset.kind = kind;
  item.dataset.text = item.textContent.toLowerCase();
  return item;
}

/** How many lines the page of events has at most. */
const EVENTS_SHOWN = 1000;

class Events {
  constructor() {
    this.list = one("#events");
    this.tools = one("#tools");
    this.tools.hidden = false;
    this.tools.addEventListener("submit", (event) => event.preventDefault());
    one("input", this.tools).addEventListener("input", () => this.filter());
    one("select", this.tools).addEventListener("change", () => this.filter());
    const live = watch();
    live.on("exit", (event) => {
      // The state before said less of the same.
      const echo = [...this.list.children].slice(0, 50).find((it) => it.dataset.over === event.name);
      if (echo) echo.remove();
    });
    for (const kind of ["state", "exit", "group_added", "group_removed", "supervisor", "remote", "communication"]) {
      live.on(kind, (event) => this.add(eventLine(kind, event)));
    }
    live.on("hello", () => this.empty());
    live.on("reset", () => this.load());
    this.load();
  }

  /** What was before, and what was missed. */
  async load() {
    const began = Date.now() / 1000;
    const past = keepsHistory ? await ask("/history?most=500") : null;
    if (past) {
      const since = [...this.list.children].filter((it) => Number(it.dataset.at) > began);
      this.list.replaceChildren(...since, ...withoutEchoes(past).map(pastLine).reverse());
    }
    this.filter();
  }

  add(item) {
    item.dataset.at = Date.now() / 1000;
    this.list.prepend(item);
    while (this.list.childElementCount > EVENTS_SHOWN) this.list.lastElementChild.remove();
    this.match(item);
    this.empty();
  }

  match(item) {
    const [text, kind] = [one("input", this.tools).value.trim().toLowerCase(), one("select", this.tools).value];
    const isOther = kind && kind !== item.dataset.kind && !(kind === "state" && item.dataset.kind === "start");
    item.hidden = Boolean(isOther || (text && !item.dataset.text.includes(text)));
  }

  filter() {
    for (const item of this.list.children) this.match(item);
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
      new Plot({ title: say("CPU"), lines: ["", say("Peak")], format: percent, least: 10, hasPeaks: true }),
      new Plot({ title: say("Load"), lines: [""], format: (it) => it.toFixed(1), least: 1 }),
      new Plot({ title: say("Memory"), lines: [""], format: bytes, base: 1024 }),
      new Plot({ title: say("Swap"), lines: [""], format: bytes, base: 1024, least: 1024 }),
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
    const inUse = machine.memory_bytes - machine.available_bytes;
    this.charts.add([machine.at, machine.cpu_percent, null, machine.load[0], inUse, machine.swapped_bytes, ...rates]);
    const of = (used, all) => `${bytes(used)} ${isChinese ? "/" : "of"} ${bytes(all)}`;
    const fact = (name, text) => write(one(`#machine .${name} dd`), text);
    if (machine.cpu_percent !== undefined) fact("cpu", percent(machine.cpu_percent));
    fact("processors", String(machine.processors));
    fact("load", machine.load.map((it) => it.toFixed(2)).join("  "));
    fact("memory", of(inUse, machine.memory_bytes));
    fact("swap", of(machine.swapped_bytes, machine.swap_bytes));
    fact("age", span(machine.uptime));
    const rate = (number) => `${bytes(number)}/s`;
    const seconds = this.last ? machine.at - this.last.at : 0;
    this.devices("disks", machine.disks, (disk, old) => {
      const per = (name) => (disk[name] - old[name]) / seconds;
      return [rate(per("read_bytes")), rate(per("written_bytes")), percent(Math.min(100, per("busy_ms") / 10))];
    });
    // A host of containers has many that nothing ever went through.
    const used = (machine.networks || []).filter((it) => it.received_bytes + it.sent_bytes > 0);
    this.devices("networks", used, (network, old) => {
      const per = (name) => rate((network[name] - old[name]) / seconds);
      return [per("received_bytes"), per("sent_bytes"), `↓ ${bytes(network.received_bytes)}  ↑ ${bytes(network.sent_bytes)}`];
    });
    this.last = machine;
  }

  /** A row for each device: its name, and what it has done since the look before. */
  devices(kind, list = [], cells) {
    const section = one(`#${kind}`);
    section.hidden = !list.length;
    const rows = new Map(all("tbody tr", section).map((it) => [it.dataset.name, it]));
    for (const it of list) {
      const old = this.last && (this.last[kind] || []).find((other) => other.name === it.name);
      let row = rows.get(it.name);
      if (!row) {
        row = make("tr", { "data-name": it.name }, make("th", { scope: "row", class: "name" }, it.name),
          ...[1, 2, 3].map(() => make("td", { class: "number" }, "–")));
        one("tbody", section).append(row);
      }
      rows.delete(it.name);
      if (old) cells(it, old).forEach((text, index) => write(row.children[index + 1], text));
    }
    for (const gone of rows.values()) gone.remove();
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
      new Plot({ title: say("CPU"), lines: ["", say("Peak")], format: percent, least: 1, hasPeaks: true }),
      new Plot({ title: say("Memory"), lines: ["", say("Proportional")], format: bytes, base: 1024 }),
      new Plot({ title: `${say("Disk reads")} · ${say("Disk writes")}`, lines: ["↓", "↑"], format: rate, base: 1024, least: 1024 }),
      new Plot({ title: `${say("Threads")} · ${say("Descriptors")}`, lines: [say("Threads"), say("Descriptors")], format: (it) => it.toFixed(0), least: 3 }),
    ], (span) => processPast(this.name, span), new Band(say("States")));
    new Log(this.name, one("#log"));
    exitsPast(this.name);
    watch()
      .on("hello", () => this.sync())
      .on("reset", () => this.sync())
      .on("state", (event) => event.name === this.name && event.process && this.take(event.process, event.at))
      .on("exit", (event) => event.name === this.name && exitsPast(this.name))
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
    if (process.usage) this.show(process.usage);
    this.age();
    // One that dies again and again is asked about no more often than somebody can read.
    clearTimeout(this.wondering);
    this.wondering = setTimeout(() => this.wonder(), isSync ? 0 : 400);
  }

  /** Why it is as it is. */
  async wonder() {
    const answer = await ask(`/processes/${encodeURIComponent(this.name)}/why?language=${document.documentElement.lang}`);
    if (!answer) return;
    const sentences = answer.sentences.slice(answer.state === "RUNNING" ? 1 : 0);
    one(".why").replaceChildren(...(sentences.length ? [make("time", {}, moment(Date.now() / 1000, true)), " · ", sentences.join(isChinese ? "" : " ")] : []));
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
    this.charts.add([usage.at, usage.cpu_percent, null, usage.memory_bytes, usage.proportional_bytes, rate("read_bytes"),
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
