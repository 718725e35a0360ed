// Where a new shot starts: the same as video/shots.py of the package, on a thumbnail of each frame.

export const [THUMB_ROWS, THUMB_COLUMNS] = [36, 64];
const CUT_DIFFERENCE = 0.51;
const FRAMES_BACK = 3; // a new shot differs from this many frames before it: what comes after a flash is seen again
const NOISE_VARIANCE = 30;
const [COLOURS, BLOCKS] = [128, 6];

/** Finds hard cuts in a stream of thumbnails, RGB bytes of 36 × 64 pixels. */
export class ShotDetector {
  constructor() {
    this.looks = [];
  }

  /** Whether this frame starts a new shot; false for the very first. */
  isCut(thumb) {
    const look = { colours: colours(thumb), layout: layout(thumb) };
    const isCut = this.looks.length > 0 && this.looks.every((other) => difference(look, other) > CUT_DIFFERENCE);
    this.looks = [...this.looks, look].slice(-FRAMES_BACK);
    return isCut;
  }
}

/** Shares of the pixels by block of the picture (2 × 3), hue (8), saturation (4) and value (4). */
function colours(thumb) {
  const counts = new Float64Array(BLOCKS * COLOURS);
  for (let place = 0; place < THUMB_ROWS * THUMB_COLUMNS; place += 1) {
    const [row, column] = [Math.floor(place / THUMB_COLUMNS), place % THUMB_COLUMNS];
    const block = Math.floor(row / 18) * 3 + Math.floor((column * 3) / THUMB_COLUMNS);
    const [hue, saturation, value] = hsv(thumb[3 * place], thumb[3 * place + 1], thumb[3 * place + 2]);
    const colour = Math.floor(hue / 23) * 16 + Math.floor(saturation / 64) * 4 + Math.floor(value / 64);
    counts[block * COLOURS + colour] += 1 / (THUMB_ROWS * THUMB_COLUMNS);
  }
  return counts;
}

/** Hue 0 to 179, saturation and value 0 to 255, as OpenCV has them. */
function hsv(r, g, b) {
  const value = Math.max(r, g, b);
  const range = value - Math.min(r, g, b);
  if (range === 0) return [0, 0, value];
  const sixth = value === r ? (g - b) / range : value === g ? 2 + (b - r) / range : 4 + (r - g) / range;
  const hue = Math.round(30 * (sixth < 0 ? sixth + 6 : sixth));
  return [hue === 180 ? 0 : hue, Math.round((255 * range) / value), value];
}

/** The thumbnail at half its size around a mean of 0. */
function layout(thumb) {
  const [rows, columns] = [THUMB_ROWS / 2, THUMB_COLUMNS / 2];
  const small = Float32Array.from({ length: rows * columns * 3 }, (_, place) => {
    const [pixel, channel] = [Math.floor(place / 3), place % 3];
    const first = 3 * (2 * Math.floor(pixel / columns) * THUMB_COLUMNS + 2 * (pixel % columns)) + channel;
    const below = first + 3 * THUMB_COLUMNS;
    return Math.round((thumb[first] + thumb[first + 3] + thumb[below] + thumb[below + 3]) / 4);
  });
  const mean = small.reduce((total, value) => total + value, 0) / small.length;
  return small.map((value) => value - mean);
}

/** 0 (same) to 1: high only if the colours and where they lie both differ. */
function difference(one, other) {
  let shared = 0;
  for (let place = 0; place < one.colours.length; place += 1) shared += Math.min(one.colours[place], other.colours[place]);
  let [product, squares] = [0, 0];
  for (let place = 0; place < one.layout.length; place += 1) {
    product += one.layout[place] * other.layout[place];
    squares += one.layout[place] ** 2 + other.layout[place] ** 2;
  }
  const likeness = ((2 * product) / one.layout.length + NOISE_VARIANCE) / (squares / one.layout.length + NOISE_VARIANCE);
  return Math.sqrt(Math.max(0, 1 - shared) * Math.min(1, Math.max(0, 1 - likeness)));
}
