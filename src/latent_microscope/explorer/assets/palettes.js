// Colours: scales of even steps in lightness, categories that are distinct for colour-blind readers.
const SCALES = {
  viridis: ["440154", "481b6d", "46327e", "3f4788", "365c8d", "2e6e8e", "277f8e", "21918c", "1fa187", "2db27d", "4ac16d", "73d056", "a0da39", "d0e11c", "fde725"],
  cividis: ["00224e", "002f6d", "213b6e", "39486c", "4c556c", "5d616e", "6c6e72", "7d7c78", "8e8978", "9f9775", "b1a570", "c5b568", "d9c55c", "edd54a", "fee838"],
};
// Okabe and Ito 2008 without black, then those farthest from them, each other and grey in OKLab, as
// seen with and without red-green blindness (Machado 2009), of a lightness for light and dark pages.
const PALETTE = ["0072B2", "E69F00", "009E73", "CC79A7", "D55E00", "56B4E9", "F0E442", "3344ff", "991100", "9966ff", "66eeaa", "cc1199"];
const OTHER = "9c7c5a"; // levels beyond the palette; grey is for noise and unknown alone
const GREY = { light: [178, 182, 187], dark: [92, 98, 105] };
const NO_COLOUR = new Set(["noise", "unknown"]);
const BINARY = { light: [[170, 200, 222], [213, 94, 0]], dark: [[52, 88, 114], [240, 149, 74]] };

const rgbOf = (hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
const cssOf = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;

function onScale(name, share) {
  const stops = SCALES[name], at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2), low = rgbOf(stops[i]), high = rgbOf(stops[i + 1]);
  return low.map((value, channel) => value + (at - i) * (high[channel] - value));
}

// Colours of the levels, most frequent first: no colour twice, the rest have that of "other".
function levelColours(column, theme) {
  if (column.kind === "binary") return BINARY[theme];
  let used = 0;
  return column.levels.map((level) => (NO_COLOUR.has(level) ? GREY[theme] : rgbOf(PALETTE[used++] ?? OTHER)));
}

// Levels with a colour of their own, and those that share one: codes.
function colouredLevels(column) {
  const codes = levelsOf(column).map((_, code) => code), known = codes.filter((code) => !NO_COLOUR.has(levelsOf(column)[code]));
  const rest = new Set(known.slice(PALETTE.length));
  return { own: codes.filter((code) => !rest.has(code)), rest: [...rest] };
}

// The middle 98 % of the values span the scale: a few extremes would flatten it for all others.
function middleOf(column) {
  const sorted = sortedValues(column), last = sorted.length - 1;
  return last < 0 ? [0, 1] : [sorted[Math.round(0.01 * last)], sorted[Math.round(0.99 * last)]];
}

function boundsOf(column) {
  const [low, high] = middleOf(column);
  return high > low ? [low, high] : [low - 0.5, low + 0.5];
}

// Packed colours (ABGR) of all images.
function coloursOf(column, theme, scale) {
  const colours = new Uint32Array(count);
  const pack = ([r, g, b]) => (0xff000000 | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r)) >>> 0;
  if (column.kind === "number") {
    const [low, high] = boundsOf(column), grey = pack(GREY[theme]);
    const table = Uint32Array.from({ length: 256 }, (_, i) => pack(onScale(scale, i / 255)));
    for (let i = 0; i < count; i++) {
      const value = column.values[i];
      const step = Math.round((255 * (value - low)) / (high - low));
      colours[i] = Number.isFinite(value) ? table[Math.min(Math.max(step, 0), 255)] : grey;
    }
  } else {
    const table = levelColours(column, theme).map(pack);
    for (let i = 0; i < count; i++) colours[i] = table[codeOf(column, i)];
  }
  return colours;
}
