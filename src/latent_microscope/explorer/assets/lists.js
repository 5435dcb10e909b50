// Ranked lists: those of the study, near-duplicates, and the highest and lowest of every score.
const LISTED = 100;

function listChoices() {
  const choice = element("select", { id: "list-select" });
  const group = (label, options) => options.length && choice.append(element("optgroup", { label }, ...options));
  const own = study.lists.map((list, i) => option(`list ${i}`, list.title));
  if (study.pairs) own.push(option("pairs", study.thumbnails ? "near-duplicates and near matches" : "pairs of similar latents"));
  group("Lists of the study", own);
  group("Highest", scores.map((column, i) => option(`high ${i}`, `highest ${column.title}`)));
  group("Lowest", scores.map((column, i) => option(`low ${i}`, `lowest ${column.title}`)));
  return choice;
}

function openLists() {
  const panel = byId("panel-lists"), choice = listChoices();
  if (!choice.options.length) {
    panel.replaceChildren(lack("lists"));
    return;
  }
  const shown = element("div", { id: "listed" });
  panel.replaceChildren(element("div", { class: "row" }, element("label", {}, "List ", choice)), shown);
  choice.addEventListener("change", () => { showList(choice.value); say(`${choice.selectedOptions[0].textContent}: ${byId("listed").querySelector("p").textContent}`); });
  showList(choice.value);
}

function showList(name) {
  const [kind, number] = name.split(" "), place = byId("listed");
  if (kind === "pairs") return showPairs(place);
  const list = kind === "list" ? study.lists[number] : { by: scores[number].name, rows: ranked(scores[number], kind === "high") };
  const rows = Array.isArray(list.rows) ? list.rows : Array.from(unpack(list.rows));
  const by = columnNamed.get(list.by), shown = rows.slice(0, LISTED);
  const note = `${wholeText(shown.length)}${shown.length < rows.length ? ` of ${wholeText(rows.length)}` : ""} ${study.noun}s${by ? `, with their ${by.title}` : ""}.`;
  place.replaceChildren(element("p", { class: "note", id: "list-note" }, note), element("div", { class: "row" }, button("Select all of the list", () => selection.takeRows(rows))), strip(shown, list.by, "list-note"));
}

function ranked(column, highest) {
  const rows = everyRow().filter((i) => Number.isFinite(column.values[i]));
  const sign = highest ? -1 : 1;
  return rows.sort((one, other) => sign * (column.values[one] - column.values[other]) || one - other).slice(0, LISTED);
}

function showPairs(place) {
  const rows = unpack(study.pairs.rows), similar = unpack(study.pairs.similarity), { verdicts, total } = study.pairs;
  const shown = Math.min(similar.length, LISTED);
  const list = element("ul", { class: "strip pairs", "aria-labelledby": "list-note" }, ...Array.from({ length: shown }, (_, i) => element("li", { class: "pair" },
    imageButton(rows[2 * i]), imageButton(rows[2 * i + 1]), element("span", { class: "note" }, `${verdicts[i] ?? "similar latents"}, cosine ${similar[i].toFixed(4)}`))));
  roving(list);
  place.replaceChildren(element("p", { class: "note", id: "list-note" }, `${wholeText(shown)} of ${wholeText(total)} pairs, in the order of the study's table.`), list);
}

// Search by id: what holds the text, exact (of this case before others) and leading matches first; arrows, Enter, Escape.
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
    rows = matches(input.value.trim(), lower);
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

function matches(typed, lower) {
  const text = typed.toLowerCase();
  if (!text) return [];
  const ranks = [[], [], []];
  for (let row = 0; row < count && ranks[0].length + ranks[1].length < 20; row++) {
    const at = lower[row].indexOf(text);
    if (at >= 0) ranks[lower[row] === text ? 0 : at === 0 ? 1 : 2].push(row);
  }
  const exact = [rowOf.get(typed) ?? -1, lower.indexOf(text)].filter((row) => row >= 0);
  return [...new Set([...exact, ...ranks.flat()])].slice(0, 20);
}
