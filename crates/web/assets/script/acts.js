// Forms that act, without leaving the page.

/** Whom an order is about, as a reader calls them. */
function named(names) {
  return names.length === 1 && !names[0].endsWith(":*") ? names[0]
    : names.length === 1 ? names[0].slice(0, -2)
    : say("{} processes", names.length);
}

/** Whether the reader means it: asked for what stops more than one, and for signals that kill. */
async function isMeant(act, names, signal) {
  const several = names.length > 1 || names.some((it) => it.endsWith(":*"));
  if (act === "stop" && several) return agree(say("Stop {}?", named(names)), say("Stop"));
  if (act === "restart" && several) return agree(say("Restart {}?", named(names)), say("Restart"));
  if (act === "signal" && (several || ["KILL", "STOP"].includes(signal))) {
    const question = isChinese ? say("Send {} to {}?", named(names), signal) : say("Send {} to {}?", signal, named(names));
    return agree(question, say("Send"));
  }
  return true;
}

/** Sends an order, and tells what came of it. */
async function order(fields, button) {
  if (button) button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/act", {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams([["token", token], ...fields]),
    });
    if (answer.redirected || answer.status === 401) return location.reload();
    const { ok, message } = await answer.json();
    tell(ok, message);
    return ok;
  } catch {
    tell(false, say("Nobody answers. The supervisor may be restarting."));
  } finally {
    if (button) button.removeAttribute("aria-busy");
  }
  return false;
}

async function submitted(event) {
  const form = event.target;
  if (form.id !== "acts") return;
  event.preventDefault();
  const button = event.submitter;
  if (!button || button.getAttribute("aria-busy")) return;
  const data = new FormData(form);
  const signal = data.get("signal");
  const isBulk = button.name === "bulk";
  const names = isBulk ? data.getAll("selected") : [button.value];
  const act = isBulk ? button.value : button.name;
  if (act !== "update" && !(await isMeant(act, names, signal))) return;
  const fields = isBulk
    ? [["bulk", act], ["signal", signal], ...names.map((it) => ["selected", it])]
    : [[button.name, button.value]];
  const ok = await order(fields, button);
  if (ok && act === "update") setTimeout(() => { location.href = "/"; }, 900);
}
