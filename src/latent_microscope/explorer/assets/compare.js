// The selection against all others: odds ratios of attributes, means of scores.
function showCompare() {
  const { rows } = selection, empty = (text) => byId("panel-compare").replaceChildren(element("p", { class: "lack" }, text));
  if (!selection.active) return empty("Nothing is selected. Draw a lasso on the map, click on its legend, or filter by value: here the selection is compared with all others.");
  if (!rows.length) return empty(`No ${study.noun} passes all that is selected by; remove a part of it above.`);
  const odds = () => csv([
    ["attribute", "selected_with", "selected_without", "others_with", "others_without", "value", "estimate", "low", "high", "p", "q"],
    ...oddsRatios(rows).map((r) => [r.title, r.a, r.b, r.c, r.d, r.value, r.estimate, r.low, r.high, r.p, r.q]),
  ]);
  byId("panel-compare").replaceChildren(
    ...(attributes.length ? [
      element("h2", {}, "Attributes: selection against all others"), oddsTable(rows), oddsNote(),
      element("div", { class: "row" }, button("Export odds ratios", () => download("selection-odds.csv", odds(), "text/csv"))),
    ] : [lack("attributes")]),
    ...(scores.length ? [element("h2", {}, "Mean scores"), meanTable(rows)] : [lack("scores")]));
}

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
    ? ` Several ${study.noun}s of one person count as independent here, so intervals are too narrow and p too small; the study's bias table takes people as clusters.` : "";
  const filtered = selection.filters.size ? " What the selection was filtered by differs by construction." : "";
  return element("p", { class: "note" },
    `Colour marks intervals that leave out 1. q corrects for the ${attributes.length} attributes of this one table (Benjamini–Hochberg); the intervals are `
    + `not corrected. Nothing is corrected for the choice of the region by eye, nor for regions tried before: take what you find as a hint to be tested on other ${study.noun}s.${people}${filtered}`);
}

function meanTable(rows) {
  return table(`Mean of the selection and of all ${study.noun}s; the shift is their difference in standard deviations of all.`, [
    { title: "Score", key: (row) => row.title, cell: (row) => row.title },
    { title: "selection", key: (row) => row.mean, cell: (row) => numberText(row.mean), down: true },
    { title: "all", key: (row) => row.all, cell: (row) => numberText(row.all), down: true },
    { title: "shift", key: (row) => row.shift, cell: (row) => (Number.isFinite(row.shift) ? `${row.shift > 0 ? "+" : ""}${row.shift.toFixed(2)} sd` : "–"), down: true },
  ], meanScores(rows), 3);
}
