// The selected images: what was taken by lasso, list or one by one, and passes every filter.
const selection = {
  parts: [], // in order: { how, ids } or { how, map, x, y }, a polygon on a map in steps of its grid
  filters: new Map(), // name of a column → { wanted, mask }; mask: 1 where an image fails
  taken: null, // 1 for the images of the parts; null: all
  fails: new Uint8Array(count), // filters that an image fails
  rows: [], // ascending; none while nothing is selected
  version: 0,

  get active() {
    return this.parts.length > 0 || this.filters.size > 0;
  },

  // Rows that gallery and table show: the selection, or all.
  listed() {
    return this.active ? this.rows : everyRow();
  },

  take(part, how = "replace") {
    const kept = how === "replace" ? [] : this.parts;
    this.parts = how === "replace" && part.ids?.length === 0 ? [] : [...kept, { how, ...part }];
    this.find();
  },

  takeRows(rows, how = "replace") {
    this.take({ ids: Array.from(rows, (row) => study.ids[row]) }, how);
  },

  // wanted: [low, high] of a number (null: open), names of levels of others; null: no filter.
  filter(name, wanted) {
    if (wanted) this.filters.set(name, madeFilter(name, wanted));
    else this.filters.delete(name);
    this.find();
  },

  toggle(column, levels) {
    const old = this.filters.get(column.name)?.wanted ?? [], there = levels.every((level) => old.includes(level));
    const made = there ? old.filter((level) => !levels.includes(level)) : [...new Set([...old, ...levels])];
    this.filter(column.name, made.length ? made : null);
  },

  clear() {
    this.parts = [];
    this.filters.clear();
    this.find();
  },

  find() {
    this.taken = this.parts.length ? rowsTaken(this.parts) : null;
    this.fails.fill(0);
    for (const { mask } of this.filters.values()) for (let i = 0; i < count; i++) this.fails[i] += mask[i];
    const rows = new Uint32Array(this.active ? count : 0);
    let many = 0;
    if (this.active) for (let i = 0; i < count; i++) if (!this.fails[i] && (!this.taken || this.taken[i])) rows[many++] = i;
    this.rows = Array.from(rows.subarray(0, many));
    this.version += 1;
    changed();
  },
};

function rowsTaken(parts) {
  const taken = new Uint8Array(count).fill(parts[0].how === "remove" ? 1 : 0);
  for (const part of parts) {
    const value = part.how === "remove" ? 0 : 1;
    for (const row of part.ids ? part.ids.map(knownRow) : polygonRows(part)) taken[row] = value;
  }
  return taken;
}

function knownRow(id) {
  if (!rowOf.has(id)) throw new Error(`there is no ${study.noun} “${id}”`);
  return rowOf.get(id);
}

function polygonRows({ map: number, x, y }) {
  if (!maps[number]) throw new Error(`there is no map ${number}`);
  const { low, step } = maps[number].plane, place = (axis) => (value) => low[axis] + step * value;
  return within(maps[number], x.map(place(0)), y.map(place(1)));
}

// A lasso in whole steps of the map's grid and of at most 80 corners, so that a link can hold it.
function polygonOf(shown, xs, ys) {
  const { low, step } = shown.plane, every = Math.ceil(xs.length / 80);
  const short = (values, axis) => Array.from(values, (value) => Math.round((value - low[axis]) / step)).filter((_, i) => i % every === 0);
  return { map: maps.indexOf(shown), x: short(xs, 0), y: short(ys, 1) };
}

function madeFilter(name, wanted) {
  const column = columnNamed.get(name), mask = new Uint8Array(count);
  if (!column) throw new Error(`there is no column “${name}”`);
  if (column.kind === "number") {
    const [low, high] = [wanted[0] ?? -Infinity, wanted[1] ?? Infinity].map(Math.fround); // as the values are
    for (let i = 0; i < count; i++) mask[i] = column.values[i] >= low && column.values[i] <= high ? 0 : 1;
  } else {
    const codes = wanted.map((level) => levelsOf(column).indexOf(level)), fails = new Uint8Array(levelsOf(column).length).fill(1);
    if (codes.includes(-1)) throw new Error(`“${column.title}” has no level “${wanted[codes.indexOf(-1)]}”`);
    for (const code of codes) fails[code] = 0;
    for (let i = 0; i < count; i++) mask[i] = fails[codeOf(column, i)];
  }
  return { wanted, mask };
}

function filterText(name, wanted) {
  const { title, kind } = columnNamed.get(name);
  if (kind !== "number") return `${spaced(title)}: ${wanted.slice(0, 3).join(", ")}${wanted.length > 3 ? ` and ${wholeText(wanted.length - 3)} more` : ""}`;
  const [low, high] = wanted;
  return `${title} ${low == null ? `≤ ${numberText(high)}` : high == null ? `≥ ${numberText(low)}` : `${numberText(low)} – ${numberText(high)}`}`;
}

// Above the panels: how many are selected and by what, each part with a button that ends it.
function showChosen() {
  const many = selection.rows.length, chip = (text, act) => button(`${text.length > 80 ? `${text.slice(0, 79)}…` : text} ×`, act, { "aria-label": `Remove: ${text}`, title: text });
  const { parts } = selection, lassos = parts.filter((part) => !part.ids).length;
  const took = lassos === parts.length ? (lassos === 1 ? "lasso" : `${lassos} lassos`) : lassos ? "lasso and picked" : "picked";
  byId("chosen").replaceChildren(...[
    element("strong", {}, selection.active ? `${wholeText(many)} of ${things(count)} selected` : `All ${things(count)}`),
    parts.length ? chip(took, () => { selection.parts = []; selection.find(); }) : null,
    ...[...selection.filters].map(([name, { wanted }]) => chip(filterText(name, wanted), () => selection.filter(name, null))),
    selection.active ? button("Clear", () => selection.clear(), { id: "clear" }) : null,
  ].filter(Boolean));
  say(selection.active ? `${things(many)} selected.` : "Nothing selected.");
}
