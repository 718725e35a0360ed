import { make } from "./elements.js";
import { colourBytes, lastBefore, videoUrl } from "./recording.js";
import { words } from "./words.js";

export const VIEWS = ["frame", "overlay", "focus", "gate"];
const OPAQUE_FROM = 127.5; // level at which colours reach the chosen opacity
const DIMMED = 0.25; // brightness of the focus view where nobody looks

/** One picture on a canvas: the video's frame with its maps over it. Events: `frame`, `state`, `problem`. */
export class Screen extends EventTarget {
  constructor(recording) {
    super();
    this.recording = recording;
    this.view = "overlay";
    this.opacity = 0.7;
    this.shots = new Set(recording.shots);
    this.colours = colourBytes(recording.colours);
    this.gateColours = colourBytes(recording.gateColours);
    const [, , width, height] = recording.layout.frame;
    this.canvas = make("canvas", { width, height, role: "img", "aria-label": words.ready(recording.title) });
    this.canvas.style.aspectRatio = `${width * recording.aspect} / ${height}`;
    this.context = this.canvas.getContext("2d");
    this.maps = ["levels", "gate"].map((part) => {
      const [, , w, h] = recording.layout[part];
      const canvas = make("canvas", { width: w, height: h });
      return { part, canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
    });
    this.video = make("video", { playsinline: true, preload: "auto" });
    this.video.addEventListener("loadeddata", () => this.draw());
    this.video.addEventListener("seeked", () => this.draw());
    this.video.addEventListener("ended", () => this.draw()); // of the last picture there may be no callback
    for (const name of ["play", "pause", "ended"]) {
      this.video.addEventListener(name, () => this.dispatchEvent(new Event("state")));
    }
    this.video.addEventListener("error", () => this.dispatchEvent(new Event("problem")));
    if (this.video.requestVideoFrameCallback) {
      const shown = () => {
        this.draw();
        this.video.requestVideoFrameCallback(shown);
      };
      this.video.requestVideoFrameCallback(shown);
    } else {
      const tick = () => {
        if (!this.video.paused) this.draw();
        requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }
  }

  load() {
    if (!this.video.src) this.video.src = videoUrl(this.recording);
  }

  get seconds() {
    return this.video.currentTime;
  }

  get index() {
    return lastBefore(this.recording.times, this.video.currentTime + 1e-3);
  }

  seek(seconds) {
    this.load();
    const { times } = this.recording;
    const wanted = Math.min(Math.max(0, seconds), times[times.length - 1]);
    this.video.currentTime = wanted + 2e-3; // a little inside the frame, since times are rounded
  }

  step(frames) {
    const { times } = this.recording;
    this.video.pause();
    this.seek(times[Math.min(Math.max(0, this.index + frames), times.length - 1)]);
  }

  draw() {
    if (this.video.readyState < 2) return;
    const { recording, context, canvas } = this;
    const [left, top, width, height] = recording.layout.frame;
    context.globalCompositeOperation = "source-over";
    context.drawImage(this.video, left, top, width, height, 0, 0, canvas.width, canvas.height);
    const noMotionYet = this.view === "gate" && this.shots.has(this.index);
    if (this.view === "gate") this.dimGrey();
    if (this.view !== "frame" && !noMotionYet) this.drawMaps();
    this.dispatchEvent(new CustomEvent("frame", { detail: { seconds: this.seconds, index: this.index, noMotionYet } }));
  }

  dimGrey() {
    const { context, canvas } = this;
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "source-over";
    context.fillStyle = "rgba(0, 0, 0, 0.5)";
    context.fillRect(0, 0, canvas.width, canvas.height);
  }

  drawMaps() {
    const [levels, gate] = this.maps.map(({ part, canvas, context }) => {
      const [left, top, width, height] = this.recording.layout[part];
      context.drawImage(this.video, left, top, width, height, 0, 0, width, height);
      return { canvas, context, pixels: context.getImageData(0, 0, width, height) };
    });
    const { data } = levels.pixels;
    for (let place = 0; place < data.length; place += 4) {
      const level = data[place];
      const strength = Math.min(level / OPAQUE_FROM, 1);
      if (this.view === "focus") {
        data[place] = data[place + 1] = data[place + 2] = 0;
        data[place + 3] = 255 * (1 - Math.min(1, DIMMED + (1 - DIMMED) * strength)) * Math.min(1, this.opacity / 0.7);
        continue;
      }
      const isGate = this.view === "gate";
      const [colours, entry] = isGate ? [this.gateColours, gate.pixels.data[place]] : [this.colours, level];
      data[place] = colours[3 * entry];
      data[place + 1] = colours[3 * entry + 1];
      data[place + 2] = colours[3 * entry + 2];
      data[place + 3] = 255 * this.opacity * strength;
    }
    levels.context.putImageData(levels.pixels, 0, 0);
    this.context.imageSmoothingEnabled = true;
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(levels.canvas, 0, 0, this.canvas.width, this.canvas.height);
  }
}
