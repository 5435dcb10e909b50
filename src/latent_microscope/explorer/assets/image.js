// The picked image: in full size, its values, its nearest neighbours, its votes and the probabilities of models.
const picked = { row: -1, before: [] };

function neighboursOf(row) {
  const { neighbours, k } = map.shown;
  return Array.from(neighbours.subarray(row * k, (row + 1) * k));
}

function pick(row, { back = false } = {}) {
  if (row < 0) return;
  if (picked.row >= 0 && !back && picked.row !== row) picked.before.push(picked.row);
  picked.row = row;
  map.mark(row, neighboursOf(row));
  showImage();
  showTab("image");
  remember();
  say(`${study.noun} ${study.ids[row]} picked, with ${map.shown.k} neighbours.`);
}

// At its stored size, small ones enlarged by a whole number; never wider than the panel.
function picture(row) {
  const set = study.full ?? study.thumbnails;
  if (!set) return null;
  const longer = Math.max(set.width, set.height), times = Math.max(1, Math.floor(192 / longer));
  const canvas = thumbnail(row, Math.min(420, longer * times), set), [wide, high] = study.thumbnails.stored;
  const same = set.width === wide && set.height === high;
  const text = same ? `${wide} × ${high} pixels as stored${times > 1 ? `, shown ${times} times as large` : ""}`
    : `${set.width} × ${set.height} of the ${wide} × ${high} stored pixels: all would make too large a page (explorer.thumbnail sets it)`;
  return element("figure", {}, canvas, element("figcaption", { class: "note" }, text));
}

function showImage() {
  const { row } = picked, panel = byId("panel-image");
  if (row < 0) {
    panel.replaceChildren(element("p", {}, `No ${study.noun} is picked. Click one on the map, search for its id, or pick one in ${study.thumbnails ? "gallery, " : ""}table or lists.`),
      ...(study.thumbnails ? [] : [lack("images")]));
    return;
  }
  const back = picked.before.length ? button("Back", () => pick(picked.before.pop(), { back: true })) : null;
  const chosen = selection.rows.includes(row);
  const toggle = button(chosen ? "Remove from selection" : "Add to selection", () => { selection.takeRows([row], chosen ? "remove" : "add"); showImage(); });
  panel.replaceChildren(
    element("div", { class: "picked" }, picture(row), element("div", {}, element("h2", {}, study.ids[row]), ...labels(row), element("div", { class: "row" }, back, toggle))),
    ...opinions(row),
    ...(map.shown.k ? [element("h3", { id: "near" }, `Nearest neighbours among the ${map.shown.space}`), strip(neighboursOf(row), null, "near")] : [lack("neighbours")]),
    ...values(row));
}

function labels(row) {
  return columns.filter((column) => column.kind === "category").map((column) => element("div", { class: "note" }, `${column.title}: ${textOf(column, row)}`));
}

// Images side by side as buttons; below each its id and its value of a column.
function strip(rows, by, labelled) {
  const column = by && columnNamed.get(by);
  const list = element("ul", { class: study.thumbnails ? "strip" : "strip bare", "aria-labelledby": labelled }, ...rows.map((row) => element("li", {}, imageButton(row, column))));
  roving(list);
  return list;
}

function imageButton(row, column) {
  const made = button("", () => pick(row), { "data-row": row });
  made.append(...[thumbnail(row, 60), element("span", {}, study.ids[row]), column ? element("span", { class: "value" }, textOf(column, row)) : null].filter(Boolean));
  made.addEventListener("mouseenter", () => map.mark(row, []));
  made.addEventListener("mouseleave", () => map.mark(picked.row, picked.row < 0 ? [] : neighboursOf(picked.row)));
  return made;
}

function values(row) {
  const parts = [];
  if (scores.length) {
    parts.push(element("h3", {}, "Scores"), table(`Percentile: the share of ${study.noun}s below this value, ties counted half.`, [
      { title: "Score", key: (column) => column.title, cell: (column) => column.title },
      { title: "value", key: (column) => column.values[row], cell: (column) => numberText(column.values[row]), down: true },
      { title: "percentile", key: (column) => percentileOf(column, row), cell: (column) => percentileBar(column, row), down: true },
    ], scores, null));
  } else parts.push(lack("scores"));
  const has = attributes.filter((column) => bitOf(column.values, row));
  if (attributes.length) {
    parts.push(element("h3", {}, `Attributes (${has.length} of ${attributes.length})`), element("ul", { class: "tags" }, ...has.map((column) => element("li", {}, spaced(column.title)))));
  } else parts.push(lack("attributes"));
  return parts;
}

function percentileBar(column, row) {
  if (!Number.isFinite(column.values[row])) return "–";
  return [bar(percentileOf(column, row), "people"), element("span", { class: "number" }, (100 * percentileOf(column, row)).toFixed(1))];
}

function bar(share, kind) {
  const fill = element("span");
  fill.style.width = `${100 * share}%`;
  return element("span", { class: `track ${kind}`, "aria-hidden": "true" }, fill);
}

let shownModel = 0;
function opinions(row) {
  if (!votes) return [];
  const { classes } = votes, own = votes.labels[row], counts = votes.counts.subarray(row * classes.length, (row + 1) * classes.length);
  const total = counts.reduce((sum, each) => sum + each, 0), soft = counts instanceof Float32Array, model = votes.models[shownModel];
  const chances = model ? Array.from(model.probabilities.subarray(row * classes.length, (row + 1) * classes.length), (value) => value / 65535) : null;
  const rows = classes.map((name, i) => ({ name: i === own ? `${name} (label)` : name, votes: counts[i], share: counts[i] / total, chance: chances?.[i] }));
  const shown = rows.filter((each, i) => rows.length <= 12 || i === own || each.share > 0.005 || each.chance > 0.02);
  const heads = [
    { title: "Class", key: (each) => each.name, cell: (each) => each.name },
    { title: soft ? "soft labels" : `votes (${total})`, key: (each) => each.share, down: true, cell: (each) => [bar(each.share, "people"), element("span", { class: "number" }, soft ? each.share.toFixed(3) : `${each.votes}`)] },
  ];
  if (model) heads.push({ title: model.name, key: (each) => each.chance, down: true, cell: (each) => [bar(each.chance, "model"), element("span", { class: "number" }, each.chance.toFixed(3))] });
  const choice = element("select", { id: "model-select" }, ...votes.models.map((each, i) => option(i, each.name)));
  choice.value = String(shownModel);
  choice.addEventListener("change", () => { shownModel = Number(choice.value); showImage(); byId("model-select").focus(); });
  return [
    element("h3", {}, "Annotators and models"),
    model ? element("div", { class: "row" }, element("label", {}, "Model ", choice)) : lack("models"),
    table(`${soft ? "Soft labels" : "Votes"} of annotators${model ? ` and probabilities of ${model.name}` : ""}.`, heads, shown, 1),
  ];
}
