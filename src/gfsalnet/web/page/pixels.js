// A decoded frame as what the network looks at: RGB bytes, upright, of a size near the one that it was trained at.
// Planes are resampled as they are stored and only then made RGB: a fraction of the work, and no browser's own idea of
// colours comes between. The package does the same with RGB (video/geometry.py); a test compares the two.

const AREA_SLACK = 1.1;
const MAX_SD_HEIGHT = 576; // what does not name its colour matrix is BT.709 above this height, and BT.601 below
const RED_AND_BLUE = { // shares of luma: Kr, Kb
  bt709: [0.2126, 0.0722],
  bt470bg: [0.299, 0.114],
  smpte170m: [0.299, 0.114],
  "bt2020-ncl": [0.2627, 0.0593],
};
const PLANAR = /^I(420|422|444)(A?)(P10|P12|)$/;
const PACKED = { RGBA: [0, 1, 2], RGBX: [0, 1, 2], BGRA: [2, 1, 0], BGRX: [2, 1, 0] };

/**
 * The size that suits a frame: sides are multiples of 32, of about this area, in the frame's aspect.
 * @returns {[number, number]} height and width
 */
export function fittedSize(height, width, area, multiple = 32) {
  const [aspect, limit] = [width / height, AREA_SLACK * area];
  let best = [multiple, multiple];
  let least = Infinity;
  for (let rows = multiple; rows <= limit / multiple; rows += multiple) {
    for (let columns = multiple; rows * columns <= limit; columns += multiple) {
      const misfit = Math.abs(Math.log(columns / rows / aspect)) + Math.abs(Math.log((columns * rows) / area));
      if (misfit < least - 1e-12) [best, least] = [[rows, columns], misfit];
    }
  }
  return best;
}

/** Copies frames' planes into one buffer, which is used again and again. */
export class FrameReader {
  constructor() {
    this.bytes = new Uint8Array(0);
  }

  /**
   * @param {VideoFrame} frame
   * @param {string | undefined} named colour matrix of the stream; where it names none, browsers put one of their own
   * @returns {Promise<{planes: object[], toRGB: number[][], height: number, width: number}>} until the next call
   */
  async read(frame, named) {
    const format = PLANAR.test(frame.format) || frame.format === "NV12" || frame.format in PACKED ? frame.format : "RGBA";
    const how = format === frame.format ? {} : { format };
    const size = frame.allocationSize(how);
    if (this.bytes.length < size) this.bytes = new Uint8Array(size);
    const layout = await frame.copyTo(this.bytes, how);
    const { width, height } = frame.visibleRect;
    return { planes: planesOf(format, layout, this.bytes, height, width), toRGB: matrix(frame, format, named), height, width };
  }
}

function planesOf(format, layout, bytes, height, width) {
  const plane = (data, number, step, first, rows, columns) =>
    ({ data, start: layout[number].offset / data.BYTES_PER_ELEMENT + first,
      stride: layout[number].stride / data.BYTES_PER_ELEMENT, step, height: rows, width: columns });
  if (format in PACKED) return PACKED[format].map((first) => plane(bytes, 0, 4, first, height, width));
  const [, chroma, , depth] = PLANAR.exec(format) ?? [null, "420", "", ""];
  const data = depth ? new Uint16Array(bytes.buffer, 0, bytes.length >> 1) : bytes;
  const rows = chroma === "420" ? (height + 1) >> 1 : height;
  const columns = chroma === "444" ? width : (width + 1) >> 1;
  const luma = plane(data, 0, 1, 0, height, width);
  if (format === "NV12") return [luma, ...[0, 1].map((first) => plane(data, 1, 2, first, rows, columns))];
  return [luma, ...[1, 2].map((number) => plane(data, number, 1, 0, rows, columns))];
}

/** What makes RGB of three samples: for red, green and blue a factor of each, and what is added. */
function matrix(frame, format, name) {
  if (format in PACKED) return [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]];
  const depth = format.endsWith("P10") ? 4 : format.endsWith("P12") ? 16 : 1;
  const named = RED_AND_BLUE[name];
  const [red, blue] = named ?? RED_AND_BLUE[frame.visibleRect.height > MAX_SD_HEIGHT ? "bt709" : "smpte170m"];
  const full = frame.colorSpace.fullRange === true;
  const luma = (full ? 1 : 255 / 219) / depth;
  const chroma = (full ? 2 : (2 * 255) / 224) / depth;
  const [black, grey, green] = [full ? 0 : 16 * depth, 128 * depth, 1 - red - blue];
  return [
    [0, chroma * (1 - red)],
    [(-chroma * blue * (1 - blue)) / green, (-chroma * red * (1 - red)) / green],
    [chroma * (1 - blue), 0],
  ].map(([u, v]) => [luma, u, v, -luma * black - (u + v) * grey]);
}

/** Samples of three planes as RGB bytes. */
function asRGB([first, second, third], factors) {
  const rgb = new Uint8ClampedArray(3 * first.length); // which rounds
  factors.forEach(([one, two, three, added], channel) => {
    for (let place = 0, at = channel; place < first.length; place += 1, at += 3) {
      rgb[at] = one * first[place] + two * second[place] + three * third[place] + added;
    }
  });
  return new Uint8Array(rgb.buffer);
}

