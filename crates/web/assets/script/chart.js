// Charts over time. Numbers that were not taken are gaps, and no line leads over them.
const HEIGHT = 136;
const MARGIN = { left: 46, right: 6, top: 6, bottom: 18 };

/** A step that people count in, so that about `count` of them reach `most`. */
function niceStep(most, count, base) {
  const rough = most / count || 1;
  const power = base ** Math.floor(Math.log(rough) / Math.log(base));
  const steps = base === 1024 ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 5, 10];
  return power * steps.find((it) => it * power >= rough);
}

/** Stretches of time that people count in, in seconds. */
const ROUND = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 5 * 86400, 7 * 86400];

/** A chart with one or two lines; the second may be the peaks of the first. */
class Plot {
  constructor({ title, lines, format, base = 10, least = 0, hasPeaks = false }) {
    Object.assign(this, { lines, format, base, least, second: hasPeaks ? "peak" : "second" });
    this.points = [];
    this.readout = make("output");
    this.svg = draw("svg", { role: "img", "aria-label": title });
    this.element = make("figure", { class: "plot" },
      make("figcaption", {}, make("span", {}, title), this.readout), this.svg);
    this.redraw = soon(() => this.draw());
    new ResizeObserver(this.redraw).observe(this.element);
    this.svg.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.svg.addEventListener("pointerleave", () => this.point(null));
  }

  /** Shows points: [seconds, first, second], from `from` to `to`. */
  show(points, from, to) {
    Object.assign(this, { points, from, to });
    this.redraw();
  }

  x(at) {
    return MARGIN.left + ((at - this.from) / (this.to - this.from || 1)) * (this.width - MARGIN.left - MARGIN.right);
  }

  y(value) {
    return HEIGHT - MARGIN.bottom - (value / this.top) * (HEIGHT - MARGIN.bottom - MARGIN.top);
  }

  draw() {
    this.width = Math.round(this.svg.clientWidth);
    if (!this.width) return;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    const known = this.points.filter((it) => it.slice(1).some((value) => value != null));
    if (!known.length) {
      const text = draw("text", { class: "none", x: this.width / 2, y: HEIGHT / 2 });
      text.textContent = say("No data yet");
      this.svg.replaceChildren(text);
      write(this.readout, "");
      return;
    }
    const most = known.reduce((most, it) => Math.max(most, ...it.slice(1).map((value) => value ?? 0)), this.least);
    const step = niceStep(Math.max(most, this.least || 1e-9), 3, this.base);
    this.top = Math.max(step, Math.ceil(most / step) * step);
    const marks = [];
    for (let value = 0; value <= this.top * 1.0001; value += step) {
      const y = this.y(value);
      marks.push(draw("line", { class: "grid", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y }));
      const text = draw("text", { x: MARGIN.left - 6, y: y + 3.5, "text-anchor": "end" });
      text.textContent = this.format(value);
      marks.push(text);
    }
    marks.push(...this.times());
    this.lines.forEach((_, index) => marks.push(...this.line(index + 1)));
    this.cursor = draw("line", { class: "cursor", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: "hidden" });
    this.svg.replaceChildren(...marks, this.cursor);
    this.point(null);
  }

  /** The hours or days below: those that a clock on the wall shows as round. */
  times() {
    const span = this.to - this.from;
    const step = ROUND.find((it) => span / it <= Math.max(2, this.width / 90)) || ROUND[ROUND.length - 1];
    const zone = new Date(this.to * 1000).getTimezoneOffset() * 60;
    const marks = [];
    for (let at = Math.ceil((this.from - zone) / step) * step + zone; at <= this.to; at += step) {
      const x = this.x(at);
      marks.push(draw("line", { class: "tick", x1: x, x2: x, y1: HEIGHT - MARGIN.bottom, y2: HEIGHT - MARGIN.bottom + 4 }));
      if (x < MARGIN.left + 12 || x > this.width - MARGIN.right - 12) continue;
      const text = draw("text", { x, y: HEIGHT - 2, "text-anchor": "middle" });
      text.textContent = step >= 86400
        ? new Date(at * 1000).toLocaleDateString(document.documentElement.lang, { month: "short", day: "numeric" })
        : moment(at);
      marks.push(text);
    }
    return marks;
  }

