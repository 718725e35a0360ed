import { boxCorners, boxOf, cornersAt, isShown, isSound } from "./areas.js";
import { percent } from "./elements.js";
import { densitiesOf } from "./recording.js";
import { words } from "./words.js";

const MOMENT = 1e-3; // seconds within which a keyframe is of the frame that is shown
const SMALLEST = 0.005; // side of an area, as a share of the frame
const MIDDLE = [0.4, 0.4, 0.6, 0.6]; // where an area begins that is made by keyboard

const within = (value) => Math.min(Math.max(value, 0), 1);

/**
 * The areas of a player, as they are drawn and changed.
 *
 * Events: `change` (what there is, or where), `measured` (numbers), `select`, `sketch`, `say` (a sentence to show).
 */
export class AreaEditor extends EventTarget {
  constructor(recordings, controls) {
    super();
    Object.assign(this, { recordings, controls, areas: [], selected: null, sketch: null, cost: 5 });
    this.offset = recordings[0].offset;
    this.densities = recordings.map(() => null);
    this.numbers = new Map(); // area → what each recording says of it
    this.stale = new Set();
    this.made = 0;
  }

  /** Unpack the maps, once; a promise of whether there are any. */
  load() {
    this.loaded ??= Promise.all(this.recordings.map(densitiesOf)).then((densities) => {
      this.densities = densities;
      this.areas.forEach((area) => this.measure(area));
      return densities.every(Boolean);
    });
    return this.loaded;
  }

  /** Seconds of the source at which the frame begins that is shown. */
  get seconds() {
    const { recording, index } = this.controls.main;
    return recording.times[index] + this.offset;
  }

  /** What to do while an area is drawn; "" at other times. */
  get tip() {
    if (!this.sketch) return "";
    return this.sketch.isBox ? words.areas.drawBox : words.areas.drawPolygon;
  }

  tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Begin to draw an area with the pointer. */
  begin(isBox) {
    this.controls.pause();
    this.sketch = { isBox, corners: [] };
    this.tell("sketch");
    this.tell("say", this.tip);
  }

  /** End to draw: keep what was drawn if it is an area, and give up otherwise. */
  finish() {
    const { isBox, corners } = this.sketch;
    this.sketch = null;
    this.tell("sketch");
    this.tell("say", "");
    if (corners.length < 3) return;
    const [left, top, right, bottom] = boxOf(corners);
    if (right - left < SMALLEST || bottom - top < SMALLEST) return;
    this.add({ isBox, corners: isBox ? boxCorners(boxOf(corners)) : corners });
  }

  giveUp() {
    this.sketch.corners = [];
    this.finish();
  }

  /** Add an area that stays where it is, by default in the middle. */
  add({ isBox, corners = boxCorners(MIDDLE) }) {
    this.made += 1;
    const name = this.unused(words.areas.name(this.made));
    const area = { name, isBox, from: 0, to: Infinity, keyframes: [{ seconds: this.seconds, corners }] };
    this.areas.push(area);
    this.changed(area);
    this.select(area);
    this.announce(area);
    return area;
  }

  /** Take the areas of a file in place of those that there are. */
  replace(areas) {
    this.areas = areas;
    this.numbers.clear();
    this.select(null);
    this.tell("change");
    areas.forEach((area) => this.measure(area));
  }

  remove(area) {
    this.areas = this.areas.filter((other) => other !== area);
    this.numbers.delete(area);
    if (this.selected === area) this.select(null);
    this.tell("change");
    this.tell("measured");
  }

  select(area) {
    if (this.selected === area) return;
    this.selected = area;
    this.tell("select");
  }

  unused(name, area = null) {
    const taken = new Set(this.areas.filter((other) => other !== area).map((other) => other.name));
    let free = name;
    for (let number = 2; taken.has(free); number += 1) free = `${name} ${number}`;
    return free;
  }

  rename(area, name) {
    if (name.trim()) area.name = this.unused(name.trim(), area);
    this.tell("change");
    this.tell("measured");
  }

  /** The keyframe at the time at which the player stands; undefined where there is none. */
  keyframeNow(area) {
    return area.keyframes.find(({ seconds }) => Math.abs(seconds - this.seconds) < MOMENT);
  }

