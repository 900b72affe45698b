// Colours of terminals (ECMA-48, 8.3.117). Everything else a program tells a terminal is left out.

/** What follows an escape character: how far the sequence goes, and what it says about colours. */
const SEQUENCE = /^(?:\[([0-9;:]{0,64})m|\[[ -?]{0,256}[@-~]|[\]PX^_][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\?)?|[ -/]{0,4}[0-~])/;

/** Paints lines; a colour lasts until it is changed, also over the end of a line. */
class Painter {
  constructor() {
    this.plain();
  }

  plain() {
    this.front = this.back = null;
    this.marks = new Set();
  }

  /** The class names of what is in force. */
  get look() {
    const names = [...this.marks];
    if (this.front !== null) names.push(`c${this.front}`);
    if (this.back !== null) names.push(`k${this.back}`);
    return names.join(" ");
  }

  /** A line as nodes. */
  paint(line) {
    if (!line.includes("\x1b") && !this.look) return [line.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "\ufffd")];
    const nodes = [];
    const add = (text) => {
      if (!text) return;
      const shown = text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "\ufffd");
      nodes.push(this.look ? make("span", { class: this.look }, shown) : shown);
    };
    let rest = line;
    // A line of nothing but colours is a joke on who reads it.
    for (let changes = 0; changes < 500; changes += 1) {
      const at = rest.indexOf("\x1b");
      if (at < 0) break;
      add(rest.slice(0, at));
      rest = rest.slice(at + 1);
      const found = SEQUENCE.exec(rest);
      if (!found) continue;
      rest = rest.slice(found[0].length);
      if (found[1] !== undefined) this.change(found[1]);
    }
    add(rest.replace(/\x1b/g, ""));
    return nodes;
  }

  change(codes) {
    const list = codes.split(/[;:]/).map(Number);
    for (let index = 0; index < list.length; index += 1) {
      const code = list[index];
      const marks = { 1: "b", 2: "f", 3: "i", 4: "u", 9: "s" };
      if (code === 0) this.plain();
      else if (marks[code]) this.marks.add(marks[code]);
      else if (code === 22) ["b", "f"].forEach((it) => this.marks.delete(it));
      else if (code === 23 || code === 24 || code === 29) this.marks.delete({ 23: "i", 24: "u", 29: "s" }[code]);
      else if (code >= 30 && code <= 37) this.front = code - 30;
      else if (code >= 40 && code <= 47) this.back = code - 40;
      else if (code >= 90 && code <= 97) this.front = code - 82;
      else if (code >= 100 && code <= 107) this.back = code - 92;
      else if (code === 39) this.front = null;
      else if (code === 49) this.back = null;
      else if (code === 38 || code === 48) {
        const isIndexed = list[index + 1] === 5;
        const color = isIndexed ? nearest(list[index + 2]) : nearestOf(...list.slice(index + 2, index + 5));
        if (code === 38) this.front = color;
        else this.back = color;
        index += isIndexed ? 2 : 4;
      }
    }
  }
}

/** One of the sixteen colours for one of 256: ours suit light and dark pages, and theirs do not. */
function nearest(index) {
  if (!(index >= 16)) return index >= 0 ? index : null;
  if (index >= 232) return index < 244 ? 8 : 7;
  const cube = index - 16;
  return nearestOf(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51);
}
function nearestOf(red = 0, green = 0, blue = 0) {
  const most = Math.max(red, green, blue);
  if (most < 40) return 8;
  const bit = (it) => (it > most * 0.6 ? 1 : 0);
  return (most > 200 ? 8 : 0) + bit(red) + 2 * bit(green) + 4 * bit(blue);
}
