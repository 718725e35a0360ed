// All work is done here, away from the page: decoding, the network, films and tables. One thing at a time; a new wish
// ends what is under way. Messages are { kind, … } both ways; those about a file bear the number of the wish.
import { Clip, RefusedError } from "./clip.js";
import { levels } from "./drawing.js";
import { Film } from "./film.js";
import { look } from "./look.js";
import { Network } from "./network.js";
import { heading, line, rowOf } from "./statistics.js";

const MOST_UNSHOWN = 2; // pictures that may wait to be shown
const MOST_SKIPPED_SECONDS = 0.5; // in a row, to keep up with the clock
const MOST_MISSING_SECONDS = 0.5; // at the end, without a word: containers round, and sound may be longer
const ROUNDING = 1e-3;
const WIDEST_SHOWN = 1280;
const ROWS_A_PART = 1000; // of the table: browsers may keep the parts of a blob on disk

let [settings, network, clip] = [null, null, null];
let [run, ended] = [null, Promise.resolve()];

/** A wish under way. */
class Run {
  constructor(number) {
    Object.assign(this, { number, stopped: false, unshown: 0, clock: null, taken: -Infinity, wake: () => null });
  }

  /** Whether the page's clock is past a frame already; never of all frames of half a second, so that something is seen. */
  isLate(seconds) {
    const position = this.clock && this.clock.seconds + (performance.now() - this.clock.at) / 1000;
    const isLate = position !== null && seconds < position && seconds < this.taken + MOST_SKIPPED_SECONDS;
    if (!isLate) this.taken = seconds;
    return isLate;
  }

  stop() {
    this.stopped = true;
    this.wake();
  }

  /** Resolves once the page has shown enough. */
  async room() {
    while (!this.stopped && this.unshown >= MOST_UNSHOWN) await new Promise((resolve) => (this.wake = resolve));
  }

  say(kind, facts = {}, transfer = []) {
    if (!this.stopped) postMessage({ kind, number: this.number, ...facts }, transfer);
  }
}

async function load({ provider, threads }) {
  settings = await (await fetch(new URL("./settings.json", import.meta.url))).json();
  const { files, area } = settings.model;
  network = await Network.load(files, provider, threads);
  const side = 32 * Math.round(Math.sqrt(area) / 32);
  await network.saliency(new Uint8Array(side * side * 3), side, side); // the first run takes longer than the others
  postMessage({ kind: "ready", settings });
}

async function open(now, { file }) {
  clip?.close();
  clip = null;
  clip = await Clip.open(file);
  const { width, height, seconds } = clip;
  now.say("opened", { width, height, seconds });
}

/** Frames for the page to show, as fast as it asks for them; `everyFrame`: none is skipped to keep up with the clock. */
async function play(now, { from, everyFrame }) {
  const canvas = new OffscreenCanvas(1, 1);
  let before = null;
  const isLast = (seconds, duration) => seconds + duration > clip.seconds - ROUNDING;
  const skip = (seconds, duration) => !everyFrame && !now.stopped && !isLast(seconds, duration) && now.isLate(seconds);
  for await (const frame of look(clip, network, settings.model, { from, skip })) {
    await now.room();
    if (now.stopped) return;
    const cells = levels(frame.density, settings.look.fullColour);
    const bitmap = drawn(canvas, frame.sample);
    before = rowOf(frame.density, frame, before);
    now.unshown += 1;
    const { seconds, density: { width } } = frame;
    now.say("picture", { seconds, row: before, bitmap, cells, width }, [bitmap, cells.buffer]);
  }
  now.say("ended");
}

function drawn(canvas, sample) {
  const scale = Math.min(1, WIDEST_SHOWN / Math.max(clip.width, clip.height));
  Object.assign(canvas, { width: Math.round(clip.width * scale), height: Math.round(clip.height * scale) });
  sample.draw(canvas.getContext("2d", { alpha: false }), 0, 0, canvas.width, canvas.height);
  return canvas.transferToImageBitmap();
}

/** The table of all frames, and a film where one is wanted. */
async function make(now, { film: wantsFilm, opacity }) {
  const film = wantsFilm ? await Film.of(clip, settings.look, opacity) : null;
  const table = new Table(settings.columns);
  let [damage, end] = [null, 0];
  try {
    for await (const frame of look(clip, network, settings.model)) {
      if (now.stopped) break;
      table.add(frame);
      await film?.add(frame);
      end = frame.seconds + frame.sample.duration;
      now.say("made", { row: table.before });
    }
  } catch (error) {
    damage = error;
  }
  if (now.stopped || (damage && (damage.reason !== "damaged" || table.isEmpty))) {
    await film?.cancel();
    if (damage) throw damage;
    return;
  }
  const missing = clip.seconds - end > MOST_MISSING_SECONDS ? clip.seconds - end : 0;
  now.say("done", { table: table.file(), film: film && (await film.finish()), damage: damage?.detail ?? null, missing });
}

/** The rows of frames.csv. */
class Table {
  constructor(columns) {
    Object.assign(this, { columns, parts: [heading(columns)], lines: [], before: null });
  }

  get isEmpty() {
    return this.before === null;
  }

  add(frame) {
    this.before = rowOf(frame.density, frame, this.before);
    this.lines.push(line(this.before, this.columns));
    if (this.lines.length === ROWS_A_PART) {
      this.parts.push(new Blob(this.lines));
      this.lines = [];
    }
  }

  file() {
    return new Blob([...this.parts, ...this.lines], { type: "text/csv" });
  }
}

const WISHES = { open, play, make };

function begin(message) {
  run?.stop();
  const now = new Run(message.number);
  run = now;
  ended = ended
    .then(() => (now.stopped ? null : WISHES[message.kind](now, message)))
    .catch((error) => {
      const reason = error instanceof RefusedError ? error.reason : "failed";
      now.say("refused", { reason, detail: error instanceof RefusedError ? error.detail : error.message });
    });
}

onmessage = ({ data }) => {
  if (data.kind === "load") {
    load(data).catch((error) => postMessage({ kind: "broken", detail: error.message }));
  } else if (data.kind === "shown" && data.number === run?.number) {
    run.unshown -= 1;
    run.clock = data.clock === null ? null : { seconds: data.clock, at: performance.now() };
    run.wake();
  } else if (data.kind === "stop") {
    run?.stop();
  } else if (data.kind in WISHES) {
    begin(data);
  }
};
