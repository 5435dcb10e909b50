// The library's attribute bias index (odds) for images taken as independent: Haldane–Anscombe
// estimate, conditional mid-p test and interval, Benjamini–Hochberg.
let totals = null; // images with each attribute

function prepare() {
  totals = attributes.map((column) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += bitOf(column.values, i);
    return total;
  });
}

// Chances of k of the members to have the attribute at this odds ratio: less than a, a, more than a.
function chances(a, members, withIt, all, odds) {
  const up = (k) => (odds * (withIt - k) * (members - k)) / ((k + 1) * (all - withIt - members + k + 1));
  let less = 0, more = 0;
  for (let k = a, now = 1; k > Math.max(0, members + withIt - all) && now > 1e-17 * less; k--) less += now /= up(k - 1);
  for (let k = a, now = 1; k < Math.min(members, withIt) && now > 1e-17 * more; k++) more += now *= up(k);
  if (!Number.isFinite(less)) return [1, 0, 0];
  if (!Number.isFinite(more)) return [0, 0, 1];
  return [less, 1, more].map((part) => part / (less + 1 + more));
}

function midP(a, members, withIt, all) {
  const [less, same, more] = chances(a, members, withIt, all, 1);
  return Math.min(1, 2 * (Math.min(less, more) + same / 2));
}

// The odds ratios that mid-p does not reject; open at an empty cell.
function interval(a, members, withIt, all) {
  return [0.025, 0.975].map((level) => {
    let low = -40, high = 40;
    for (let i = 0; i < 48; i++) {
      const middle = (low + high) / 2, [, same, more] = chances(a, members, withIt, all, Math.exp(middle));
      if (more + same / 2 > level) high = middle;
      else low = middle;
    }
    return low > 39 ? Infinity : low < -39 ? 0 : Math.exp(low);
  });
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

// Log odds, smoothed; those of an empty cell are at their median-unbiased estimate.
function logit(have, lack) {
  if (have && lack) return Math.log((have + 0.5) / (lack + 0.5));
  const rare = 1 - 0.5 ** (1 / (have + lack));
  return (have ? -1 : 1) * Math.log(rare / (1 - rare));
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
    const side = Math.sign(a * d - b * c); // an estimate is never against the counts
    const estimate = Math.exp(side * Math.max(0, side * (logit(a, b) - logit(c, d))));
    const [low, high] = interval(a, m, a + c, count);
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
