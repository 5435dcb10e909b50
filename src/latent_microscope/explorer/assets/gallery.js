// Gallery and table of the selection, or of all, in one order and by pages.
const PAGE = { gallery: 60, table: 100 };
const listing = { sort: ["", false], columns: null, page: 0, at: -1, rows: [] };

// Rows in the order that is wanted; images without a value come last.
function ordered() {
  const [name, down] = listing.sort, key = `${selection.version} ${name} ${down}`;
  if (listing.key === key) return listing.rows;
  const rows = [...selection.listed()], column = columnNamed.get(name), sign = down ? -1 : 1;
  const text = new Intl.Collator("en", { numeric: true }).compare;
  if (name === "id") rows.sort((one, other) => sign * text(study.ids[one], study.ids[other]));
  else if (column) {
    const rank = column.kind === "category" ? ranksOf(column.levels, text) : null;
    const value = rank ? (row) => rank[column.values[row]] : column.kind === "binary" ? (row) => bitOf(column.values, row) : (row) => column.values[row];
    const none = sign * Infinity;
    const keys = new Float64Array(count);
    for (const row of rows) keys[row] = Number.isFinite(value(row)) ? value(row) : none;
    rows.sort((one, other) => (keys[one] === keys[other] ? one - other : sign * (keys[one] - keys[other])));
  }
  Object.assign(listing, { rows, key, page: 0 });
  return rows;
}

function ranksOf(levels, text) {
  const order = levels.map((_, code) => code).sort((one, other) => text(levels[one], levels[other])), ranks = [];
  order.forEach((code, rank) => { ranks[code] = rank; });
  return ranks;
}

function sortBy(name, down) {
  listing.sort = [name, down];
  stale("gallery", "table");
}

function turned(page) {
  listing.page = page;
  stale("gallery", "table");
}

const pageOf = (rows, size) => {
  listing.page = Math.min(listing.page, Math.max(0, Math.ceil(rows.length / size) - 1));
  return rows.slice(listing.page * size, (listing.page + 1) * size);
};
const nothing = () => element("p", { class: "lack" }, `No ${study.noun} passes all that is selected by; remove a part of it above.`);

function showGallery() {
  const panel = byId("panel-gallery"), rows = ordered(), [name, down] = listing.sort;
  if (!study.thumbnails) return panel.replaceChildren(lack("images"), element("p", {}, "Their values are in the table."));
  if (!rows.length) return panel.replaceChildren(nothing());
  const by = element("select", { id: "gallery-order" }, option("", "the study's order"), option("id", "id"), ...columns.map((column) => option(column.name, column.title)));
  by.value = name;
  by.addEventListener("change", () => { sortBy(by.value, columnNamed.get(by.value)?.kind === "number"); byId("gallery-order").focus(); });
  const turn = button(down ? "↓ falling" : "↑ rising", () => { sortBy(name, !down); byId("gallery-turn").focus(); }, { id: "gallery-turn", disabled: !name });
  panel.replaceChildren(element("div", { class: "row" }, element("label", {}, "In order of ", by), turn),
    pager(rows.length, PAGE.gallery, listing.page, turned), strip(pageOf(rows, PAGE.gallery), columnNamed.has(name) ? name : null, "tab-gallery"));
}

const tableColumns = () => {
  listing.columns ??= [...new Set([shown.column, ...scores.slice(0, 3), ...columns.filter((column) => column.kind === "category").slice(0, 2)])].filter(Boolean).map((column) => column.name);
  return columns.filter((column) => listing.columns.includes(column.name));
};
const exactText = (column, row) => (column.kind === "number" ? (Number.isNaN(column.values[row]) ? "" : Number(column.values[row].toPrecision(9))) : textOf(column, row));
const csvOf = (rows, wanted) => csv([["id", ...wanted.map((column) => column.title)], ...rows.map((row) => [study.ids[row], ...wanted.map((column) => exactText(column, row))])]);

function showTable() {
  const panel = byId("panel-table"), rows = ordered(), wanted = tableColumns();
  if (!rows.length) return panel.replaceChildren(nothing());
  const open = panel.querySelector("details")?.open ?? false;
  const save = (name, made) => button(`Export ${name}`, () => download(`selection-${name}.csv`, made(), "text/csv"), { id: `export-${name}` });
  panel.replaceChildren(
    element("div", { class: "row" }, save("table", () => csvOf(rows, wanted)), save("ids", () => csvOf(rows, [])), columns.length ? save("values", () => csvOf(rows, columns)) : null),
    columns.length ? element("details", { open }, element("summary", {}, `Columns (${wanted.length} of ${columns.length})`), columnChoice()) : lack("columns"),
    pager(rows.length, PAGE.table, listing.page, turned), sampleTable(pageOf(rows, PAGE.table), wanted));
}

function columnChoice() {
  return element("div", { class: "choice" }, ...columns.map((column) => {
    const box = element("input", { type: "checkbox" });
    box.checked = listing.columns.includes(column.name);
    box.addEventListener("change", () => {
      listing.columns = box.checked ? [...listing.columns, column.name] : listing.columns.filter((name) => name !== column.name);
      stale("table");
      [...byId("panel-table").querySelectorAll(".choice input")][columns.indexOf(column)].focus();
    });
    return element("label", {}, box, spaced(column.title));
  }));
}

function sampleTable(rows, wanted) {
  const [by, down] = listing.sort;
  const head = (name, title, falls) => element("th", { scope: "col", "aria-sort": by !== name ? "none" : down ? "descending" : "ascending" },
    button(by === name ? `${title} ${down ? "↓" : "↑"}` : title, () => { sortBy(name, by === name ? !down : falls); byId("panel-table").querySelector("th:not([aria-sort=none]) button")?.focus(); }));
  return element("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Table of ${study.noun}s` }, element("table", { class: "samples" },
    element("thead", {}, element("tr", {}, head("id", "id", false), ...wanted.map((column) => head(column.name, spaced(column.title), column.kind === "number")))),
    element("tbody", {}, ...rows.map((row) => element("tr", {},
      element("th", { scope: "row" }, button(study.ids[row], () => pick(row))),
      ...wanted.map((column) => element("td", { class: column.kind === "number" ? null : "text" }, textOf(column, row))))))));
}
