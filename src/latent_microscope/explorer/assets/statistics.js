// The library's attribute bias index (odds) for images taken as independent: Haldane–Anscombe
// estimate with its 95 % interval, mid-p of the hypergeometric law, Benjamini–Hochberg.
const Z95 = 1.959963984540054;
const logChoose = (n, k) => logFactorials[n] - logFactorials[k] - logFactorials[n - k];
let logFactorials = null, totals = null; // of 0 to all images; images with each attribute

function prepare() {
  logFactorials = new Float64Array(count + 1);
  for (let i = 2; i <= count; i++) logFactorials[i] = logFactorials[i - 1] + Math.log(i);
  totals = attributes.map((column) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += bitOf(column.values, i);
    return total;
  });
}

function midP(a, members, withIt, all) {
  const term = Math.exp(logChoose(withIt, a) + logChoose(all - withIt, members - a) - logChoose(all, members));
  let lower = 0.5 * term, upper = 0.5 * term;
  for (let k = a, now = term; k > Math.max(0, members + withIt - all) && now > 0; k--) {
    now *= (k * (all - withIt - members + k)) / ((withIt - k + 1) * (members - k + 1));
    lower += now;
  }
  for (let k = a, now = term; k < Math.min(members, withIt) && now > 0; k++) {
    now *= ((withIt - k) * (members - k)) / ((k + 1) * (all - withIt - members + k + 1));
    upper += now;
  }
  return Math.min(1, 2 * Math.min(lower, upper));
}

function benjaminiHochberg(values) {
  const tested = values.map((p, i) => [p, i]).filter(([p]) => Number.isFinite(p)).sort((x, y) => x[0] - y[0]);
  const q = values.map(() => NaN);
  let least = 1;
  for (let rank = tested.length; rank >= 1; rank--) {
    const [p, i] = tested[rank - 1];
    least = Math.min(least, (p * tested.length) / rank);
    q[i] = least;
  }
  return q;
}

// One row per attribute: shares, odds ratio with interval, p, q; NaN where nothing can be tested.
function oddsRatios(rows) {
  if (!totals) prepare();
  const found = attributes.map((column, j) => {
    let a = 0;
    for (const row of rows) a += bitOf(column.values, row);
    const m = rows.length, b = m - a, c = totals[j] - a, d = count - m - c;
    const value = ((a + 1e-6) * (d + 1e-6)) / ((b + 1e-6) * (c + 1e-6)); // as published
    const made = { name: column.name, title: column.title, a, b, c, d, value, inside: a / m, outside: c / (c + d) };
    if (a + c === 0 || b + d === 0 || a + b === 0 || c + d === 0) {
      return { ...made, estimate: NaN, low: NaN, high: NaN, p: NaN };
    }
    const centre = Math.log((a + 0.5) * (d + 0.5)) - Math.log((b + 0.5) * (c + 0.5));
    const half = Z95 * Math.sqrt(1 / (a + 0.5) + 1 / (b + 0.5) + 1 / (c + 0.5) + 1 / (d + 0.5));
    const [estimate, low, high] = [centre, centre - half, centre + half].map(Math.exp);
    return { ...made, estimate, low, high, p: midP(a, m, a + c, count) };
  });
  const q = benjaminiHochberg(found.map((row) => row.p));
  return found.map((row, i) => ({ ...row, q: q[i] }));
}

function meanAndSpread(column, rows) {
  let n = 0, mean = 0, squares = 0;
  const add = (value) => {
    if (!Number.isFinite(value)) return;
    const off = value - mean;
    n += 1;
    mean += off / n;
    squares += off * (value - mean);
  };
  if (rows) for (const row of rows) add(column.values[row]);
  else for (let i = 0; i < count; i++) add(column.values[i]);
  return { n, mean: n ? mean : NaN, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : NaN };
}

// Means of the selection and of all images, and their difference in standard deviations of all.
function meanScores(rows) {
  return scores.map((column) => {
    column.whole ??= meanAndSpread(column, null);
    const { mean, n } = meanAndSpread(column, rows);
    return { name: column.name, title: column.title, n, mean, all: column.whole.mean, shift: (mean - column.whole.mean) / column.whole.sd };
  });
}
