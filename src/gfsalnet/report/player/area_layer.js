import { boxCorners, boxOf } from "./areas.js";
import { make } from "./elements.js";
import { words } from "./words.js";

const LAYER_WIDTH = 1000; // of the layer's own units, whatever the size of the picture
const [STEP, SMALL_STEP] = [0.01, 0.002]; // of arrow keys, as shares of the frame
const COLOURS = 6;
const CLOSING = 12; // pixels of the screen from the first corner at which a polygon is closed
const DELETES = new Set(["Delete", "Backspace"]);
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The name of the class that gives an area its colour. */
export const coloursOf = (editor, area) => `area${editor.areas.indexOf(area) % COLOURS}`;

/** Areas over the picture of one screen, where the pointer and the keyboard draw and change them. */
export class AreaLayer {
  constructor(screen, editor) {
    Object.assign(this, { screen, editor, unit: 1 });
    const { layout, aspect, title } = screen.recording;
    this.height = (LAYER_WIDTH * layout.frame[3]) / (layout.frame[2] * aspect);
    this.drawn = new Map(); // area → its elements
    this.sketch = make("polyline", { class: "sketch", "vector-effect": "non-scaling-stroke" });
    this.svg = make(
      "svg", {
        class: "areas", viewBox: `0 0 ${LAYER_WIDTH} ${this.height}`, role: "group",
        "aria-label": words.areas.ofTitle(words.areas.title, title),
      },
      this.sketch,
    );
    this.tip = make("p", { class: "tip", "aria-hidden": "true", hidden: true }); // the panel says it, too
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.over(event));
    this.svg.addEventListener("pointerup", (event) => this.up(event));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("focusin", ({ target }) => target.area && editor.select(target.area));
    editor.addEventListener("sketch", () => this.showTip());
    for (const name of ["change", "select", "sketch"]) editor.addEventListener(name, () => this.draw());
    screen.addEventListener("frame", () => this.draw());
    new ResizeObserver(([{ contentRect }]) => {
      this.unit = LAYER_WIDTH / (contentRect.width || LAYER_WIDTH);
      this.draw();
    }).observe(this.svg);
  }

  /** Where an event is, as shares of the frame. */
  place({ clientX, clientY }) {
    const { x, y } = new DOMPoint(clientX, clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return [x / LAYER_WIDTH, y / this.height].map((share) => Math.min(Math.max(share, 0), 1));
  }

  /** While an area is drawn the picture says what to do. */
  showTip() {
    const { tip } = this.editor;
    Object.assign(this.tip, { textContent: tip, hidden: !tip });
  }

  text(corners) {
    return corners.map(([x, y]) => `${(x * LAYER_WIDTH).toFixed(1)},${(y * this.height).toFixed(1)}`).join(" ");
  }

  draw() {
    const { editor, svg, drawn } = this;
    for (const [area, elements] of drawn) {
      if (editor.areas.includes(area)) continue;
      [elements.shape, elements.label, ...elements.corners].forEach((element) => element.remove());
      drawn.delete(area);
    }
    for (const area of editor.areas) this.drawArea(area);
    const sketched = editor.sketch?.corners ?? [];
    svg.classList.toggle("drawing", Boolean(editor.sketch));
    const outline = editor.sketch?.isBox && sketched.length ? boxCorners(boxOf(sketched)) : sketched;
    this.sketch.setAttribute("points", this.text([...outline, ...(editor.sketch?.isBox ? outline.slice(0, 1) : [])]));
    svg.append(this.sketch);
  }

  drawArea(area) {
    const { editor } = this;
    if (!this.drawn.has(area)) this.drawn.set(area, this.make(area));
    const elements = this.drawn.get(area);
    const corners = editor.cornersNow(area);
    const isSelected = editor.selected === area;
    const looks = `${coloursOf(editor, area)}${isSelected ? " selected" : ""}${editor.isShownNow(area) ? "" : " away"}`;
    elements.shape.setAttribute("points", this.text(corners));
    elements.shape.setAttribute("class", `shape ${looks}`);
    elements.shape.setAttribute("aria-label", words.areas.shape(area.name, boxOf(corners)));
    const [left, top] = boxOf(corners);
    elements.label.textContent = area.name;
    elements.label.setAttribute("class", `label ${looks}`);
    elements.label.setAttribute("x", left * LAYER_WIDTH + 4 * this.unit);
    elements.label.setAttribute("y", Math.max(top * this.height - 5 * this.unit, 15 * this.unit));
    elements.label.setAttribute("font-size", 14 * this.unit);
    this.drawCorners(area, elements, isSelected ? corners : []);
  }

  drawCorners(area, elements, corners) {
    while (elements.corners.length > corners.length) elements.corners.pop().remove();
    while (elements.corners.length < corners.length) {
      const attributes = { class: "corner", tabindex: 0, role: "button", "vector-effect": "non-scaling-stroke" };
      const corner = Object.assign(make("circle", attributes), { area, corner: elements.corners.length });
      elements.corners.push(corner);
      elements.shape.after(...elements.corners);
    }
    corners.forEach(([x, y], place) => {
      const corner = elements.corners[place];
      corner.setAttribute("cx", x * LAYER_WIDTH);
      corner.setAttribute("cy", y * this.height);
      corner.setAttribute("r", 7 * this.unit);
      corner.setAttribute("aria-label", words.areas.corner(place + 1, area.name, [x, y]));
    });
  }

  make(area) {
    const shape = make("polygon", { tabindex: 0, role: "button", "vector-effect": "non-scaling-stroke" });
    const label = make("text", { "aria-hidden": "true" });
    this.svg.append(Object.assign(shape, { area }), label);
    return { shape, label, corners: [] };
  }

  down(event) {
    const { editor } = this;
    const point = this.place(event);
    if (event.button) return;
    if (editor.sketch) {
      event.preventDefault(); // the focus stays where Enter and Escape are heard
      this.sketchAt(point);
    } else if (event.target.area) {
      const { area, corner } = event.target;
      editor.controls.pause();
      editor.select(area);
      this.drag = { area, corner, point, corners: editor.cornersNow(area) };
    } else return;
    this.svg.setPointerCapture(event.pointerId);
  }

  sketchAt(point) {
    const { sketch } = this.editor;
    const [first] = sketch.corners;
    const far = first && Math.hypot((point[0] - first[0]) * LAYER_WIDTH, (point[1] - first[1]) * this.height);
    if (sketch.isBox) sketch.corners = [point, point, point];
    else if (far < CLOSING * this.unit && sketch.corners.length > 2) {
      this.editor.finish();
      return;
    } else sketch.corners = [...sketch.corners, point];
    this.editor.tell("sketch");
  }

  over(event) {
    const { editor, drag } = this;
    const point = this.place(event);
    if (editor.sketch?.isBox && event.buttons && editor.sketch.corners.length) {
      editor.sketch.corners = [editor.sketch.corners[0], point, point];
      editor.tell("sketch");
    } else if (drag) {
      const { area, corner, corners } = drag;
      if (corner === undefined) editor.shift(area, [point[0] - drag.point[0], point[1] - drag.point[1]], corners);
      else editor.moveCorner(area, corner, point, corners);
    }
  }

  up() {
    const { editor, drag } = this;
    this.drag = null;
    if (editor.sketch?.isBox && editor.sketch.corners.length) editor.finish();
    else if (drag) editor.announce(drag.area);
  }

  key(event) {
    const { area, corner } = event.target;
    if (!area || event.ctrlKey || event.metaKey || event.altKey) return;
    const [x, y] = ARROWS[event.key] ?? [];
    const { editor } = this;
    const isCorner = corner !== undefined;
    if (x !== undefined) {
      const step = event.shiftKey ? SMALL_STEP : STEP;
      const corners = editor.cornersNow(area);
      if (isCorner) editor.moveCorner(area, corner, [corners[corner][0] + x * step, corners[corner][1] + y * step]);
      else editor.shift(area, [x * step, y * step]);
      editor.announce(area);
    } else if (DELETES.has(event.key) && !isCorner) editor.remove(area);
    else if (DELETES.has(event.key) && !area.isBox) editor.removeCorner(area, corner);
    else if (event.key === "+" && isCorner && !area.isBox) editor.splitSide(area, corner);
    else return;
    event.preventDefault();
    event.stopPropagation(); // these keys mean something else to the player
  }
}
