// The numbers of a frame, as render/statistics.py of the package has them: a row of frames.csv. What needs motion, which
// this page does not see, stays empty, as for every model of one stream.

/**
 * One row.
 * @param {import("./over_time.js").Density} density
 * @param {{index: number, seconds: number, height: number, width: number, startsShot: boolean}} frame upright, in pixels
 * @param {object | null} before the row of the frame before
 */
export function rowOf(density, frame, before) {
  const { values, height, width } = density;
  const inFrame = (column, row) => [
    ((column + 0.5) * frame.width) / width - 0.5,
    ((row + 0.5) * frame.height) / height - 0.5,
  ];
  let [total, bits, peak, columns, rows] = [0, 0, 0, 0, 0];
  for (let place = 0; place < values.length; place += 1) {
    total += values[place];
    if (values[place] > values[peak]) peak = place;
  }
  for (let row = 0, place = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, place += 1) {
      const share = values[place] / total;
      if (share > 0) bits -= share * Math.log2(share);
      columns += share * column;
      rows += share * row;
    }
  }
  const [x, y] = inFrame(columns, rows);
  const [peakX, peakY] = inFrame(peak % width, Math.floor(peak / width));
  const [half, nineTenths] = areasHolding(values, total, [0.5, 0.9]);
  return {
    frame_index: frame.index,
    time_seconds: frame.seconds,
    peak_x: Math.min(Math.max(peakX, 0), frame.width - 1),
    peak_y: Math.min(Math.max(peakY, 0), frame.height - 1),
    entropy_bits: bits,
    area_50_percent: half,
    motion_share: null,
    starts_shot: frame.startsShot || before === null ? 1 : 0,
    area_90_percent: nineTenths,
    centroid_x: x,
    centroid_y: y,
    centroid_drift_pixels: before && Math.hypot(x - before.centroid_x, y - before.centroid_y),
    motion_change: null,
    shot_cut: frame.startsShot && before !== null ? 1 : 0,
  };
}

/** The smallest parts of the cells, 0 to 1, that hold these shares of the looks. */
function areasHolding(values, total, masses) {
  const falling = Float32Array.from(values).sort().reverse();
  let [held, place] = [0, 0];
  return masses.map((mass) => {
    const needed = mass * total * (1 - 1e-9);
    while (held < needed && place < falling.length) {
      held += falling[place];
      place += 1;
    }
    return place / falling.length;
  });
}

/** The first line of the table. @param {Record<string, number>} columns name → digits behind the point */
export const heading = (columns) => `${Object.keys(columns).join(",")}\n`;

/** A row as a line of the table. */
export const line = (row, columns) =>
  `${Object.entries(columns).map(([name, digits]) => (row[name] === null ? "" : row[name].toFixed(digits))).join(",")}\n`;