  line(index) {
    const longest = this.gap();
    let [path, area, open, before] = ["", "", null, null];
    const close = () => {
      if (open !== null) area += `L${before.toFixed(1)} ${this.y(0)}L${open.toFixed(1)} ${this.y(0)}Z`;
      open = null;
    };
    let last = null;
    for (const point of this.points) {
      const value = point[index];
      if (value == null || point[0] < this.from) { close(); last = null; continue; }
      const [x, y] = [this.x(point[0]), this.y(value)];
      const joins = last !== null && point[0] - last <= longest;
      if (!joins) { close(); open = x; }
      path += `${joins ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      area += `${joins ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
      [before, last] = [x, point[0]];
    }
    close();
    const name = index === 1 ? "" : ` ${this.second}`;
    return [...(index === 1 ? [draw("path", { class: "area", d: area })] : []),
      draw("path", { class: `series${name}`, d: path })];
  }

  /** How far apart two points may be that a line joins: three times what is usual. */
  gap() {
    const steps = this.points.slice(1).map((it, index) => it[0] - this.points[index][0]).sort((a, b) => a - b);
    return (steps[Math.floor(steps.length / 2)] || 1) * 3.5;
  }

  /** Tells the numbers at a place, or the latest. */
  point(x) {
    const known = this.points.filter((it) => it[1] != null && it[0] >= this.from);
    if (!known.length || !this.cursor) return;
    const far = (it) => Math.abs(this.x(it[0]) - x);
    const at = x === null ? known[known.length - 1] : known.reduce((a, b) => (far(b) < far(a) ? b : a));
    this.cursor.setAttribute("visibility", x === null ? "hidden" : "visible");
    for (const end of ["x1", "x2"]) this.cursor.setAttribute(end, this.x(at[0]));
    const values = this.lines.map((name, index) => at[index + 1] != null && make("span", {},
      this.lines.length > 1 && make("i", { class: index ? this.second : "first" }),
      `${name ? `${name} ` : ""}${this.format(at[index + 1])}`)).filter(Boolean);
    this.readout.replaceChildren(...(x === null ? [] : [make("time", {}, moment(at[0], true))]), ...values);
  }
}

/** States over time, as a band. */
class Band {
  constructor(title) {
    this.svg = draw("svg", { role: "img", "aria-label": title, preserveAspectRatio: "none", viewBox: "0 0 1000 24" });
    this.readout = make("output");
    this.element = make("figure", { class: "plot wide" },
      make("figcaption", {}, make("span", {}, title), this.readout), this.svg);
    this.parts = [];
    this.svg.addEventListener("pointermove", (event) => this.point(event.offsetX / this.svg.clientWidth));
    this.svg.addEventListener("pointerleave", () => write(this.readout, ""));
  }

  /** Shows [seconds, state, ended], each until the next, from `from` to `to`. */
  show(changes, from, to) {
    Object.assign(this, { from, to });
    this.parts = changes
      .map(([at, state, ended], index) => [Math.max(at, from), changes[index + 1]?.[0] ?? to, state, ended])
      .filter(([start, end]) => end > from && start < to);
    const x = (at) => ((at - from) / (to - from)) * 1000;
    this.svg.replaceChildren(...this.parts.map(([start, end, state, ended]) => draw("rect", {
      class: CLASSES[bucket(state, ended)], x: x(start), width: Math.max(1.5, x(end) - x(start)), y: 2, height: 20, rx: 1,
    })));
  }

  point(share) {
    const at = this.from + share * (this.to - this.from);
    const part = this.parts.find(([start, end]) => at >= start && at < end);
    write(this.readout, part ? `${moment(part[0], true)} · ${say(part[2].toLowerCase())}` : "");
  }
}

/** The shortest time a chart shows. */
const LEAST_SPAN = 300;

/** After how many seconds a longer span is asked for anew, when something new is told. */
const REFRESH = { day: 120, month: 600 };

const SPANS = { hour: 3600, day: 86400, month: 30 * 86400 };

/** The charts of a page: the past from the server, and then what comes. */
class Charts {
  constructor(plots, past, band) {
    Object.assign(this, { plots, past, band, span: "hour", points: [], changes: [] });
    const place = one("#charts");
    one(".plots", place).append(...(band ? [band.element] : []), ...plots.map((it) => it.element));
    one(".spans", place).hidden = !keepsHistory;
    for (const button of all(".spans button", place)) {
      button.addEventListener("click", () => this.choose(button.dataset.span));
    }
    this.load();
    // What is not told grows older, too.
    setInterval(() => document.hidden || this.show(), 10000);
  }

  choose(span) {
    this.span = span;
    for (const it of all("#charts .spans button")) it.setAttribute("aria-pressed", it.dataset.span === span);
    this.load();
  }

  async load() {
    const span = this.span;
    this.loaded = Date.now() / 1000;
    const past = await this.past(span);
    if (span !== this.span) return;
    const live = span === "hour" ? this.points.filter((it) => it[0] > (past?.points?.at(-1)?.[0] ?? 0)) : [];
    this.points = [...(past?.points || []), ...live];
    if (past?.changes?.length) this.changes = past.changes;
    this.show();
  }

  /** One more point: [seconds, number for each line of each chart...]. */
  add(point) {
    // The longer spans are told in coarser points: a new one is there when as much time has passed.
    if (this.span === "hour") this.points.push(point);
    else if (Date.now() / 1000 - this.loaded > REFRESH[this.span]) return void this.load();
    while (this.points.length > 4000) this.points.shift();
    this.show();
  }

  change(at, state, ended) {
    this.changes.push([at, state, ended]);
    this.show();
  }

  show() {
    const to = Date.now() / 1000;
    // An hour of which little is known yet is not drawn as an hour of nothing.
    const first = Math.min(this.points[0]?.[0] ?? to, this.changes[0]?.[0] ?? to);
    const from = this.span === "hour" ? Math.max(to - SPANS.hour, Math.min(first, to - LEAST_SPAN)) : to - SPANS[this.span];
    let index = 1;
    for (const plot of this.plots) {
      const [start, end] = [index, index + plot.lines.length];
      index = end;
      plot.show(this.points.filter((it) => it[0] >= from).map((it) => [it[0], ...it.slice(start, end)]), from, to);
    }
    if (this.band) this.band.show(this.changes, from, to);
  }
}
