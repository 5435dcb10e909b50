// Ranked lists: those of the study, near-duplicates, and every score from either end.
const LISTED = 100;

function listChoices() {
  const choice = element("select", { id: "list-select" });
  const group = (label, options) => options.length && choice.append(element("optgroup", { label }, ...options));
  const own = study.lists.map((list, i) => option(`list ${i}`, list.title));
  if (study.pairs) own.push(option("pairs", "near-duplicates and look-alikes"));
  group("Lists of the study", own);
  group("Highest", scores.map((column, i) => option(`high ${i}`, `highest ${column.title}`)));
  group("Lowest", scores.map((column, i) => option(`low ${i}`, `lowest ${column.title}`)));
  return choice;
}

function openLists() {
  const panel = byId("panel-lists"), choice = listChoices();
  if (!choice.options.length) {
    panel.replaceChildren(element("p", { id: "list-select" }, "The study has no scores and no lists."));
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
  const note = `${wholeText(shown.length)}${shown.length < rows.length ? ` of ${wholeText(rows.length)}` : ""} images${by ? `, with their ${by.title}` : ""}.`;
  place.replaceChildren(element("p", { class: "note", id: "list-note" }, note), element("div", { class: "row" }, button("Select all of the list", () => selection.set(rows))), strip(shown, list.by, "list-note"));
}

function ranked(column, highest) {
  const rows = Array.from({ length: count }, (_, i) => i).filter((i) => Number.isFinite(column.values[i]));
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