  /** Lay an area elsewhere at this moment: an area of one keyframe as a whole, another by a keyframe of this moment. */
  move(area, corners) {
    let keyframe = area.keyframes.length === 1 ? area.keyframes[0] : this.keyframeNow(area);
    keyframe ??= this.addKeyframe(area);
    const inside = corners.map((corner) => corner.map(within));
    const [left, top, right, bottom] = boxOf(inside);
    if (right - left >= SMALLEST && bottom - top >= SMALLEST) keyframe.corners = inside;
    this.changed(area);
  }

  /** Move all corners of an area, as far as the frame reaches. */
  shift(area, [x, y], corners = this.cornersNow(area)) {
    const [left, top, right, bottom] = boxOf(corners);
    const [stepX, stepY] = [Math.min(Math.max(x, -left), 1 - right), Math.min(Math.max(y, -top), 1 - bottom)];
    this.move(area, corners.map((corner) => [corner[0] + stepX, corner[1] + stepY]));
  }

  /** Move one corner; of a box the opposite one stays. */
  moveCorner(area, place, point, corners = this.cornersNow(area)) {
    const moved = area.isBox
      ? boxCorners(boxOf([point, corners[(place + 2) % 4]]))
      : corners.map((corner, other) => (other === place ? point : corner));
    this.move(area, moved);
  }

  /** Add a corner behind this one at all keyframes, half way to the next. */
  splitSide(area, place) {
    for (const keyframe of area.keyframes) {
      const { corners } = keyframe;
      const [[ax, ay], [bx, by]] = [corners[place], corners[(place + 1) % corners.length]];
      keyframe.corners = corners.toSpliced(place + 1, 0, [(ax + bx) / 2, (ay + by) / 2]);
    }
    this.changed(area);
  }

  removeCorner(area, place) {
    if (area.keyframes[0].corners.length < 4) return;
    for (const keyframe of area.keyframes) keyframe.corners = keyframe.corners.toSpliced(place, 1);
    this.changed(area);
  }

  cornersNow(area) {
    return cornersAt(area, this.seconds);
  }

  isShownNow(area) {
    return isShown(area, this.seconds);
  }

  addKeyframe(area) {
    const keyframe = { seconds: this.seconds, corners: this.cornersNow(area) };
    area.keyframes = [...area.keyframes, keyframe].sort((one, other) => one.seconds - other.seconds);
    return keyframe;
  }

  /** Hold the area at this moment, or no longer. */
  toggleKeyframe(area) {
    const keyframe = this.keyframeNow(area);
    if (!keyframe) this.addKeyframe(area);
    else if (area.keyframes.length > 1) area.keyframes = area.keyframes.filter((other) => other !== keyframe);
    this.changed(area);
  }

  /** Let the area begin or end at this moment. */
  limit(area, { from = area.from, to = area.to }) {
    if (from < to) Object.assign(area, { from, to });
    this.changed(area);
  }

  changed(area) {
    this.tell("change");
    this.stale.add(area);
    this.soon ??= setTimeout(() => {
      const began = performance.now();
      this.stale.forEach((other) => this.measure(other));
      this.stale.clear();
      this.soon = null;
      this.cost = performance.now() - began;
    }, 2 * this.cost); // of a long video the page stays quick while an area is dragged
  }

  measure(area) {
    if (!this.areas.includes(area) || !this.densities.every(Boolean)) return;
    const numbers = isSound(area) ? this.densities.map((densities) => densities.measure(area, this.offset)) : null;
    this.numbers.set(area, numbers);
    this.tell("measured");
  }

  /** Say what an area gets, once it was changed. */
  announce(area) {
    this.stale.delete(area);
    this.measure(area);
    const numbers = this.numbers.get(area);
    if (numbers === null) this.tell("say", words.areas.folds(area.name));
    else if (numbers?.every(({ lift }) => lift)) this.tell("say", numbers.map((one, place) => this.sentence(area, one, place)).join(" "));
  }

  sentence({ name }, { mean, lift }, place) {
    const { title } = this.recordings[place];
    const called = this.recordings.length > 1 ? words.areas.ofTitle(name, title) : name;
    return words.areas.measured(called, percent(mean), lift.toFixed(2));
  }
}
