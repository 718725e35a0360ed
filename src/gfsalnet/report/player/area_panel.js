import { AreaEditor } from "./area_editor.js";
import { AreaLayer, coloursOf } from "./area_layer.js";
import { areasOf, fileOf } from "./areas.js";
import { Chart, timeOf } from "./curves.js";
import { make, percent, timeText } from "./elements.js";
import { isStill, lastBefore } from "./recording.js";
import { words } from "./words.js";

const said = words.areas;
const MOST_KEYFRAMES = 12; // that are listed one by one

const buttonOf = (text, action, attributes = {}) => {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", action);
  return element;
};

/** What stands below a player about areas: buttons to draw, their numbers in a table and as curves, their file. */
class AreaPanel {
  constructor(editor) {
    this.editor = editor;
    const { recordings, controls } = editor;
    this.rows = new Map(); // area → its row
    const count = recordings.length;
    this.box = buttonOf(said.box, ({ detail }) => this.draw(true, detail), { class: "draw" });
    this.polygon = buttonOf(said.polygon, ({ detail }) => this.draw(false, detail), { class: "draw" });
    this.file = make("input", { type: "file", accept: ".json,application/json", hidden: true });
    this.file.addEventListener("change", () => this.open(this.file.files[0]));
    this.save = buttonOf(said.save, () => this.download(), { hidden: true });
    this.status = make("p", { class: "said", role: "status" });
    this.body = make("tbody", {});
    this.table = make(
      "div", { class: "wide", hidden: true },
      make("table", { "aria-label": said.title }, make("thead", {}, make("tr", {}, ...this.headings())), this.body),
      make("small", {}, said.help),
    );
    this.over = make("div", { class: "row over", role: "group", "aria-label": said.title, hidden: true });
    this.chart = new Chart({ name: said.curve, unit: said.unit, help: "", from: 0 }, timeOf(recordings), controls);
    this.chart.element.hidden = true;
    const open = buttonOf(said.open, () => this.file.click());
    this.element = make(
      "section", { class: `interest of${count}` },
      make("h3", {}, said.title), make("p", { class: "legend" }, said.lead),
      make("div", { class: "row" }, this.box, this.polygon, open, this.file, this.save),
      this.status, this.table, this.over, this.chart.element,
    );
    this.listen();
  }

  listen() {
    const { editor } = this;
    editor.addEventListener("say", ({ detail }) => this.say(detail));
    editor.addEventListener("sketch", () => this.showSketch());
    editor.addEventListener("change", () => this.showRows());
    editor.addEventListener("select", () => this.showRows());
    editor.addEventListener("measured", () => this.showNumbers());
    editor.controls.addEventListener("frame", () => {
      this.showNow();
      this.showOver();
    });
  }

  say(text) {
    this.status.textContent = text;
  }

  headings() {
    const { recordings } = this.editor;
    const of = (column, { title }) =>
      recordings.length > 1 ? said.ofTitle(said.columns[column], title) : said.columns[column];
    const numbers = ["now", "mean", "lift"].flatMap((column) => recordings.map((recording) => of(column, recording)));
    const peak = recordings.length > 1 ? [] : [said.columns.peak];
    return [
      ...[said.columns.name, ...numbers, said.columns.area, ...peak].map((text) => make("th", { scope: "col" }, text)),
      make("td", {}),
    ];
  }

  /** Draw an area with the pointer; by keyboard (clicks: 0) one begins in the middle, and is moved by arrow keys. */
  draw(isBox, clicks) {
    const { editor } = this;
    if (editor.sketch) editor.giveUp();
    else if (clicks) editor.begin(isBox);
    else {
      const area = editor.add({ isBox });
      this.focusShape(area);
      this.say(`${said.keys}${isBox ? "" : ` ${said.polygonKeys}`}`);
    }
  }

  focusShape(area) {
    const shapes = [...this.element.parentElement.querySelectorAll(".areas .shape")];
    shapes.find((shape) => shape.area === area)?.focus();
  }

  showSketch() {
    const { sketch } = this.editor;
    this.box.setAttribute("aria-pressed", String(Boolean(sketch?.isBox)));
    this.polygon.setAttribute("aria-pressed", String(sketch?.isBox === false));
  }

