// Search by id: what holds the text, exact and leading matches first; arrows, Enter, Escape.
function openSearch() {
  const input = byId("search"), list = byId("found");
  let rows = [], active = -1, lower = null;
  const close = () => {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (row) => {
    input.value = study.ids[row];
    close();
    pick(row);
  };
  const mark = (next) => {
    active = next;
    [...list.children].forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === active));
      if (i === active) item.scrollIntoView({ block: "nearest" });
    });
    if (active >= 0) input.setAttribute("aria-activedescendant", `found-${active}`);
  };
  const find = () => {
    lower ??= study.ids.map((id) => id.toLowerCase());
    rows = matches(input.value.trim().toLowerCase(), lower);
    list.replaceChildren(...rows.map((row, i) => element("li", { role: "option", id: `found-${i}`, "aria-selected": "false", on: { mousedown: (event) => { event.preventDefault(); take(row); } } },
      thumbnail(row, 32), element("span", {}, study.ids[row]))));
    list.hidden = !rows.length;
    input.setAttribute("aria-expanded", String(rows.length > 0));
    active = -1;
    if (input.value.trim()) say(rows.length ? `${rows.length} ids found.` : "No id found.");
  };
  input.addEventListener("input", find);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && rows.length) take(rows[Math.max(active, 0)]);
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) find();
      if (rows.length) mark((active + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % rows.length);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
    event.preventDefault();
    input.focus();
  });
}

function matches(text, lower) {
  if (!text) return [];
  const ranks = [[], [], []];
  for (let row = 0; row < count && ranks[0].length + ranks[1].length < 20; row++) {
    const at = lower[row].indexOf(text);
    if (at >= 0) ranks[lower[row] === text ? 0 : at === 0 ? 1 : 2].push(row);
  }
  const exact = lower.indexOf(text);
  return [...new Set([...(exact >= 0 ? [exact] : []), ...ranks.flat()])].slice(0, 20);
}
