// The page is there; from here on it lives.
document.documentElement.classList.add("scripted");
document.addEventListener("submit", submitted);
document.addEventListener("click", (event) => {
  const menu = one("details.menu[open]");
  if (menu && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[action='/look']");
  if (form) form.submit();
});
for (const form of all("form[action='/look']")) one("button", form).hidden = true;
if (page === "overview" && one("#processes")) new Overview();
else if (page === "process") new Process();
else if (page === "events") new Events();
else if (page === "machine") new Machine();
else if (page === "listeners") new Listeners();
else if (page !== "login" && page !== "tail") watch();
