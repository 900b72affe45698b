// What was before the page was opened, from the history where one is kept.
const keepsHistory = document.body.dataset.history === "yes";

/** How many points a chart is drawn of. */
const POINTS_WANTED = 400;

/** The same without a name: of the machine. */
const pathOf = (name) => (name === null ? "/machine" : `/processes/${encodeURIComponent(name)}`);

/** Figures of a while: each point in the middle of the stretch it stands for. */
async function figures(name, seconds, values) {
  const all = await ask(`${pathOf(name)}/figures?since=-${seconds}&most=${POINTS_WANTED}`);
  const now = Date.now() / 1000;
  return (all || []).map((it) => [Math.min(it.at + it.seconds / 2, now), ...values(it)]);
}

async function machinePast(span) {
  if (!keepsHistory) return null;
  const points = await figures(null, SPANS[span], (it) => [it.cpu_percent, peak(it), it.load, it.memory_bytes,
    it.swapped_bytes, it.read_bytes_per_second, it.written_bytes_per_second, it.received_bytes_per_second,
    it.sent_bytes_per_second]);
  return { points };
}

/** What a process used, and which states it was in. */
async function processPast(name, span) {
  if (!keepsHistory) return null;
  const seconds = SPANS[span];
  const [points, happened] = await Promise.all([
    figures(name, seconds, (it) => [it.cpu_percent, peak(it), it.memory_bytes, it.proportional_bytes, it.read_bytes_per_second,
      it.written_bytes_per_second, it.threads, it.descriptors]),
    ask(`${pathOf(name)}/history?since=-${seconds}&most=1000&kinds=start&kinds=state&kinds=exit`),
  ]);
  return { points, changes: changes(happened || [], Date.now() / 1000 - seconds) };
}

/** The most of the time on processors, where that is another than the average. */
const peak = (it) => (it.seconds >= 60 ? it.cpu_percent_max : null);

/** States as a band shows them, from what happened since then. */
function changes(happened, since) {
  const states = happened.filter((it) => it.kind !== "exit" && it.details && it.details.to);
  const ends = happened.filter((it) => it.kind === "exit");
  const band = states.map(({ at, details: { to } }) => {
    const end = to === "EXITED" ? ends.find((it) => Math.abs(it.at - at) < 2) : null;
    return [at, to, end && end.details];
  });
  // What it was before the first change is said by that change; of one that was down there may have been nobody to say it.
  if (band.length && states.length < 1000 && states[0].details.from !== "STOPPED") band.unshift([since, states[0].details.from, null]);
  return band;
}

/** Without the states that only say once more that a child has ended. */
function withoutEchoes(happened) {
  const ends = happened.filter((it) => it.kind === "exit");
  const isEcho = ({ at, name, details }) => details && isOver(details.to) &&
    ends.some((it) => it.name === name && Math.abs(it.at - at) < 2);
  return happened.filter((it) => !isEcho(it));
}
const isOver = (state) => state === "EXITED" || state === "STOPPED";

/** How its children ended, the last of them first. */
async function exitsPast(name) {
  const all = keepsHistory
    ? (await ask(`${pathOf(name)}/history?kinds=exit&most=50`) || []).map((it) => ({ at: it.at, ...it.details }))
    : await ask(`${pathOf(name)}/exits`);
  const place = one("#exits");
  if (!all || !all.length) {
    place.replaceChildren(make("p", { class: "quiet" }, place.dataset.none));
    return;
  }
  place.replaceChildren(make("ol", { class: "ends", tabindex: "0" }, ...all.reverse().map(endItem)));
}

/** One end: when, how, why, and what it left. */
function endItem(end) {
  const isBad = !["expected", "stopped"].includes(end.cause);
  const facts = [
    end.cpu_seconds !== undefined && `${say("CPU")} ${end.cpu_seconds < 10 ? end.cpu_seconds.toFixed(2) : end.cpu_seconds.toFixed(0)} s`,
    end.peak_bytes > 0 && `${say("Memory")} ${bytes(end.peak_bytes)}`,
  ].filter(Boolean).join(" · ");
  const item = make("li", {},
    make("time", {}, moment(end.at, true)),
    make("span", { class: isBad ? "state down" : "state rest" }, ending(end)),
    make("span", { class: "detail" }, [say(end.cause), end.out_of_memory && say("memory had run out"), facts].filter(Boolean).join(" · ")));
  if (end.last_lines && end.last_lines.length) {
    item.append(make("details", {}, make("summary", {}, say("Last lines")), make("pre", {}, end.last_lines.join("\n"))));
  }
  return item;
}
