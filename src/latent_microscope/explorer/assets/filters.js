// Filters: a histogram per number, a bar per level; each shows what passes all other filters.
const BINS = 40, SHOWN_LEVELS = 12;
const charts = []; // of the panel: { column, part, update }
const onScreen = new Set();
let watcher = null;

// The bin of each image (255: no value), and where they begin; whole numbers have bins of their own.
function binsOf(column) {
  if (column.bins) return column.bins;
  const sorted = sortedValues(column), low = sorted[0], high = sorted[sorted.length - 1];
  const whole = high - low < BINS && sorted.every(Number.isInteger);
  const many = whole ? high - low + 1 : high > low ? BINS : 1, step = whole ? 1 : (high - low) / BINS || Math.abs(low);
  const start = whole || many === 1 ? low - step / 2 : low;
  const codes = new Uint8Array(count).fill(255), all = new Uint32Array(many);
  for (let i = 0; i < count; i++) {
    const value = column.values[i];
    if (!Number.isFinite(value)) continue;
    codes[i] = Math.min(many - 1, Math.floor((value - start) / step));
    all[codes[i]] += 1;
  }
  column.bins = { codes, all, start, step, many };
  return column.bins;
}

// How many images of each code (bin, level) pass everything but the column's own filter.
function passing(column, codes, many) {
  const found = new Uint32Array(many), own = selection.filters.get(column.name)?.mask, { fails, taken } = selection;
  for (let i = 0; i < count; i++) {
    if (fails[i] - (own ? own[i] : 0) || (taken && !taken[i])) continue;
    const code = codes ? codes[i] : codeOf(column, i);
    if (code < many) found[code] += 1;
  }
  return found;
}

function openFilters() {
  const panel = byId("panel-filter"), order = ["score", "cluster", "label", "identity", "attribute"];
  if (!columns.length) return panel.replaceChildren(lack("columns"));
  watcher = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) onScreen.add(target); else onScreen.delete(target);
    }
    showFilters();
  }, { root: panel, rootMargin: "100px" });
  const sorted = [...columns].sort((one, other) => order.indexOf(one.group) - order.indexOf(other.group));
  for (const column of sorted) charts.push({ column, ...(column.kind === "number" ? histogram(column) : levelBars(column)) });
  const find = element("input", { type: "search", id: "find-column" });
  find.addEventListener("input", () => {
    for (const { column, part } of charts) part.hidden = !spaced(column.title).toLowerCase().includes(find.value.trim().toLowerCase());
  });
  panel.replaceChildren(element("p", { class: "note" }, `Pale: all ${study.noun}s; full: those that pass all other filters. Drag over a histogram or type its limits, click on bars; filters combine.`),
    charts.length > 8 ? element("div", { class: "row" }, element("label", {}, "Find a column ", find)) : "", ...charts.map(({ part }) => part));
  charts.forEach(({ part }) => watcher.observe(part));
}

function showFilters() {
  if (!charts.length) openFilters();
  for (const chart of charts) {
    if (!onScreen.has(chart.part) || chart.at === `${selection.version} ${shown.theme}`) continue;
    chart.at = `${selection.version} ${shown.theme}`;
    chart.update();
  }
}

function chartHead(column) {
  const clear = button("×", () => selection.filter(column.name, null), { "aria-label": `End the filter of ${column.title}`, hidden: true });
  return { clear, head: element("h2", {}, spaced(column.title)) };
}

function histogram(column) {
  const { start, step, many, all } = binsOf(column), { clear, head } = chartHead(column);
  const canvas = element("canvas", { class: "bins", role: "img", "aria-label": `Histogram of ${column.title}` }), missing = count - sortedValues(column).length;
  const input = (name) => element("input", { type: "number", step: "any", "aria-label": `${column.title} ${name}`, on: { change: () => typed() } });
  const low = input("from"), high = input("to"), note = element("span", { class: "note" });
  const digits = digitsFor(start, start + many * step, step);
  const number = (field) => (field.value === "" ? null : Number(field.value));
  const set = (from, to) => selection.filter(column.name, from == null && to == null ? null : [from, to]);
  const typed = () => set(number(low), number(high));
  const part = element("section", { class: "chart", "data-column": column.name },
    element("div", { class: "charthead" }, head, note, low, "–", high, clear), canvas);
  brush(canvas, many, (from, to) => {
    const edge = (bin) => Number((start + bin * step).toPrecision(digits));
    set(from > 0 ? edge(from) : null, to < many ? edge(to) : null);
  });
  return { part, update: () => {
    const found = passing(column, binsOf(column).codes, many), wanted = selection.filters.get(column.name)?.wanted ?? [null, null];
    [low, high].forEach((field, i) => { if (document.activeElement !== field) field.value = wanted[i] ?? ""; });
    [low.placeholder, high.placeholder] = ends(sortedValues(column)).map((end) => numberText(end, digits));
    clear.hidden = wanted[0] == null && wanted[1] == null;
    note.textContent = missing ? `${wholeText(missing)} without a value` : "";
    const total = found.reduce((sum, each) => sum + each, 0);
    canvas.setAttribute("aria-label", `Histogram of ${column.title}: ${wholeText(total)} of ${wholeText(count - missing)} ${study.noun}s pass the other filters`);
    drawBins(canvas, { all, found, start, step, many, wanted });
  } };
}

