// A log as it grows.
const LINES_MAX = 5000;
const LINE_MAX = 4000;
const FIRST_BYTES = 65536;

class Log {
  constructor(process, section) {
    this.process = process;
    this.section = section;
    this.channels = all(".channel", section).map((it) => ({
      name: it.dataset.channel, title: it.dataset.title, element: it, hasFile: Boolean(one("pre", it)),
    }));
    if (!this.channels.some((it) => it.hasFile)) return;
    this.build();
    // Whoever says nothing may complain.
    const said = this.channels.filter((it) => it.hasFile);
    this.open((said.find((it) => one("pre", it.element).textContent) || said[0]).name);
  }

  build() {
    const pressed = (name, isOn, click) => {
      const button = make("button", { type: "button", "aria-pressed": String(isOn), click: () => {
        const next = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", next);
        click(next);
      } }, say(name));
      return button;
    };
    this.tabs = make("div", { class: "spans", role: "group", "aria-label": say("Log"), hidden: this.channels.filter((it) => it.hasFile).length < 2 }, ...this.channels
      .filter((it) => it.hasFile)
      .map((it) => make("button", { type: "button", "data-channel": it.name, click: () => this.open(it.name) }, it.title)));
    this.followButton = pressed("Follow", true, (isOn) => this.follow(isOn));
    this.wrapButton = pressed("Wrap", false, (isOn) => this.lines.classList.toggle("wrap", isOn));
    this.search = make("input", { type: "search", placeholder: say("Find in log"), "aria-label": say("Find in log"),
      autocomplete: "off", spellcheck: "false", input: () => this.find(),
      keydown: (event) => { if (event.key === "Enter") { event.preventDefault(); this.step(event.shiftKey ? -1 : 1); } } });
    this.count = make("output", { "aria-live": "polite" });
    const go = (text, name, by) => make("button", { type: "button", class: "go", title: say(name), "aria-label": say(name), click: () => this.step(by) }, text);
    this.link = make("a", { class: "button", download: true }, say("Download"));
    const bar = make("div", { class: "bar" }, this.tabs, this.search, this.count, go("↑", "Previous match", -1),
      go("↓", "Next match", 1), make("span", { class: "spacer" }), this.followButton, this.wrapButton, this.link);
    this.lines = make("div", { class: "lines", tabindex: "0", role: "log", "aria-label": say("Log"), "aria-live": "off" });
    this.lines.addEventListener("scroll", () => this.scrolled(), { passive: true });
    for (const it of this.channels) it.element.hidden = it.hasFile;
    one("h2", this.section).after(bar, this.lines);
    this.render = soon(() => this.flush());
  }

  open(channel) {
    if (this.live) this.live.close();
    for (const it of all("button", this.tabs)) it.setAttribute("aria-pressed", it.dataset.channel === channel);
    this.clear();
    const at = `/processes/${encodeURIComponent(this.process)}/${channel}`;
    this.link.href = `${API}${at}/file`;
    this.live = new Live(`${at}/follow?bytes=${FIRST_BYTES}`);
    this.live
      .on("log", (text) => this.take(text))
      .on("truncated", () => {
        this.clear();
        this.note(say("The log was emptied."));
      });
  }

  clear() {
    this.painter = new Painter();
    this.waiting = [];
    this.rest = "";
    this.hidden = 0;
    this.lines.replaceChildren();
    this.lines.dataset.none = say("Nothing has been written yet.");
    this.last = null;
    this.find();
  }

  note(text) {
    this.lines.append(make("div", { class: "cut" }, text));
  }

  /** New text, of which the last line may be unfinished. */
  take(text) {
    const parts = text.split("\n");
    parts[0] = this.rest + parts[0];
    // A line without an end is kept as far as it is shown; the rest of it is only counted.
    this.rest = parts.pop();
    if (this.rest.length > 2 * LINE_MAX) {
      this.hidden += this.rest.length - LINE_MAX;
      this.rest = this.rest.slice(0, LINE_MAX);
    }
    for (const part of parts) {
      this.waiting.push([part, this.hidden]);
      this.hidden = 0;
    }
    if (this.waiting.length > LINES_MAX) this.waiting.splice(0, this.waiting.length - LINES_MAX);
    this.render();
  }

  flush() {
    const isAtEnd = this.isFollowing();
    if (this.last) {
      this.last.remove();
      this.last = null;
    }
    const fresh = document.createDocumentFragment();
    for (const [text, hidden] of this.waiting.splice(0)) fresh.append(this.line(text, hidden));
    if (this.rest) {
      const before = [this.painter.front, this.painter.back, new Set(this.painter.marks)];
      this.last = this.line(this.rest, this.hidden);
      [this.painter.front, this.painter.back, this.painter.marks] = before;
      fresh.append(this.last);
    }
    this.lines.append(fresh);
    const surplus = this.lines.childElementCount - LINES_MAX;
    for (let index = 0; index < surplus; index += 1) this.lines.firstElementChild.remove();
    if (isAtEnd) this.lines.scrollTop = this.lines.scrollHeight;
    if (this.search.value) this.find(true);
  }

  line(text, hidden) {
    // What a program wrote over itself, with a carriage return, is not there any more.
    const bare = text.replace(/\r+$/, "");
    const seen = bare.slice(bare.lastIndexOf("\r") + 1);
    const shown = seen.slice(0, LINE_MAX);
    const element = make("div", {}, ...this.painter.paint(shown));
    const more = seen.length - shown.length + hidden;
    if (more) element.append(make("span", { class: "cut" }, ` … ${say("{} more characters in this line", more)}`));
    return element;
  }

  isFollowing() {
    return this.followButton.getAttribute("aria-pressed") === "true";
  }

  follow(isOn) {
    if (isOn) this.lines.scrollTop = this.lines.scrollHeight;
  }

  /** Who scrolls up wants to read; who comes back to the end wants to follow. */
  scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.lines;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - 24;
    if (isAtEnd !== this.isFollowing() && scrollHeight > clientHeight) this.followButton.setAttribute("aria-pressed", isAtEnd);
  }

  find(keeps) {
    const text = this.search ? this.search.value.toLowerCase() : "";
    this.found = [];
    if (!keeps) this.current = -1;
    if (text) {
      for (const line of this.lines.children) {
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          const where = node.data.toLowerCase();
          for (let at = where.indexOf(text); at >= 0; at = where.indexOf(text, at + text.length)) {
            const range = new Range();
            range.setStart(node, at);
            range.setEnd(node, Math.min(at + text.length, node.length));
            this.found.push(range);
          }
        }
      }
      if (!keeps && this.found.length) return this.step(0);
    }
    this.mark();
  }

  step(by) {
    if (!this.found || !this.found.length) return this.mark();
    const count = this.found.length;
    this.current = by === 0 ? count - 1 : (this.current + by + count) % count;
    const line = this.found[this.current].startContainer.parentElement.closest(".lines > div");
    this.followButton.setAttribute("aria-pressed", "false");
    line.scrollIntoView({ block: "nearest" });
    this.mark();
  }

  mark() {
    const count = this.found ? this.found.length : 0;
    write(this.count, this.search && this.search.value ? `${count ? Math.max(0, this.current) + 1 : 0}/${count}` : "");
    if (!window.CSS || !CSS.highlights) return;
    CSS.highlights.set("found", new Highlight(...(this.found || [])));
    const current = this.found && this.found[this.current];
    CSS.highlights.set("current", new Highlight(...(current ? [current] : [])));
  }
}