  showRows() {
    const { areas, selected } = this.editor;
    for (const [area, row] of this.rows) {
      if (areas.includes(area)) continue;
      const held = row.element.contains(document.activeElement);
      row.element.remove();
      this.rows.delete(area);
      if (held) this.box.focus();
    }
    for (const area of areas) {
      if (!this.rows.has(area)) this.rows.set(area, this.makeRow(area));
      const { element, name } = this.rows.get(area);
      element.className = `${coloursOf(this.editor, area)}${area === selected ? " selected" : ""}`;
      if (document.activeElement !== name) name.value = area.name;
      name.setAttribute("aria-label", said.nameOf(area.name));
      this.rows.get(area).remove.setAttribute("aria-label", said.remove(area.name));
    }
    for (const element of [this.table, this.save]) element.hidden = !areas.length;
    this.chart.element.hidden = !areas.length || isStill(this.editor.recordings);
    this.showOver();
  }

  makeRow(area) {
    const { editor } = this;
    const name = make("input", { class: "name", size: 12, maxlength: 80 });
    name.addEventListener("focus", () => editor.select(area));
    name.addEventListener("change", () => {
      editor.rename(area, name.value);
      name.value = area.name;
    });
    const cell = () => make("td", { class: "number" });
    const each = () => editor.recordings.map(cell);
    const row = { name, now: each(), mean: each(), lift: each(), area: cell(), peak: cell() };
    row.remove = buttonOf("×", () => editor.remove(area), { class: "remove" });
    const peak = editor.recordings.length > 1 ? [] : [row.peak];
    row.element = make(
      "tr", {},
      make("th", { scope: "row" }, name), ...row.now, ...row.mean, ...row.lift, row.area, ...peak,
      make("td", {}, row.remove),
    );
    row.element.addEventListener("click", () => editor.select(area));
    this.body.append(row.element);
    return row;
  }

  showNumbers() {
    const { editor } = this;
    for (const [area, row] of this.rows) {
      const numbers = editor.numbers.get(area);
      const text = (value, form) => (value === null || value === undefined ? "–" : form(value));
      editor.recordings.forEach((recording, place) => {
        row.mean[place].textContent = text(numbers?.[place].mean, percent);
        row.lift[place].textContent = text(numbers?.[place].lift, (lift) => lift.toFixed(2));
      });
      row.area.textContent = text(numbers?.[0].area, percent);
      row.peak.replaceChildren(...this.peakOf(numbers?.[0]));
      row.element.classList.toggle("folds", numbers === null);
    }
    this.showNow();
    this.showChart();
  }

  peakOf(numbers) {
    if (!numbers || numbers.peak === null) return ["–"];
    const { controls, offset } = this.editor;
    const text = said.peak(percent(numbers.peak), timeText(numbers.peakSeconds + offset));
    return [buttonOf(text, () => controls.seek(numbers.peakSeconds), { class: "plain" })];
  }

  showNow() {
    const { editor } = this;
    for (const [area, row] of this.rows) {
      editor.densities.forEach((densities, place) => {
        const shares = editor.numbers.get(area)?.[place].shares;
        const value = densities && shares?.[lastBefore(densities.times, editor.seconds - editor.offset + 1e-4)];
        row.now[place].textContent = typeof value === "number" ? percent(value) : "–";
      });
    }
  }

  showChart() {
    const { editor } = this;
    const lines = editor.areas.flatMap((area) =>
      (editor.numbers.get(area) ?? []).map(({ shares }, place) => ({
        name: editor.recordings.length > 1 ? said.ofTitle(area.name, editor.recordings[place].title) : area.name,
        looks: `${coloursOf(editor, area)} line${place}`,
        points: thinned(shares.map((share, map) => [editor.densities[place].times[map], share && 100 * share])),
      })),
    );
    this.chart.show(lines);
  }

  /** The row about the selected area over time: its keyframes, from when on and until when it is there. */
  showOver() {
    const { editor } = this;
    const area = editor.selected;
    this.over.hidden = !area || isStill(editor.recordings);
    if (this.over.hidden) return;
    const times = area.keyframes.map(({ seconds }) => seconds);
    const shows = [area.name, ...times, area.from, area.to, Boolean(editor.keyframeNow(area))].join();
    if (this.overShows === shows) return;
    this.overShows = shows;
    const buttons = () => [...this.over.querySelectorAll("button")];
    const held = buttons().indexOf(document.activeElement);
    this.over.setAttribute("aria-label", said.keyframes(area.name));
    this.over.replaceChildren(...this.keyframesOf(area), ...this.limitsOf(area));
    if (held >= 0) buttons()[Math.min(held, buttons().length - 1)].focus(); // the one that was pressed is made anew
  }

