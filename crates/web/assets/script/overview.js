// The overview, kept up to date. Rows are changed in place, and only those in sight are drawn.

class Overview {
  constructor() {
    this.rows = new Map();
    this.inSight = new Set();
    this.sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) this.inSight.add(target);
        else this.inSight.delete(target);
      }
      this.paint();
    }, { rootMargin: "200px" });
    this.paint = soon(() => this.inSight.forEach((it) => this.paintRow(it)));
    this.retally = soon(() => this.tally());
    // After many changes at once, all rows are looked at once.
    this.refilter = soon(() => this.filter());
    this.query = new URLSearchParams(location.search);
    this.adopt();
    this.listen();
    // The server has left out what the query did not want; from here on that is done by hiding.
    if (["q", "group", "state"].some((it) => this.query.get(it))) this.reload();
  }

  /** Takes over the rows that are in the page. */
  adopt() {
    this.sight.disconnect();
    this.inSight.clear();
    const before = this.rows;
    this.rows = new Map();
    for (const element of all("#processes tr[data-name]")) {
      const { name } = element.dataset;
      const known = before.get(name) || { cpu: new Series(), memory: new Series(), process: null };
      const cell = (kind) => one(`.${kind}`, element);
      const row = { ...known, element, name, group: element.dataset.group, seen: performance.now() / 1000,
        cells: { state: cell("state"), cpu: cell("cpu"), memory: cell("memory"), age: cell("age"),
          restarts: cell("restarts"), pid: cell("pid"), remark: one(".name small", element) } };
      element.row = row;
      this.rows.set(name, row);
      this.sight.observe(element);
    }
    for (const header of all("#processes thead th:not(.do)")) this.sortable(header);
    this.picked();
  }

  sortable(header) {
    const kind = header.classList[0] === "age" ? "up" : header.classList[0];
    if (kind === "pid" || one("button", header)) return;
    const sort = this.query.get("sort") || "name";
    if (sort === kind) header.setAttribute("aria-sort", kind === "name" ? "ascending" : "descending");
    const button = make("button", { type: "button", click: () => this.choose("sort", kind === "name" ? "" : kind) },
      header.textContent);
    header.replaceChildren(button);
  }

  listen() {
    const tools = one("#tools");
    tools.addEventListener("submit", (event) => event.preventDefault());
    one("input", tools).addEventListener("input", (event) => this.choose("q", event.target.value));
    one("select[name=group]", tools).addEventListener("change", (event) => this.choose("group", event.target.value));
    one("select[name=sort]", tools).addEventListener("change", (event) =>
      this.choose("sort", event.target.value === "name" ? "" : event.target.value));
    one("#tally").addEventListener("click", (event) => {
      const link = event.target.closest("a");
      if (!link || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      this.choose("state", link.dataset.state);
    });
    one("#acts").addEventListener("change", (event) => this.pick(event.target));
    watch()
      .on("hello", () => this.begin())
      .on("reset", () => this.begin())
      .on("state", ({ process }) => process && this.take(process, true))
      .on("samples", (samples) => this.measure(samples))
      .on("group_added", () => this.reloadSoon())
      .on("group_removed", () => this.reloadSoon());
    // Only what the reader sees grows older.
    setInterval(() => document.hidden || this.paint(), 1000);
    document.addEventListener("keydown", (event) => keys(event, this));
  }

  /** Changes one part of what is wanted; the address says so, too. */
  choose(part, value) {
    const sorted = part === "sort" && (this.query.get("sort") || "") !== value;
    if (value) this.query.set(part, value);
    else this.query.delete(part);
    for (const it of [...this.query.keys()]) if (!this.query.get(it)) this.query.delete(it);
    const text = this.query.toString();
    history.replaceState(null, "", text ? `/?${text}` : "/");
    if (sorted) this.reload();
    else this.filter();
  }

  /** Fetches the list anew, in the wanted order and whole. */
  async reload() {
    const sort = this.query.get("sort");
    let text = "";
    try {
      const answer = await fetch(sort ? `/?sort=${sort}` : "/");
      if (answer.status === 401) return location.reload();
      if (!answer.ok) return;
      text = await answer.text();
    } catch {
      return;
    }
    const fresh = one("#processes", new DOMParser().parseFromString(text, "text/html"));
    if (!fresh) return location.reload();
    const picked = new Set(all("#processes [name=selected]:checked").map((it) => it.value));
    one("#processes").replaceWith(document.adoptNode(fresh));
    for (const box of all("#processes [name=selected]")) box.checked = picked.has(box.value);
    this.adopt();
    for (const row of this.rows.values()) if (row.process) this.write(row);
    one("#tools select[name=sort]").value = sort || "name";
    this.filter();
    this.sync();
  }

  reloadSoon() {
    clearTimeout(this.reloading);
    this.reloading = setTimeout(() => this.reload(), 200);
  }

  /** The stream begins, or has a gap: what is missing is asked for. */
  async begin() {
    await this.sync();
    const recent = await ask("/recent");
    for (const [name, past] of Object.entries(recent?.processes || {})) {
      const row = this.rows.get(name);
      if (!row) continue;
      row.cpu.recall(past.cpu_permille.map((it) => it / 10), recent.looks);
      row.memory.recall(past.memory_kib.map((it) => it * 1024), recent.looks);
    }
    this.paint();
  }

  async sync() {
    const processes = await ask("/processes");
    if (!processes) return;
    const isSame = processes.length === this.rows.size && processes.every((it) => this.rows.has(it.name));
    if (!isSame) return this.reloadSoon();
    for (const process of processes) this.take(process, false);
    this.filter();
  }

  /** Takes what is new of a process. */
  take(process, isNews) {
    const row = this.rows.get(process.name);
    if (!row) return this.reloadSoon();
    row.process = process;
    row.seen = performance.now() / 1000;
    this.write(row);
    if (process.usage) this.use(row, process.usage, false);
    if (isNews) {
      row.element.classList.remove("flash");
      if (this.inSight.has(row.element)) requestAnimationFrame(() => row.element.classList.add("flash"));
      this.refilter();
    }
  }

  write(row) {
    const { process, cells, element } = row;
    if (element.dataset.state !== process.state) element.dataset.state = process.state;
    writeState(cells.state, process);
    write(cells.restarts, process.restarts ? String(process.restarts) : "");
    write(cells.pid, process.pid ? String(process.pid) : "");
    write(cells.remark, remark(process));
    // There may be no room for all of it.
    cells.remark.title = cells.remark.textContent;
    if (process.state !== "RUNNING") {
      write(cells.age, "");
      for (const kind of ["cpu", "memory"]) write(one("span", cells[kind]), "");
    }
  }

  use(row, usage, isNew) {
    row.usage = usage;
    if (!isNew) return;
    row.cpu.push(usage.cpu_percent || 0);
    row.memory.push(usage.memory_bytes || 0);
  }

  /** Takes new figures, for all at once. */
  measure(samples) {
    const all = samples.processes || {};
    for (const row of this.rows.values()) {
      const usage = all[row.name];
      if (usage) this.use(row, usage, true);
      else row.usage = null;
    }
    this.paint();
    const sort = this.query.get("sort");
    if ((sort === "cpu" || sort === "memory") && !one("#processes:hover, #processes :focus")) this.reorder(sort);
  }

  reorder(sort) {
    const body = one("#processes tbody");
    const key = (row) => (row.usage ? row.usage[sort === "cpu" ? "cpu_percent" : "memory_bytes"] || 0 : -1);
    const rows = [...this.rows.values()].sort((a, b) => key(b) - key(a));
    body.append(...rows.map((it) => it.element));
  }

  paintRow(element) {
    const { row } = element;
    const { cells, usage, process } = row;
    if (element.dataset.state !== "RUNNING") return;
    if (usage) {
      write(one("span", cells.cpu), usage.cpu_percent === undefined ? "" : percent(usage.cpu_percent));
      write(one("span", cells.memory), bytes(usage.memory_bytes));
      spark(cells.cpu, row.cpu, 1);
      spark(cells.memory, row.memory, 1024);
    }
    if (process && process.uptime !== undefined) {
      write(cells.age, span(process.uptime + performance.now() / 1000 - row.seen));
    }
  }

  /** Hides what is not wanted. */
  filter() {
    const text = (this.query.get("q") || "").trim().toLowerCase();
    const group = this.query.get("group");
    const state = this.query.get("state");
    let shown = 0;
    for (const { element, name, process, cells } of this.rows.values()) {
      const about = `${name} ${process ? process.description : ""} ${cells.remark.textContent}`.toLowerCase();
      const isWanted = (!text || about.includes(text)) && (!group || element.dataset.group === group)
        && (!state || this.bucketOf(element, process) === state);
      if (element.hidden === isWanted) element.hidden = !isWanted;
      shown += isWanted;
    }
    for (const body of all("#processes tbody")) {
      const head = one("tr.group", body);
      if (head) head.hidden = !one("tr[data-name]:not([hidden])", body);
    }
    one("#processes").hidden = shown === 0;
    one("#none").hidden = shown > 0;
    this.retally();
    this.paint();
  }

  bucketOf(element, process) {
    if (process) return bucket(process.state, process.ended);
    const name = one(".state", element).classList[1];
    return Object.keys(CLASSES).find((it) => CLASSES[it] === name);
  }

  /** Counts anew. */
  tally() {
    const counts = { "": this.rows.size, trouble: 0, changing: 0, running: 0, stopped: 0 };
    const groups = new Map();
    for (const { element, process } of this.rows.values()) {
      const kind = this.bucketOf(element, process);
      counts[kind] += 1;
      const group = groups.get(element.parentElement) || [0, 0];
      groups.set(element.parentElement, [group[0] + (kind === "running"), group[1] + 1]);
    }
    const state = this.query.get("state") || "";
    for (const link of all("#tally a")) {
      write(one("b", link), String(counts[link.dataset.state]));
      if (link.dataset.state === state) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      const wanted = new URLSearchParams(this.query);
      wanted.delete("state");
      if (link.dataset.state) wanted.set("state", link.dataset.state);
      link.href = `/?${wanted}`;
    }
    let from = 0;
    for (const [index, kind] of ["trouble", "changing", "running", "stopped"].entries()) {
      const place = (it) => Math.floor((it * 1000) / Math.max(1, this.rows.size));
      const part = one("#share").children[index];
      part.setAttribute("x", place(from));
      part.setAttribute("width", place(from + counts[kind]) - place(from));
      from += counts[kind];
    }
    for (const [body, [running, of]] of groups) {
      const place = one("tr.group small", body);
      if (place) write(place, `${running} ${isChinese ? "/" : "of"} ${of}`);
    }
  }

  /** Boxes that stand for several. */
  pick(box) {
    const set = (boxes) => boxes.forEach((it) => { if (!it.closest("tr").hidden) it.checked = box.checked; });
    if (box.id === "all") set(all("#processes [name=selected], #processes .several"));
    else if (box.classList.contains("several")) set(all("[name=selected]", box.closest("tbody")));
    this.picked();
  }

  picked() {
    const bulk = one("#bulk");
    if (!bulk) return;
    let count = 0;
    for (const box of all("#processes [name=selected]")) {
      box.closest("tr").classList.toggle("picked", box.checked);
      count += box.checked;
    }
    bulk.hidden = count === 0;
    write(one("legend", bulk), say("{} selected", count));
  }
}

