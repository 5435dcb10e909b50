// The picked image: its values, its nearest neighbours, its votes and the probabilities of models.
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
  say(`Image ${study.ids[row]} picked, with ${map.shown.k} neighbours.`);
}

function showImage() {
  const { row } = picked, panel = byId("panel-image");
  if (row < 0) {
    panel.replaceChildren(element("p", {}, "No image is picked. Click one on the map, search for its id, or pick one from a list."),
      ...(study.thumbnails ? [] : [element("p", { class: "note" }, "The study has no images, or thumbnails are off in its config: points and values only.")]));
    return;
  }
  const back = picked.before.length ? button("Back", () => pick(picked.before.pop(), { back: true })) : null;
  const chosen = selection.rows.includes(row);
  const toggle = button(chosen ? "Remove from selection" : "Add to selection", () => { selection.set([row], chosen ? "remove" : "add"); showImage(); });
  panel.replaceChildren(
    element("div", { class: "picked" }, thumbnail(row, 128), element("div", {}, element("h2", {}, study.ids[row]), ...labels(row), element("div", { class: "row" }, back, toggle))),
    ...opinions(row),
    element("h3", { id: "near" }, `Nearest neighbours among the ${map.shown.space}`), strip(neighboursOf(row), null, "near"),
    ...values(row));
}

function labels(row) {
  return columns.filter((column) => column.kind === "category").map((column) => element("div", { class: "note" }, `${column.title}: ${textOf(column, row)}`));
}

// Images side by side as buttons; below each its id and its value of a column.
function strip(rows, by, labelled) {
  const column = by && columnNamed.get(by);
  const list = element("ul", { class: "strip", "aria-labelledby": labelled }, ...rows.map((row) => element("li", {}, imageButton(row, column))));
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
    parts.push(element("h3", {}, "Scores"), table("Percentile: the share of images below this value, ties counted half.", [
      { title: "Score", key: (column) => column.title, cell: (column) => column.title },
      { title: "value", key: (column) => column.values[row], cell: (column) => numberText(column.values[row]), down: true },
      { title: "percentile", key: (column) => percentileOf(column, row), cell: (column) => percentileBar(column, row), down: true },
    ], scores, null));
  }
  const has = attributes.filter((column) => bitOf(column.values, row));
  if (attributes.length) {
    parts.push(element("h3", {}, `Attributes (${has.length} of ${attributes.length})`), element("ul", { class: "tags" }, ...has.map((column) => element("li", {}, spaced(column.title)))));
  } else parts.push(element("p", { class: "note" }, "The study has no binary attributes."));
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
    model ? element("div", { class: "row" }, element("label", {}, "Model ", choice)) : element("p", { class: "note" }, "The study has no model with probabilities of these classes."),
    table(`${soft ? "Soft labels" : "Votes"} of annotators${model ? ` and probabilities of ${model.name}` : ""}.`, heads, shown, 1),
  ];
}
