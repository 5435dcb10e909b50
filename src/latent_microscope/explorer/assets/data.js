// The study of the page: JSON with arrays as base64 of little-endian bytes.
const study = JSON.parse(document.getElementById("study").textContent);
const count = study.ids.length;
const TYPES = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f4: Float32Array };

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function unpack(array) {
  const bytes = bytesOf(array.data);
  return array.type === "bits" ? bytes : new TYPES[array.type](bytes.buffer);
}

const bitOf = (bits, i) => (bits[i >> 3] >> (i & 7)) & 1;

const maps = study.maps.map((map) => {
  const grid = unpack(map.plane);
  const { low, step } = map.plane;
  const xs = new Float32Array(count), ys = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    xs[i] = low[0] + step * grid[2 * i];
    ys[i] = low[1] + step * grid[2 * i + 1];
  }
  return { ...map, xs, ys, neighbours: unpack(map.neighbours) };
});

const columns = study.columns.map((column) => ({ ...column, data: null, values: unpack(column) }));
const columnNamed = new Map(columns.map((column) => [column.name, column]));
const attributes = columns.filter((column) => column.kind === "binary");
const scores = columns.filter((column) => column.kind === "number");
const rowOf = new Map(study.ids.map((id, row) => [id, row]));
const votes = study.votes && {
  ...study.votes,
  labels: unpack(study.votes.labels),
  counts: unpack(study.votes.counts),
  models: study.votes.models.map((model) => ({ name: model.name, probabilities: unpack(model.probabilities) })),
};

// Levels of a column that is not of numbers, and the place of an image's value among them.
const levelsOf = (column) => (column.kind === "binary" ? ["no", "yes"] : column.levels);
const codeOf = (column, row) => (column.kind === "binary" ? bitOf(column.values, row) : column.values[row]);
const everyRow = () => Array.from({ length: count }, (_, row) => row);

function levelSizes(column) {
  const sizes = new Uint32Array(levelsOf(column).length);
  for (let i = 0; i < count; i++) sizes[codeOf(column, i)] += 1;
  return sizes;
}

// A value as text: of a number five significant digits.
const textOf = (column, row) => (column.kind === "number" ? numberText(column.values[row]) : levelsOf(column)[codeOf(column, row)]);

function numberText(value, digits = 5) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(digits));
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return rounded.toExponential();
  const [whole, part] = String(rounded).split(".");
  return grouped(whole) + (part ? `.${part}` : "");
}

// Significant digits that tell numbers between two apart by such a step, five at least.
const digitsFor = (low, high, step) => Math.min(12, Math.max(5, Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / step)) + 1));

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");
const wholeText = (value) => grouped(String(value));
const things = (number) => `${wholeText(number)} ${study.noun}${number === 1 ? "" : "s"}`;

// Finite values of a number column in order, for percentiles and colour scales.
function sortedValues(column) {
  if (!column.sorted) column.sorted = Float32Array.from(column.values).filter(Number.isFinite).sort();
  return column.sorted;
}

// Share of images whose value is below this one's; ties count half.
function percentileOf(column, row) {
  const sorted = sortedValues(column), value = column.values[row];
  const before = (test) => {
    let low = 0, high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (test(sorted[middle])) low = middle + 1; else high = middle;
    }
    return low;
  };
  return (before((each) => each < value) + before((each) => each <= value)) / (2 * sorted.length);
}
