// What is done with the network's map of a frame: read as a density, with the centre that viewers prefer, and averaged
// over a short time. The same as models/over_time.py and models/memory.py of the package, which a test compares.

const FIRST_SECONDS = 0.04; // how long a first frame counts, and one whose time does not come after the one before
const ROUNDING = 1e-6;

/** @typedef {{ values: Float32Array, height: number, width: number }} Density rows of cells, ≥ 0, that sum to 1 */

/** Reads maps of one kind of picture: `still` or `video` of the model's settings, { temperature, centre }. */
export class Reading {
  constructor({ temperature, centre }) {
    Object.assign(this, { temperature, centre, logOdds: new Float32Array(0), width: 0 });
  }

  /**
   * @param {Float32Array} saliency the network's map, height × width, ≥ 0 and of any scale
   * @returns {Density} at half its size, as the network's cells are larger still
   */
  density(saliency, height, width) {
    const cells = halved(saliency, height, width);
    const [rows, columns] = [height >> 1, width >> 1];
    if (this.logOdds.length !== cells.length || this.width !== columns) {
      this.logOdds = resized(this.centre, rows, columns);
      this.width = columns;
    }
    const total = sum(cells);
    if (!Number.isFinite(total)) throw new Error("the network's map is no number");
    const tiny = 1e-12 / cells.length;
    let highest = -Infinity;
    for (let place = 0; place < cells.length; place += 1) {
      const share = total > 0 ? cells[place] / total : 1 / cells.length;
      cells[place] = this.temperature * Math.log(share + tiny) + this.logOdds[place];
      if (cells[place] > highest) highest = cells[place];
    }
    for (let place = 0; place < cells.length; place += 1) cells[place] = Math.exp(cells[place] - highest);
    const scale = 1 / sum(cells);
    for (let place = 0; place < cells.length; place += 1) cells[place] *= scale;
    return { values: cells, height: rows, width: columns };
  }
}

/** The exponential mean of the densities of the last moments; a density counts by how long it was shown. */
export class Memory {
  constructor({ tau_seconds: tau, reach_seconds: reach }) {
    Object.assign(this, { tau, reach, past: [], last: null });
  }

  /** @returns {Density} the mean up to this frame; frames come in order. */
  push(seconds, density) {
    const before = this.last ?? seconds - FIRST_SECONDS;
    const now = seconds > before ? seconds : before + FIRST_SECONDS;
    const isNear = (of) => of.now >= now - this.reach + ROUNDING && of.density.width === density.width
      && of.density.height === density.height;
    this.past = this.past.filter(isNear);
    this.past.push({ now, shown: now - before, density });
    this.last = now;
    return this.tau && this.past.length > 1 ? this.mean(now) : density;
  }

  mean(now) {
    const shares = this.past.map((of) => Math.exp((of.now - now) / this.tau) * -Math.expm1(-of.shown / this.tau));
    const total = sum(shares);
    const { height, width, values: { length } } = this.past[0].density;
    const values = new Float32Array(length);
    this.past.forEach(({ density }, number) => {
      const share = shares[number] / total;
      for (let place = 0; place < length; place += 1) values[place] += share * density.values[place];
    });
    return { values, height, width };
  }
}

const sum = (values) => {
  let total = 0;
  for (let place = 0; place < values.length; place += 1) total += values[place];
  return total;
};

/** The means of 2 × 2 cells. */
function halved(values, height, width) {
  const [rows, columns] = [height >> 1, width >> 1];
  const half = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const first = 2 * row * width + 2 * column;
      half[row * columns + column] =
        (values[first] + values[first + 1] + values[first + width] + values[first + width + 1]) / 4;
    }
  }
  return half;
}

/** A small grid, a list of rows, stretched bilinearly: the centres of pixels lie half a pixel inside. */
function resized(grid, rows, columns) {
  const along = (count, from) => Array.from({ length: count }, (_, place) => {
    const at = Math.min(Math.max(((place + 0.5) * from) / count - 0.5, 0), from - 1);
    const low = Math.min(Math.floor(at), Math.max(from - 2, 0));
    return [low, Math.min(low + 1, from - 1), at - low];
  });
  const across = along(columns, grid[0].length);
  const stretched = new Float32Array(rows * columns);
  along(rows, grid.length).forEach(([above, below, down], row) => {
    across.forEach(([left, right, over], column) => {
      const upper = grid[above][left] * (1 - over) + grid[above][right] * over;
      const lower = grid[below][left] * (1 - over) + grid[below][right] * over;
      stretched[row * columns + column] = upper * (1 - down) + lower * down;
    });
  });
  return stretched;
}