/**
 * The frame at a size: RGB bytes, rows of pixels. The first frame of a video is averaged by area, as a picture is; the
 * others are halved while they are at least twice as large, and sampled, in a fraction of the time.
 */
export function picture({ planes, toRGB, height, width }, rows, columns, quickly) {
  const shrinks = rows < height && columns < width;
  let sampled = planes;
  if (shrinks && !quickly) sampled = planes.map((plane) => areaMeans(plane, rows, columns));
  for (let [h, w] = [height, width]; quickly && h >= 2 * rows && w >= 2 * columns; [h, w] = [h >> 1, w >> 1]) {
    sampled = sampled.map(halved);
  }
  return asRGB(sampled.map((plane) => bilinear(plane, rows, columns)), toRGB);
}

/** The frame as area means of a small size, RGB bytes: what cuts are found in. */
export function thumbnail({ planes, toRGB }, rows, columns) {
  return asRGB(planes.map((plane) => areaMeans(plane, rows, columns).data), toRGB);
}

/** RGB bytes turned clockwise by 0, 90, 180 or 270 degrees; height and width are those before. */
export function turned(rgb, height, width, degrees) {
  if (!degrees) return rgb;
  const [rows, columns] = degrees === 180 ? [height, width] : [width, height];
  const upright = new Uint8Array(rgb.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [y, x] = degrees === 90 ? [height - 1 - column, row]
        : degrees === 180 ? [height - 1 - row, width - 1 - column] : [column, width - 1 - row];
      upright.set(rgb.subarray(3 * (y * width + x), 3 * (y * width + x) + 3), 3 * (row * columns + column));
    }
  }
  return upright;
}

const made = (data, height, width) => ({ data, start: 0, stride: width, step: 1, height, width });

/** The means of 2 × 2 samples; an odd last row or column is left out. */
function halved({ data, start, stride, step, height, width }) {
  const [rows, columns] = [Math.max(height >> 1, 1), Math.max(width >> 1, 1)];
  const [right, down] = [width > 1 ? step : 0, height > 1 ? stride : 0];
  const half = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    let at = start + 2 * row * stride;
    for (let column = 0; column < columns; column += 1, at += 2 * step) {
      half[row * columns + column] = (data[at] + data[at + right] + data[at + down] + data[at + down + right]) / 4;
    }
  }
  return made(half, rows, columns);
}

/** Samples between the four around; the centres of pixels lie half a pixel inside. */
function bilinear({ data, start, stride, step, height, width }, rows, columns) {
  if (rows === height && columns === width && step === 1 && stride === width && start === 0) return data;
  const { low: left, high: right, share: over } = between(columns, width);
  const { low: above, high: below, share: down } = between(rows, height);
  const sampled = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    const [upper, lower] = [start + above[row] * stride, start + below[row] * stride];
    for (let column = 0; column < columns; column += 1) {
      const [a, b, part] = [left[column] * step, right[column] * step, over[column]];
      const top = data[upper + a] + part * (data[upper + b] - data[upper + a]);
      const bottom = data[lower + a] + part * (data[lower + b] - data[lower + a]);
      sampled[row * columns + column] = top + down[row] * (bottom - top);
    }
  }
  return sampled;
}

function between(count, from) {
  const [low, high, share] = [new Int32Array(count), new Int32Array(count), new Float32Array(count)];
  for (let place = 0; place < count; place += 1) {
    const at = Math.min(Math.max(((place + 0.5) * from) / count - 0.5, 0), from - 1);
    low[place] = Math.floor(at);
    high[place] = Math.min(low[place] + 1, from - 1);
    share[place] = at - low[place];
  }
  return { low, high, share };
}

/** Means of the areas that the pixels of a smaller picture cover; where a side is smaller already, it is sampled. */
function areaMeans(plane, rows, columns) {
  if (plane.height < rows || plane.width < columns) return made(bilinear(plane, rows, columns), rows, columns);
  const { data, start, stride, step, height, width } = plane;
  const [across, down] = [covered(columns, width), covered(rows, height)];
  const means = new Float32Array(rows * columns);
  const line = new Float64Array(width);
  down.forEach(({ first, shares }, row) => {
    line.fill(0);
    shares.forEach((share, number) => {
      const at = start + (first + number) * stride;
      for (let column = 0; column < width; column += 1) line[column] += share * data[at + column * step];
    });
    across.forEach(({ first: from, shares: parts }, column) => {
      let mean = 0;
      for (let number = 0; number < parts.length; number += 1) mean += parts[number] * line[from + number];
      means[row * columns + column] = mean;
    });
  });
  return made(means, rows, columns);
}

/** For each of `count` stretches of `from` samples: the first sample, and the share of each in the mean. */
function covered(count, from) {
  const length = from / count;
  return Array.from({ length: count }, (_, place) => {
    const [begin, end] = [place * length, (place + 1) * length];
    const first = Math.floor(begin + 1e-9);
    const last = Math.min(Math.ceil(end - 1e-9), from);
    const shares = Array.from({ length: last - first }, (__, number) =>
      (Math.min(end, first + number + 1) - Math.max(begin, first + number)) / length);
    return { first, shares };
  });
}
