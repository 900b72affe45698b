// Small lines that show the last minutes of a number.
const POINTS = 60;

class Series {
  constructor() {
    this.values = [];
  }

  push(value) {
    this.values.push(value);
    if (this.values.length > POINTS) this.values.shift();
  }

  /** Knows these instead, each for so many looks. */
  recall(values, looks) {
    this.values = values.flatMap((it) => Array(looks).fill(it)).slice(-POINTS);
  }
}

/** The line in a cell; made when it is first needed. */
function sparkOf(cell) {
  let svg = cell.firstElementChild;
  if (svg && svg.tagName === "svg") return svg;
  svg = draw("svg", { class: "spark", viewBox: "0 0 64 20", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("path", { class: "area" }), draw("path"));
  cell.prepend(svg);
  return svg;
}

/** Draws values into it; `floor` is the least that counts as much. */
function spark(cell, series, floor) {
  const { values } = series;
  // Less is a speck, and no line.
  if (values.length < 4) return;
  const most = Math.max(floor, ...values);
  const step = 64 / (POINTS - 1);
  const left = 64 - (values.length - 1) * step;
  let line = "";
  values.forEach((value, index) => {
    const y = 19 - (Math.max(0, value) / most) * 18;
    line += `${index ? "L" : "M"}${(left + index * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  const [area, path] = sparkOf(cell).children;
  path.setAttribute("d", line);
  area.setAttribute("d", `${line}L64 20L${left.toFixed(1)} 20Z`);
}
