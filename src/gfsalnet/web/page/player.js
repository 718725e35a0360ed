// Shows pictures with their heat maps when they are due: each map over its own frame, as the two come together.
import { HeatMap } from "./drawing.js";

const LATE_SECONDS = 1; // pictures that come this much too late: the clock waits for them instead

export class Player extends EventTarget {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./engine.js").Engine} engine
   * @param {object} look settings of the heat map
   */
  constructor(canvas, engine, look) {
    super();
    Object.assign(this, { canvas, engine, heatMap: new HeatMap(look), opacity: look.opacity, everyFrame: false });
    Object.assign(this, { waiting: [], shown: null, playing: false, startedAt: null });
    engine.addEventListener("picture", ({ detail }) => {
      this.waiting.push(detail);
      this.awake();
    });
    engine.addEventListener("ended", () => {
      this.isLast = true;
      this.awake();
    });
  }

  /** Show the picture at a second, and those after it if it plays. */
  from(seconds) {
    this.waiting.splice(0).forEach(({ bitmap }) => bitmap.close());
    this.startedAt = null;
    this.isLast = false;
    this.isStale = true; // what is shown gives way at once, also while it does not play
    this.engine.play(seconds, this.everyFrame);
  }

  setPlaying(playing) {
    this.playing = playing;
    this.startedAt = null;
    this.awake();
  }

  setOpacity(opacity) {
    this.opacity = opacity;
    this.draw();
  }

  /** The second of the video that should be shown now; null while it stands. */
  get clock() {
    return this.playing && this.startedAt !== null ? (performance.now() - this.startedAt) / 1000 : null;
  }

  awake() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.showDue());
  }

  showDue() {
    this.frame = null;
    const [next] = this.waiting;
    if (!next && this.isLast) this.dispatchEvent(new CustomEvent("ended"));
    if (!next || (!this.playing && !this.isStale)) return;
    const ahead = this.clock === null ? 0 : next.seconds - this.clock;
    if (ahead <= 0 || this.isStale) {
      const restarts = this.clock === null || -ahead > LATE_SECONDS || this.everyFrame;
      if (restarts) this.startedAt = performance.now() - 1000 * next.seconds;
      this.waiting.shift();
      this.show(next);
    }
    if (this.waiting.length || this.isLast) this.awake();
  }

  show(picture) {
    this.isStale = false;
    this.shown?.bitmap.close();
    this.shown = picture;
    this.draw();
    this.engine.shown(this.everyFrame ? null : this.clock);
    this.dispatchEvent(new CustomEvent("shown", { detail: picture }));
  }

  draw() {
    if (this.shown === null) return;
    const { bitmap, cells, width } = this.shown;
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      Object.assign(this.canvas, { width: bitmap.width, height: bitmap.height });
    }
    const context = this.canvas.getContext("2d", { alpha: false });
    context.drawImage(bitmap, 0, 0);
    this.heatMap.draw(context, cells, width, this.opacity);
  }
}