function drawBins(canvas, { all, found, start, step, many, wanted }) {
  const width = canvas.clientWidth, high = 50, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(68 * ratio);
  const context = canvas.getContext("2d"), most = all.reduce((one, other) => Math.max(one, other)), wide = width / many;
  context.scale(ratio, ratio);
  const bars = (values, colour) => {
    context.fillStyle = colour;
    values.forEach((value, bin) => value && context.fillRect(bin * wide, high - Math.max(1, (high * value) / most), Math.max(wide - 1, 0.5), Math.max(1, (high * value) / most)));
  };
  bars(all, styleOf("--line"));
  bars(found, styleOf("--people"));
  const at = (value) => ((value - start) / step) * wide, [from, to] = [wanted[0] == null ? 0 : at(wanted[0]), wanted[1] == null ? width : at(wanted[1])];
  context.fillStyle = styleOf("--veil");
  context.fillRect(0, 0, from, high);
  context.fillRect(to, 0, width - to, high);
  context.fillStyle = styleOf("--muted");
  context.fillRect(0, high, width, 1);
  context.font = "10.5px system-ui, sans-serif";
  const digits = digitsFor(start, start + many * step, step);
  for (const tick of ticksBetween(start, start + many * step, 5)) {
    const text = numberText(tick, digits), half = context.measureText(text).width / 2;
    context.fillRect(Math.min(at(tick), width - 1), high, 1, 4);
    context.fillText(text, Math.min(Math.max(at(tick) - half, 0), width - 2 * half), high + 15);
  }
}

// Dragging over a histogram: from and to in bins; a click without one ends the filter.
function brush(canvas, many, act) {
  let from = null, asked = 0;
  const bin = (event) => Math.min(1, Math.max(0, event.offsetX / canvas.clientWidth)) * many;
  const set = (event) => {
    const [one, other] = [from, bin(event)].sort((x, y) => x - y);
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => act(Math.floor(one), Math.max(Math.floor(one) + 1, Math.ceil(other))));
  };
  canvas.addEventListener("pointerdown", (event) => { from = bin(event); canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => { if (from !== null && Math.abs(bin(event) - from) > 0.3) set(event); });
  canvas.addEventListener("pointerup", (event) => {
    if (Math.abs(bin(event) - from) <= 0.3) act(0, many);
    from = null;
  });
}

// Levels as bars that are buttons; those beyond the most frequent are added by name.
function levelBars(column) {
  const levels = levelsOf(column), sizes = levelSizes(column), { clear, head } = chartHead(column);
  const list = element("div", { class: "levels" }), most = Math.max(...sizes);
  const invert = button("invert", () => {
    const { wanted } = selection.filters.get(column.name), rest = levels.filter((level) => !wanted.includes(level));
    selection.filter(column.name, rest.length ? rest : null);
  }, { "aria-label": `All levels of ${column.title} but these`, hidden: true });
  const more = levels.length > SHOWN_LEVELS ? furtherLevels(column) : "";
  const part = element("section", { class: "chart", "data-column": column.name }, element("div", { class: "charthead" }, head, invert, clear), list, more);
  return { part, update: () => {
    const found = passing(column, null, levels.length), wanted = selection.filters.get(column.name)?.wanted ?? [];
    const codes = levels.map((_, code) => code).filter((code) => code < SHOWN_LEVELS || wanted.includes(levels[code]));
    const colours = levelColours(column, shown.theme), here = [...list.children].indexOf(document.activeElement);
    list.replaceChildren(...codes.map((code) => levelBar(column, code, found[code], sizes[code], most, colours[code], wanted)));
    list.children[here]?.focus();
    clear.hidden = invert.hidden = !wanted.length;
  } };
}

function levelBar(column, code, found, all, most, colour, wanted) {
  const level = levelsOf(column)[code], on = wanted.includes(level), fill = element("span", { class: "part" }), whole = element("span", { class: "whole" });
  fill.style.width = `${(100 * found) / most}%`;
  fill.style.background = cssOf(colour);
  whole.style.width = `${(100 * all) / most}%`;
  const bar = element("span", { class: "level", "aria-hidden": "true" }, whole, fill);
  const made = button("", () => selection.toggle(column, [level]), { "aria-pressed": on, class: wanted.length && !on ? "off" : "", title: `${level}: ${wholeText(found)} of ${wholeText(all)}` });
  made.append(element("span", { class: "name" }, level), bar, element("span", { class: "number" }, `${wholeText(found)} / ${wholeText(all)}`));
  return made;
}

function furtherLevels(column) {
  const levels = levelsOf(column), id = `levels-${columns.indexOf(column)}`;
  const input = element("input", { list: id, type: "text", size: 12 });
  const add = () => {
    const level = input.value.trim();
    if (!levels.includes(level)) return say(`${column.title} has no level ${level}.`);
    input.value = "";
    selection.toggle(column, [level]);
  };
  input.addEventListener("change", add);
  return element("p", { class: "note" }, element("label", {}, `and ${wholeText(levels.length - SHOWN_LEVELS)} more; add one: `, input),
    element("datalist", { id }, ...levels.slice(SHOWN_LEVELS, SHOWN_LEVELS + 1000).map((level) => element("option", { value: level }))));
}