  keyframesOf(area) {
    const { editor } = this;
    const now = editor.keyframeNow(area);
    const jump = ({ seconds }) =>
      buttonOf(timeText(seconds), () => editor.controls.seek(seconds - editor.offset), { class: "keyframe" });
    const { length } = area.keyframes;
    const listed = length > MOST_KEYFRAMES ? [said.many(length)] : area.keyframes.map(jump);
    const title = said.keyframesHelp;
    const change = buttonOf(now ? said.unkeyframe : said.keyframe, () => editor.toggleKeyframe(area), { title });
    const isOnlyOne = now && length === 1;
    return [make("strong", {}, said.keyframes(area.name)), ...listed, ...(isOnlyOne ? [] : [change])];
  }

  limitsOf(area) {
    const { editor } = this;
    const always = area.from === 0 && area.to === Infinity;
    const buttons = [
      buttonOf(said.begins, () => editor.limit(area, { from: editor.seconds })),
      buttonOf(said.ends, () => editor.limit(area, { to: editor.seconds })),
    ];
    if (always) return buttons;
    const shown = said.shown(timeText(area.from), area.to < Infinity ? timeText(area.to) : "");
    return [...buttons, shown, buttonOf(said.always, () => editor.limit(area, { from: 0, to: Infinity }))];
  }

  async open(file) {
    if (!file) return;
    this.file.value = "";
    try {
      const areas = areasOf(JSON.parse(await file.text()).areas, this.editor.recordings[0].size);
      this.editor.replace(areas);
      this.say(said.opened(file.name, areas.length));
    } catch (error) {
      this.say(said.refused(file.name, error instanceof SyntaxError ? said.noJson : error.message));
    }
  }

  download() {
    const folded = this.editor.areas.find((area) => this.editor.numbers.get(area) === null);
    if (folded) {
      this.say(said.folds(folded.name));
      return;
    }
    const url = URL.createObjectURL(new Blob([fileOf(this.editor.areas)], { type: "application/json" }));
    const link = make("a", { href: url, download: said.file });
    link.click();
    URL.revokeObjectURL(url);
  }

  /** Keys while an area is drawn. */
  key(event) {
    const { editor } = this;
    if (!editor.sketch) return;
    const actions = {
      Escape: () => editor.giveUp(),
      Enter: () => editor.finish(),
      Backspace: () => {
        editor.sketch.corners = editor.sketch.corners.slice(0, -1);
        editor.tell("sketch");
      },
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
  }
}

/** At most as many points as a screen has room for, each the mean of its neighbours. */
const thinned = (points, most = 800) => {
  const every = Math.ceil(points.length / most);
  if (every === 1) return points;
  return Array.from({ length: Math.ceil(points.length / every) }, (_, place) => {
    const part = points.slice(place * every, (place + 1) * every).filter(([, value]) => value !== null);
    const mean = part.reduce((sum, [, value]) => sum + value, 0) / part.length;
    return [points[place * every][0], part.length ? mean : null];
  });
};

/**
 * Let areas be drawn on the screens of a player: what stands below it about them.
 *
 * root: what holds player and panel; pictures: the element around each screen's canvas.
 */
export const mountAreas = (root, screens, pictures, controls) => {
  const recordings = screens.map((screen) => screen.recording);
  if (!recordings.every((recording) => recording.maps)) return null;
  const editor = new AreaEditor(recordings, controls);
  const layers = screens.map((screen) => new AreaLayer(screen, editor));
  layers.forEach(({ svg, tip }, place) => pictures[place].append(svg, tip));
  editor.addEventListener("sketch", () => {
    if (editor.sketch && !editor.sketch.corners.length) pictures[0].scrollIntoView({ block: "nearest" });
  });
  const panel = new AreaPanel(editor);
  root.addEventListener("keydown", (event) => panel.key(event), true);
  controls.main.addEventListener("frame", () => editor.load(), { once: true });
  if (recordings[0].areas?.length) editor.replace(areasOf(recordings[0].areas, recordings[0].size));
  return panel.element;
};
