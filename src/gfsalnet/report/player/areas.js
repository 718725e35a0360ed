/**
 * Areas of interest without a page: where they are at a time, what they hold of the maps, and the file of them.
 *
 * The formulas are those of `gfsalnet aoi` (docs/areas.md), and so is the file. An area is
 *
 *   { name, isBox, from, to, keyframes: [{ seconds, corners: [[x, y], …] }] }
 *
 * with seconds of the source, from (0) until just before `to` (Infinity), and corners as shares of the frame's width
 * and height; all keyframes have the same number of corners.
 */

const LINES_PER_CELL = 16; // lines through each row of cells on which a polygon's extent is exact
const STEPS_BETWEEN_KEYFRAMES = 8; // moments between two keyframes at which the sides must not cross

export const boxCorners = ([x0, y0, x1, y1]) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];

export const boxOf = (corners) => {
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
};

/** Corners at a time: along straight lines between keyframes, held before the first and after the last. */
export const cornersAt = ({ keyframes }, seconds) => {
  const next = keyframes.findIndex((keyframe) => keyframe.seconds > seconds);
  if (next <= 0) return (next === 0 ? keyframes[0] : keyframes[keyframes.length - 1]).corners;
  const [before, after] = [keyframes[next - 1], keyframes[next]];
  const share = (seconds - before.seconds) / (after.seconds - before.seconds);
  return before.corners.map(([x, y], corner) => [
    x + share * (after.corners[corner][0] - x),
    y + share * (after.corners[corner][1] - y),
  ]);
};

export const isShown = ({ from, to }, seconds) => from - 1e-6 <= seconds && seconds < to - 1e-6;

/** Whether two sides of a polygon cross, so that it does not go round one region once. */
export const crossesItself = (corners) => {
  const side = ([ax, ay], [bx, by], [x, y]) => Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax));
  const sides = corners.map((corner, place) => [corner, corners[(place + 1) % corners.length]]);
  return sides.some(([a, b]) =>
    sides.some(([c, d]) => side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0),
  );
};

const turnOf = (corners) =>
  Math.sign(
    corners.reduce((sum, [x, y], place) => {
      const [nextX, nextY] = corners[(place + 1) % corners.length];
      return sum + x * nextY - nextX * y;
    }, 0),
  );

/** Whether an area goes round one region, and the same way round, at its keyframes and on the way between them. */
export const isSound = (area) => {
  const times = area.keyframes.flatMap(({ seconds }, place) => {
    const ahead = (area.keyframes[place + 1]?.seconds ?? seconds) - seconds;
    return Array.from({ length: ahead ? STEPS_BETWEEN_KEYFRAMES : 1 }, (_, step) =>
      seconds + (ahead * step) / STEPS_BETWEEN_KEYFRAMES);
  });
  const turn = turnOf(area.keyframes[0].corners);
  return times.every((seconds) => {
    const corners = cornersAt(area, seconds);
    return !crossesItself(corners) && turn && turnOf(corners) === turn;
  });
};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/**
 * How much of each cell of a map a polygon covers: { left, top, columns, rows, shares }, shares of the cells around it.
 *
 * Exact along x, and along y for boxes; for other polygons to about a thousandth of a cell.
 */
export const coverage = (corners, [width, height], isBox = false) => {
  const points = corners.map(([x, y]) => [x * width, y * height]);
  const [x0, y0, x1, y1] = boxOf(points);
  const [left, right] = [clamp(Math.floor(x0), 0, width), clamp(Math.ceil(x1), 0, width)];
  const [top, bottom] = [clamp(Math.floor(y0), 0, height), clamp(Math.ceil(y1), 0, height)];
  const [columns, rows] = [right - left, bottom - top];
  const shares = new Float64Array(columns * rows);
  const overlap = (begin, end, cell) => clamp(Math.min(end, cell + 1) - Math.max(begin, cell), 0, 1);
  if (isBox) {
    for (let row = 0; row < rows; row += 1) {
      const along = overlap(y0, y1, top + row);
      for (let column = 0; column < columns; column += 1) {
        shares[row * columns + column] = along * overlap(x0, x1, left + column);
      }
    }
    return { left, top, columns, rows, shares };
  }
  // What lies right of an edge is taken away where the edge goes down, and added where it goes up. Each line notes by how
  // much the coverage changes from cell to cell; the sums along the rows are the coverage.
  points.forEach(([ax, ay], place) => {
    const [bx, by] = points[(place + 1) % points.length];
    const [low, high] = [Math.min(ay, by), Math.max(ay, by)];
    const weight = Math.sign(ay - by) / LINES_PER_CELL;
    const first = Math.max(Math.ceil((low - top) * LINES_PER_CELL - 0.5), 0);
    for (let line = first; line < rows * LINES_PER_CELL; line += 1) {
      const y = top + (line + 0.5) / LINES_PER_CELL;
      if (y >= high) break;
      const x = Math.max(ax + ((y - ay) * (bx - ax)) / (by - ay) - left, 0);
      const cell = Math.floor(x);
      const at = Math.floor(line / LINES_PER_CELL) * columns + cell;
      if (cell < columns) shares[at] += weight * (cell + 1 - x);
      if (cell + 1 < columns) shares[at + 1] += weight * (x - cell);
    }
  });
  for (let row = 0; row < rows; row += 1) {
    let sum = 0;
    for (let at = row * columns; at < (row + 1) * columns; at += 1) {
      sum += shares[at];
      shares[at] = Math.min(Math.abs(sum), 1);
    }
  }
  return { left, top, columns, rows, shares };
};

const sumOf = (values) => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