// The keyboard.
const KEYS = [["/", "Search"], ["j k", "Next and previous row"], ["Enter", "Open"], ["x", "Select"],
  ["s", "Start or restart"], ["?", "This list"]];

function keys(event, overview) {
  if (event.ctrlKey || event.metaKey || event.altKey || one("dialog")) return;
  const isWriting = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (isWriting) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const rows = all("#processes tr[data-name]:not([hidden])");
  const at = rows.findIndex((it) => it.classList.contains("at"));
  const row = rows[at];
  const go = (to) => {
    if (!rows[to]) return;
    if (row) row.classList.remove("at");
    rows[to].classList.add("at");
    one(".name a", rows[to]).focus({ preventScroll: true });
    rows[to].scrollIntoView({ block: "nearest" });
  };
  const acts = {
    "/": () => one("#tools input").select(),
    j: () => go(at + 1),
    k: () => go(at < 0 ? 0 : at - 1),
    x: () => row && one("[name=selected]", row)?.click(),
    s: () => row && mayAct && order([[row.dataset.state === "RUNNING" ? "restart" : "start", row.dataset.name]]),
    "?": () => help(),
  };
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function help() {
  const list = make("dl", {}, ...KEYS.flatMap(([key, text]) =>
    [make("dt", {}, ...key.split(" ").flatMap((it) => [make("kbd", {}, it), " "])), make("dd", {}, say(text))]));
  const dialog = make("dialog", { "aria-labelledby": "shortcuts" },
    make("h2", { id: "shortcuts" }, say("Shortcuts")), list,
    make("form", { method: "dialog", class: "row" }, make("button", { class: "main" }, say("Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
