import { make, timeText } from "./elements.js";
import { words } from "./words.js";

const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [130, 46, 8, 8, 18];
const [WIDTH, NARROW] = [720, 420]; // until the page says how much room there is; with less there are fewer times

const known = (line) => line.points.map((point) => point[1]).filter((value) => value !== null);
const number = (value) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2));

/**
 * A picture of curves over time; where it is clicked, the controls seek.
 *
 *   about: { name, unit, help, from }          // from: where the axis of the values begins
 *   time: { duration, offset, cuts }           // seconds
 *   show([{ name, looks, points }])            // looks: names of CSS classes; points: [[seconds, value or null], …]
 */
export class Chart {
  constructor(about, time, controls) {
    Object.assign(this, { about, time });
    Object.assign(this, { seconds: 0, width: WIDTH, lines: [] });
    this.svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": about.name });
    this.keys = make("span", { class: "key" });
    const seek = ({ clientX }) => {
      const box = this.svg.getBoundingClientRect();
      const x = ((clientX - box.left) / box.width) * this.width;
      controls.seek(Math.min(Math.max(0, ((x - LEFT) * time.duration) / (this.width - LEFT - RIGHT)), time.duration));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      seek(event);
      this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointermove", (event) => event.buttons && seek(event));
    new ResizeObserver(([{ contentRect }]) => this.fit(Math.round(contentRect.width))).observe(this.svg);
    controls.addEventListener("frame", ({ detail }) => {
      this.seconds = detail.seconds;
      this.moveHead();
    });
    const help = make("small", {}, about.help);
    this.element = make(
      "figure", { class: "curves" },
      make("figcaption", {}, make("strong", {}, about.name), ` (${about.unit}) `, this.keys, help),
      this.svg,
    );
  }

  /** Draw as wide as there is room, so that the letters keep their size. */
  fit(width) {
    if (!width || width === this.width) return;
    this.width = width;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.show(this.lines);
  }

  x(seconds) {
    return LEFT + ((this.width - LEFT - RIGHT) * seconds) / (this.time.duration || 1);
  }

  show(lines) {
    const { from: floor, unit, name } = this.about;
    this.lines = lines;
    const peak = lines.reduce((most, line) => known(line).reduce((a, b) => Math.max(a, b), most), floor + 1e-9);
    const y = (value) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * (value - floor)) / (peak - floor);
    this.head = make("line", { class: "head", y1: TOP, y2: HEIGHT - BOTTOM });
    this.svg.replaceChildren(
      ...this.axes(floor, peak, y),
      ...lines.map((line) => make("path", { class: `curve ${line.looks}`, d: this.path(line.points, y) })),
      this.head,
    );
    this.moveHead();
    const means = lines.map((line) => {
      const values = known(line);
      const mean = values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
      const largest = values.reduce((most, value) => Math.max(most, value), 0);
      return words.curve(line.name, number(mean), number(largest), unit);
    });
    this.svg.setAttribute("aria-label", `${name}. ${means.join("; ")}.`);
    this.keys.replaceChildren(...(lines.length > 1 ? lines.map((l) => make("span", { class: l.looks }, l.name)) : []));
  }

  axes(floor, peak, y) {
    const values = [0, 0.5, 1].flatMap((share) => {
      const value = floor + share * (peak - floor);
      return [
        make("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y(value), y2: y(value) }),
        make("text", { class: "tick", x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value ? number(value) : "0"),
      ];
    });
    const times = (this.width < NARROW ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1]).map((share) => {
      const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
      const seconds = share * this.time.duration;
      const place = { class: "tick", x: this.x(seconds), y: HEIGHT - 3, "text-anchor": anchor };
      return make("text", place, timeText(seconds + this.time.offset));
    });
    const cuts = this.time.cuts.map((seconds) =>
      make("line", { class: "cut", x1: this.x(seconds), x2: this.x(seconds), y1: TOP, y2: HEIGHT - BOTTOM }),
    );
    return [...values, ...times, ...cuts];
  }

  path(points, y) {
    let [path, pen] = ["", "M"];
    for (const [seconds, value] of points) {
      if (value !== null) path += `${pen}${this.x(seconds).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = value === null ? "M" : "L";
    }
    return path;
  }

  moveHead() {
    for (const end of ["x1", "x2"]) this.head?.setAttribute(end, this.x(this.seconds));
  }
}

/** What the axes of time of some recordings have in common. */
export const timeOf = (recordings) => ({
  duration: Math.max(...recordings.map((recording) => recording.duration)),
  offset: recordings[0].offset,
  cuts: recordings[0].cuts,
});

/** The curves of one recording, or of two on the same axes. */
export const drawCurves = (recordings, controls) =>
  recordings[0].curves.map((curve) => {
    const both = recordings.map((recording) => recording.curves.find((other) => other.name === curve.name));
    const from = Math.min(...both.filter(Boolean).map((one) => one.from));
    const chart = new Chart({ ...curve, from }, timeOf(recordings), controls);
    chart.show(
      both.flatMap((one, version) =>
        (one?.lines ?? []).map((line, kind) => ({
          name: recordings.length > 1 ? `${recordings[version].title}: ${line.name}` : line.name,
          looks: `version${version} line${kind}`,
          points: line.points,
        })),
      ),
    );
    return chart.element;
  });
