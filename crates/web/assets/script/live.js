// The stream of what happens. A page that nobody looks at lets go of it: browsers keep few connections to
// one server, and a daemon that nobody watches should have nothing to do.
const LET_GO_MS = 15000;

class Live {
  constructor(path) {
    this.path = path;
    this.listeners = new Map();
    this.last = "";
    this.source = null;
    this.patience = 1000;
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", () => this.look());
    queueMicrotask(() => this.look());
  }

  /** Calls `listener` with the content of each event of this kind. */
  on(kind, listener) {
    this.listeners.set(kind, [...(this.listeners.get(kind) || []), listener]);
    if (this.source) this.attach(this.source, kind);
    return this;
  }

  look() {
    clearTimeout(this.leaving);
    if (document.hidden) this.leaving = setTimeout(() => this.close(), LET_GO_MS);
    else if (!this.source) this.open();
  }

  close() {
    if (this.source) this.source.close();
    this.source = null;
  }

  open() {
    clearTimeout(this.again);
    const joint = this.path.includes("?") ? "&" : "?";
    const since = this.last ? `${joint}since=${encodeURIComponent(this.last)}` : "";
    const source = new EventSource(API + this.path + since);
    this.source = source;
    for (const kind of this.listeners.keys()) this.attach(source, kind);
    source.addEventListener("open", () => {
      this.patience = 1000;
      this.show("here");
    });
    source.addEventListener("error", () => {
      this.show("away");
      // The browser tries again by itself unless it was told no.
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      this.close();
      // Why it was told no, a stream does not say. A session may be over.
      ask("/supervisor");
      this.again = setTimeout(() => this.look(), this.patience);
      this.patience = Math.min(this.patience * 2, 30000);
    });
  }

  attach(source, kind) {
    source.addEventListener(kind, (event) => {
      if (source !== this.source) return;
      if (event.lastEventId) this.last = event.lastEventId;
      let content = null;
      try {
        content = JSON.parse(event.data);
      } catch {
        return;
      }
      for (const listener of this.listeners.get(kind)) listener(content);
    });
  }

  show(state) {
    if (!this.shows) return;
    const place = one("#live");
    place.hidden = false;
    place.dataset.state = state;
    write(place, say(state === "here" ? "Live" : "Reconnecting"));
  }
}

/** The one stream of a page. */
function watch() {
  const live = new Live("/events?samples=true");
  live.shows = true;
  return live;
}
