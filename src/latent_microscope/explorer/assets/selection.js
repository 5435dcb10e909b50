// The selected images: made by lasso, by value or one by one; described by odds ratios and means.
const selection = {
  rows: [], // ascending

  set(rows, how = "replace") {
    const old = new Set(this.rows), given = new Set(rows);
    const made = {
      replace: () => [...given],
      add: () => [...new Set([...old, ...given])],
      keep: () => this.rows.filter((row) => given.has(row)),
      remove: () => this.rows.filter((row) => !given.has(row)),
    }[how]();
    this.rows = made.sort((x, y) => x - y);
    recolour();
    showSelection();
    say(this.rows.length ? `${wholeText(this.rows.length)} images selected.` : "Nothing selected.");
  },
};

function showSelection() {
  const { rows } = selection, many = rows.length;
  byId("tab-selection").textContent = many ? `Selection (${wholeText(many)})` : "Selection";
  const head = element("p", {}, many
    ? `${wholeText(many)} of ${wholeText(count)} images selected.`
    : "Nothing is selected. Draw a lasso on the map, or select by value:");
  byId("selected").replaceChildren(head, ...(many ? [exportButtons(), ...described(rows)] : []));
}

function described(rows) {
  const parts = [];
  if (attributes.length) parts.push(element("h3", {}, "Attributes: selection against all others"), oddsTable(rows), oddsNote());
  else parts.push(element("p", { class: "note" }, "The study has no binary attributes, hence no odds ratios."));
  if (scores.length) parts.push(element("h3", {}, "Mean scores"), meanTable(rows));
  else parts.push(element("p", { class: "note" }, "The study has no scores."));
  return parts;
}

