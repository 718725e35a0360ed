// Numbers over the time of a video, as lines; of an hour no more is kept than the screen can show.
import { words } from "./words.js";

const BINS = 600;
const MOST_SPREAD = 0.3; // top of its curve: an even spread has 0.5
const JOINED_SECONDS = 1.5;
const SVG = "http://www.w3.org/2000/svg";

/** One line over time, in a figure. */
class Curve {
  constructor(name, place) {
    this.name = name;
    this.values = new Float32Array(BINS).fill(NaN);
    this.svg = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({ viewBox: `0 0 ${BINS} 100`, preserveAspectRatio: "none", role: "img" })) {
      this.svg.setAttribute(key, value);
    }
    this.path = this.svg.appendChild(document.createElementNS(SVG, "path"));
    this.now = this.svg.appendChild(document.createElementNS(SVG, "line"));
    this.caption = document.createElement("figcaption");
    const figure = document.createElement("figure");
    figure.append(this.svg, this.caption);
    place.append(figure);
    this.say(null);
  }

  /**
   * @param {number} gap how many bins apart two values are joined at most: a short video has fewer frames than bins
   * @param {number} most value at the top
   */
  put(bin, value, gap, most = 1) {
    this.values[bin] = value;
    let [drawn, before] = ["", -Infinity];
    this.values.forEach((of, place) => {
      if (Number.isNaN(of)) return;
      const height = Math.min(Math.max(of / most, 0), 1);
      drawn += `${place - before > gap ? "M" : "L"}${place + 0.5} ${(98 - 96 * height).toFixed(1)}`;
      before = place;
    });
    this.path.setAttribute("d", drawn);
    for (const [key, at] of Object.entries({ x1: bin + 0.5, x2: bin + 0.5, y1: 0, y2: 100 })) this.now.setAttribute(key, at);
    this.say(value);
  }

  say(value) {
    const text = words.curve(this.name, value === null ? null : words.percent(value));
    this.caption.textContent = text;
    this.svg.setAttribute("aria-label", text);
  }
}

/** The lines of one video. */
export class Curves {
  /** @param {HTMLElement} place is emptied @param {number} seconds of the video */
  constructor(place, seconds) {
    place.replaceChildren();
    this.seconds = seconds;
    [this.spread, this.across, this.down] = [words.spread, words.across, words.down].map((name) => new Curve(name, place));
  }

  /** @param {object} row of the table @param {{width: number, height: number}} size of frames */
  put(row, { width, height }) {
    const bin = Math.min(Math.floor((row.time_seconds / Math.max(this.seconds, 1e-3)) * BINS), BINS - 1);
    const gap = Math.ceil((JOINED_SECONDS * BINS) / Math.max(this.seconds, 0.5));
    this.spread.put(bin, row.area_50_percent, gap, MOST_SPREAD);
    this.across.put(bin, row.centroid_x / width, gap);
    this.down.put(bin, row.centroid_y / height, gap);
  }
}