/** The densities of a recording: `sizes` of a map, when each begins, and what they are. */
export class Densities {
  /**
   * levels: square roots of densities, 0…255 of each map's own largest one, of all maps after each other.
   * times: seconds of the recording at which each map begins; end: when the last one ends.
   */
  constructor(levels, size, times, end) {
    Object.assign(this, { levels, size, times, end });
    this.cells = size[0] * size[1];
    this.sums = times.map((_, place) => {
      let sum = 0;
      for (let cell = place * this.cells; cell < (place + 1) * this.cells; cell += 1) sum += levels[cell] * levels[cell];
      return sum || 1;
    });
  }

  /** The part of one map's looks that falls in what is covered. */
  share(place, { left, top, columns, rows, shares }) {
    let sum = 0;
    for (let row = 0; row < rows; row += 1) {
      const start = place * this.cells + (top + row) * this.size[0] + left;
      for (let column = 0; column < columns; column += 1) {
        sum += shares[row * columns + column] * this.levels[start + column] * this.levels[start + column];
      }
    }
    return sum / this.sums[place];
  }

  /**
   * What an area gets, each map weighted by how long it lasts:
   * { shares: of each map, null where the area is not shown; mean, area, lift, peak, peakSeconds }.
   *
   * offset: seconds of the source at which the recording begins.
   */
  measure(area, offset) {
    const found = { shares: [], mean: null, area: null, lift: null, peak: null, peakSeconds: null };
    let [shown, looks, size, corners, covered, coveredShare] = [0, 0, 0, null, null, 0];
    this.times.forEach((seconds, place) => {
      if (!isShown(area, seconds + offset)) {
        found.shares.push(null);
        return;
      }
      const now = cornersAt(area, seconds + offset);
      if (now !== corners) {
        [corners, covered] = [now, coverage(now, this.size, area.isBox)];
        coveredShare = sumOf(covered.shares) / this.cells;
      }
      const share = this.share(place, covered);
      const lasts = (this.times[place + 1] ?? this.end) - seconds;
      [shown, looks, size] = [shown + lasts, looks + lasts * share, size + lasts * coveredShare];
      if (share > (found.peak ?? -1)) [found.peak, found.peakSeconds] = [share, seconds];
      found.shares.push(share);
    });
    if (shown > 0) [found.mean, found.area, found.lift] = [looks / shown, size / shown, size ? looks / size : null];
    return found;
  }
}

const rounded = (value) => Number(value.toFixed(5));

/** The text of the file that `gfsalnet aoi --areas` reads. */
export const fileOf = (areas) => {
  const entries = areas.map(({ name, isBox, from, to, keyframes }) => ({
    name,
    units: "share",
    ...(from > 0 ? { from_seconds: rounded(from) } : {}),
    ...(to < Infinity ? { to_seconds: rounded(to) } : {}),
    keyframes: keyframes.map(({ seconds, corners }) => ({
      time_seconds: rounded(seconds),
      ...(isBox ? { box: boxOf(corners).map(rounded) } : { polygon: corners.map((corner) => corner.map(rounded)) }),
    })),
  }));
  return `${JSON.stringify({ areas: entries }, null, 2)}\n`;
};

/**
 * The areas of the entries of such a file.
 *
 * entries: its list "areas"; size: width and height of the frame in pixels, for areas in pixels.
 * Throws an Error that names the entry that makes no sense.
 */
export const areasOf = (entries, size) => {
  if (!Array.isArray(entries) || !entries.length) throw new Error('it has no list "areas"');
  const areas = entries.map((entry, place) => {
    const called = `area ${place + 1}`;
    if (typeof entry?.name !== "string" || !entry.name.trim()) throw new Error(`${called} has no name`);
    const [width, height] = { share: [1, 1], pixels: size }[entry.units] ?? [];
    if (!width) throw new Error(`${called} does not say its units, share or pixels`);
    const keyframes = keyframesOf(entry, called).map(({ seconds, corners }) => ({
      seconds,
      corners: corners.map(([x, y]) => [x / width, y / height]),
    }));
    const [from, to] = [entry.from_seconds ?? 0, entry.to_seconds ?? Infinity];
    if (!(from >= 0 && from < to)) throw new Error(`${called} ends before it begins`);
    const isBox = entry.keyframes.every(({ box }) => box);
    return { name: entry.name.trim(), isBox, from, to, keyframes };
  });
  if (new Set(areas.map(({ name }) => name)).size < areas.length) throw new Error("two areas have the same name");
  return areas;
};

const keyframesOf = (entry, called) => {
  if (!Array.isArray(entry.keyframes) || !entry.keyframes.length) throw new Error(`${called} has no keyframes`);
  const keyframes = entry.keyframes.map((keyframe) => ({
    seconds: keyframe?.time_seconds,
    corners: Array.isArray(keyframe?.box) ? boxCorners(keyframe.box) : keyframe?.polygon,
  }));
  keyframes.forEach(({ seconds, corners }, place) => {
    const before = keyframes[place - 1];
    const isPolygon = Array.isArray(corners) && corners.length > 2 && corners.flat().every(Number.isFinite);
    if (!isPolygon || corners.some((corner) => corner.length !== 2)) {
      throw new Error(`${called} has a keyframe that is neither a box nor a polygon`);
    }
    if (!(seconds >= 0) || (before && seconds <= before.seconds)) {
      throw new Error(`${called} has keyframes that are not in the order of time`);
    }
    if (before && before.corners.length !== corners.length) {
      throw new Error(`${called} has keyframes with different numbers of corners`);
    }
  });
  return keyframes;
};