const spaced = (name) => name.replaceAll("_", " ");
const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)}` : "–");
const oddsText = (value) => (value === Infinity ? "∞" : !Number.isFinite(value) ? "–" : value >= 1000 || value < 0.01 ? value.toExponential(1) : value.toPrecision(3));
const pText = (p) => (!Number.isFinite(p) ? "–" : p < 1e-4 ? p.toExponential(0) : p.toFixed(p < 0.1 ? 4 : 2));

function oddsTable(rows) {
  const clear = (row) => (row.low > 1 ? "over" : row.high < 1 ? "under" : "");
  return table("Odds ratio (Haldane–Anscombe) with its 95 % interval below and drawn on an axis from 1/8 to 8.", [
    { title: "Attribute", key: (row) => row.title, cell: (row) => spaced(row.title) },
    { title: "sel. %", long: "percentage of the selection with the attribute", key: (row) => row.inside, cell: (row) => percent(row.inside), down: true },
    { title: "others %", long: "percentage of all others with the attribute", key: (row) => row.outside, cell: (row) => percent(row.outside), down: true },
    { title: "odds ratio", key: (row) => row.estimate, down: true,
      cell: (row) => [element("span", { class: clear(row) }, oddsText(row.estimate)), element("div", { class: "interval" }, `${oddsText(row.low)} – ${oddsText(row.high)}`)] },
    { title: "1/8 – 8", long: "sort by how far the odds ratio is from 1", key: (row) => Math.abs(Math.log(row.estimate)), down: true,
      cell: (row) => element("span", { class: clear(row) }, forest(row)) },
    { title: "q", long: "Benjamini–Hochberg over the attributes, from mid-p", key: (row) => row.q, cell: (row) => pText(row.q) },
  ], oddsRatios(rows), 5);
}

function oddsNote() {
  const people = columnNamed.has("identity")
    ? " Several images of one person count as independent here, so intervals are too narrow and p too small; the study's bias table takes people as clusters." : "";
  return element("p", { class: "note" },
    `Colour marks intervals that leave out 1. q corrects for the ${attributes.length} attributes of this one table (Benjamini–Hochberg); the intervals are `
    + `not corrected. Nothing is corrected for the choice of the region by eye, nor for regions tried before: take what you find as a hint to be tested on other images.${people}`);
}

function meanTable(rows) {
  return table("Mean of the selection and of all images; the shift is their difference in standard deviations of all.", [
    { title: "Score", key: (row) => row.title, cell: (row) => row.title },
    { title: "selection", key: (row) => row.mean, cell: (row) => numberText(row.mean), down: true },
    { title: "all", key: (row) => row.all, cell: (row) => numberText(row.all), down: true },
    { title: "shift", key: (row) => row.shift, cell: (row) => (Number.isFinite(row.shift) ? `${row.shift > 0 ? "+" : ""}${row.shift.toFixed(2)} sd` : "–"), down: true },
  ], meanScores(rows), 3);
}

function exportButtons() {
  const ids = () => csv([["id"], ...selection.rows.map((row) => [study.ids[row]])]);
  const values = () => csv([
    ["id", ...columns.map((column) => column.title)],
    ...selection.rows.map((row) => [study.ids[row], ...columns.map((column) => (column.kind === "number" ? column.values[row] : textOf(column, row)))]),
  ]);
  const odds = () => csv([
    ["attribute", "selected_with", "selected_without", "others_with", "others_without", "value", "estimate", "low", "high", "p", "q"],
    ...oddsRatios(selection.rows).map((r) => [r.title, r.a, r.b, r.c, r.d, r.value, r.estimate, r.low, r.high, r.p, r.q]),
  ]);
  return element("div", { class: "row" },
    button("Export ids", () => download("selection-ids.csv", ids(), "text/csv"), { class: "main", id: "export-ids" }),
    button("Export values", () => download("selection-values.csv", values(), "text/csv")),
    attributes.length ? button("Export odds ratios", () => download("selection-odds.csv", odds(), "text/csv")) : null,
    button("Clear", () => selection.set([])));
}

// The form that does without a mouse what the lasso does.
function filterForm() {
  const column = element("select", { id: "filter-column" }, ...columns.map((each) => option(each.name, each.title)));
  const values = element("span", { class: "row" });
  const how = element("select", { id: "filter-how" }, option("replace", "as new selection"), option("add", "add"), option("keep", "keep only these"), option("remove", "remove"));
  const fill = () => values.replaceChildren(...filterInputs(columnNamed.get(column.value)));
  column.addEventListener("change", fill);
  fill();
  const form = element("form", { id: "filter" }, element("details", { open: true }, element("summary", {}, "Select by value"),
    element("div", { class: "row" }, element("label", {}, "Where ", column), values),
    element("div", { class: "row" }, element("label", {}, "Use ", how), element("button", { type: "submit" }, "Select"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    selection.set(filtered(columnNamed.get(column.value), form), how.value);
  });
  return form;
}

function filterInputs(column) {
  if (column.kind === "number") {
    const [low, high] = ends(sortedValues(column)), input = (id, value) => element("input", { id, type: "number", step: "any", value: Number(value.toPrecision(6)) });
    return [element("label", {}, "from ", input("filter-low", low)), element("label", {}, "to ", input("filter-high", high))];
  }
  const levels = column.kind === "binary" ? ["yes", "no"] : column.levels; // yes is the usual choice
  if (levels.length <= 500) return [element("label", {}, "is ", element("select", { id: "filter-level" }, ...levels.map((level) => option(level, level))))];
  return [element("label", {}, "is ", element("input", { id: "filter-level", type: "text", value: levels[0], size: 12 }))];
}

function filtered(column, form) {
  if (column.kind !== "number") return rowsOfLevel(column, levelsOf(column).indexOf(form.querySelector("#filter-level").value.trim()));
  const [low, high] = ["#filter-low", "#filter-high"].map((id) => Number(form.querySelector(id).value));
  const wide = 1e-6; // the inputs show six digits
  return everyRow().filter((row) => column.values[row] >= low - wide * Math.abs(low) && column.values[row] <= high + wide * Math.abs(high));
}
