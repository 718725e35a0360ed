/**
 * The player of GFSalNet's reports: one plain ES module, without dependencies, that a report inlines and a server serves.
 *
 *   import { mountPlayer, mountComparison, mountPage } from "/player.js";
 *
 *   const player = mountPlayer(element, recording);   // recording: see below
 *   player.seek(12.5); player.play(); player.pause(); player.setView("gate"); player.setOpacity(0.5);
 *   player.addEventListener("frame", (event) => event.detail);   // { seconds, index }
 *
 *   mountComparison(element, first, second);           // two recordings beside each other, one set of controls
 *   mountPage(document);                               // every <section data-recording="ID[,ID]"> of a report
 *
 * A recording is what `gfsalnet.report` writes as JSON:
 *
 *   { title, duration, offset,            // seconds; offset: where in its source the recording begins
 *     aspect,                             // width of a pixel divided by its height
 *     video,                              // a URL, or { base64Of: ID of a <script> that holds the MP4 as base64 }
 *     layout: { frame, levels, gate },    // [left, top, width, height] in the pixels of the video
 *     hasGate, times, shots,              // seconds of every frame from 0 on; positions of frames that start a shot
 *     colours,                            // 256 colours of the overlay as one string of hexadecimal RGB
 *     gateColours,                        // the same, from all motion to all appearance
 *     curves: [{ name, unit, help, from, lines: [{ name, points: [[seconds, value], …] }] }],
 *     cuts,                               // seconds
 *     hotSpots: [{ where, share, seconds, bestShare, x, y, picture }] }
 *
 * Frame and maps are parts of the same pictures of one small video, so they are in step whatever the browser does. The
 * page's own canvas draws them whenever the video shows a new picture (requestVideoFrameCallback where there is one).
 *
 * Keys, while the player has the focus: space or k play and pause; left and right one second; comma and full stop one
 * frame; Home and End; 1 to 4 choose the view; m sound.
 */

const VIEWS = [
  ["frame", "Video", "the video alone"],
  ["overlay", "Overlay", "where viewers look, in colours"],
  ["focus", "Focus", "dimmed where viewers do not look"],
  ["gate", "Gate", "where motion and where appearance was trusted"],
];
const OPAQUE_FROM = 127.5; // level at which colours reach the chosen opacity
const DIMMED = 0.25; // brightness of the focus view where nobody looks

const make = (tag, attributes = {}, ...children) => {
  const svg = ["svg", "path", "line", "text", "g", "rect", "title", "desc"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

export const timeText = (seconds) => {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const whole = Math.floor(tenths / 10);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}.${tenths % 10}`;
};

const table = (hex) => Uint8Array.from({ length: hex.length / 2 }, (_, place) => parseInt(hex.substr(2 * place, 2), 16));

/** The object URL of an MP4 that lies in the page as base64, made once and only when it is needed. */
const urls = new Map();
const videoUrl = (video) => {
  if (typeof video === "string") return video;
  if (!urls.has(video.base64Of)) {
    const text = atob(document.getElementById(video.base64Of).textContent.trim());
    const bytes = new Uint8Array(text.length);
    for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
    urls.set(video.base64Of, URL.createObjectURL(new Blob([bytes], { type: "video/mp4" })));
  }
  return urls.get(video.base64Of);
};

/** The position of the last of the rising numbers that is not after `value`. */
const lastBefore = (numbers, value) => {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (numbers[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
};

/** One picture on a canvas: the video's frame with its maps over it. Events: `frame`, `state`, `problem`. */
class Screen extends EventTarget {
  constructor(recording) {
    super();
    this.recording = recording;
    this.view = "overlay";
    this.opacity = 0.7;
    this.shots = new Set(recording.shots);
    this.colours = table(recording.colours);
    this.gateColours = table(recording.gateColours);
    const [, , width, height] = recording.layout.frame;
    this.canvas = make("canvas", { width, height, role: "img", "aria-label": `${recording.title}, ready` });
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
    if (!this.video.src) this.video.src = videoUrl(this.recording.video);
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
      const [colours, entry] = this.view === "gate" ? [this.gateColours, gate.pixels.data[place]] : [this.colours, level];
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

/** Buttons and sliders for one or two screens, which they keep together. */
class Controls extends EventTarget {
  constructor(screens) {
    super();
    this.screens = screens;
    this.main = screens.reduce((longest, one) => (one.recording.duration > longest.recording.duration ? one : longest));
    const { duration } = this.main.recording;
    const hasGate = screens.some((screen) => screen.recording.hasGate);
    this.playButton = make("button", { type: "button", class: "play" }, "Play");
    this.time = make("output", { class: "time", "aria-hidden": "true" }, timeText(0));
    this.slider = make("input", {
      type: "range", min: 0, max: duration.toFixed(3), step: "any", value: 0, class: "seek", "aria-label": "Position",
    });
    this.views = make("div", { role: "group", "aria-label": "View", class: "views" });
    for (const [name, label, help] of VIEWS) {
      if (name === "gate" && !hasGate) continue;
      const pressed = name === "overlay" ? "true" : "false";
      const button = make("button", { type: "button", "data-view": name, "aria-pressed": pressed, title: help }, label);
      button.addEventListener("click", () => this.setView(name));
      this.views.append(button);
    }
    this.opacity = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.7 });
    this.sound = make("button", { type: "button", "aria-pressed": "false" }, "Sound");
    this.element = make(
      "div", { class: "controls" },
      make("div", { class: "row" }, this.playButton, this.slider, this.time),
      make("div", { class: "row" }, this.views, make("label", {}, "Opacity ", this.opacity), this.sound),
    );
    for (const screen of screens) screen.video.muted = true;
    this.playButton.addEventListener("click", () => this.toggle());
    this.slider.addEventListener("input", () => this.seek(Number(this.slider.value)));
    this.opacity.addEventListener("input", () => this.setOpacity(Number(this.opacity.value)));
    this.sound.addEventListener("click", () => this.setSound(this.sound.getAttribute("aria-pressed") !== "true"));
    this.main.addEventListener("frame", ({ detail }) => this.show(detail));
    this.main.addEventListener("state", () => this.showState());
    this.showTime(0);
  }

  get playing() {
    return !this.main.video.paused && !this.main.video.ended;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    for (const screen of this.screens) {
      screen.load();
      if (screen !== this.main && !screen.video.ended) screen.video.currentTime = this.main.seconds;
      screen.video.play().catch(() => screen.dispatchEvent(new Event("problem")));
    }
  }

  pause() {
    for (const screen of this.screens) screen.video.pause();
  }

  seek(seconds) {
    for (const screen of this.screens) screen.seek(seconds);
    this.showTime(seconds);
  }

  step(frames) {
    this.pause();
    this.main.step(frames);
    for (const screen of this.screens) if (screen !== this.main) screen.seek(this.main.video.currentTime);
  }

  setView(name) {
    for (const button of this.views.children) button.setAttribute("aria-pressed", String(button.dataset.view === name));
    for (const screen of this.screens) {
      screen.view = name === "gate" && !screen.recording.hasGate ? "frame" : name;
      screen.draw();
    }
    this.dispatchEvent(new CustomEvent("view", { detail: name }));
  }

  setOpacity(value) {
    this.opacity.value = value;
    for (const screen of this.screens) {
      screen.opacity = value;
      screen.draw();
    }
  }

  setSound(on) {
    this.sound.setAttribute("aria-pressed", String(on));
    this.main.video.muted = !on;
  }

  show(detail) {
    this.showTime(detail.seconds);
    this.dispatchEvent(new CustomEvent("frame", { detail }));
  }

  showTime(seconds) {
    const { offset, duration } = this.main.recording;
    const text = `${timeText(seconds + offset)} of ${timeText(duration + offset)}`;
    this.slider.value = seconds;
    this.slider.setAttribute("aria-valuetext", text);
    this.time.textContent = text;
  }

  showState() {
    this.playButton.textContent = this.playing ? "Pause" : "Play";
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target.tagName === "BUTTON" && event.key === " ";
    const onSlider = event.target.tagName === "INPUT" && /^(Arrow|Home|End|Page)/.test(event.key);
    if (onButton || onSlider || event.target.tagName === "SUMMARY") return;
    const seconds = this.main.video.currentTime;
    const actions = {
      " ": () => this.toggle(),
      k: () => this.toggle(),
      ArrowLeft: () => this.seek(Math.max(0, seconds - 1)),
      ArrowRight: () => this.seek(seconds + 1),
      ",": () => this.step(-1),
      ".": () => this.step(1),
      Home: () => this.seek(0),
      End: () => this.seek(this.main.recording.duration),
      m: () => this.setSound(this.sound.getAttribute("aria-pressed") !== "true"),
    };
    VIEWS.forEach(([name], place) => {
      if (this.views.querySelector(`[data-view="${name}"]`)) actions[String(place + 1)] = () => this.setView(name);
    });
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

/** Curves over time that can be clicked: one SVG each. `recordings`: one, or two that share the axes. */
const drawCurves = (recordings, controls) => {
  const [width, height, left, bottom, top] = [720, 130, 46, 18, 8];
  const duration = Math.max(...recordings.map((recording) => recording.duration)) || 1;
  const x = (seconds) => left + ((width - left - 8) * seconds) / duration;
  const heads = [];
  const figures = recordings[0].curves.map((curve, place) => {
    const both = recordings.map((recording) => recording.curves[place]).filter(Boolean);
    const lines = both.flatMap((one, version) => one.lines.map((line, kind) => ({ ...line, version, kind })));
    const values = lines.flatMap((line) => line.points.map((point) => point[1])).filter((value) => value !== null);
    const floor = Math.min(...both.map((one) => one.from));
    const peak = Math.max(...values, floor + 1e-9);
    const y = (value) => height - bottom - ((height - bottom - top) * (value - floor)) / (peak - floor);
    const number = (value) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2));
    const summary = lines
      .map((line) => {
        const known = line.points.map((point) => point[1]).filter((value) => value !== null);
        const mean = known.reduce((sum, value) => sum + value, 0) / (known.length || 1);
        const name = recordings.length > 1 ? `${recordings[line.version].title}, ${line.name}` : line.name;
        return `${name}: mean ${number(mean)}, largest ${number(Math.max(...known, 0))} ${curve.unit}`;
      })
      .join("; ");
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${curve.name}. ${summary}.` });
    for (const share of [0, 0.5, 1]) {
      const value = floor + share * (peak - floor);
      svg.append(
        make("line", { class: "grid", x1: left, x2: width - 8, y1: y(value), y2: y(value) }),
        make("text", { class: "tick", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value ? number(value) : "0"),
      );
    }
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
      const text = timeText(share * duration + recordings[0].offset);
      svg.append(make("text", { class: "tick", x: x(share * duration), y: height - 3, "text-anchor": anchor }, text));
    }
    for (const cut of recordings[0].cuts) {
      svg.append(make("line", { class: "cut", x1: x(cut), x2: x(cut), y1: top, y2: height - bottom }));
    }
    for (const line of lines) {
      let path = "";
      let pen = "M";
      for (const [seconds, value] of line.points) {
        if (value === null) pen = "M";
        else {
          path += `${pen}${x(seconds).toFixed(1)} ${y(value).toFixed(1)}`;
          pen = "L";
        }
      }
      svg.append(make("path", { class: `curve version${line.version} line${line.kind}`, d: path }));
    }
    const head = make("line", { class: "head", x1: x(0), x2: x(0), y1: top, y2: height - bottom });
    heads.push(head);
    svg.append(head);
    const seekTo = (event) => {
      const box = svg.getBoundingClientRect();
      const seconds = (((event.clientX - box.left) / box.width) * width - left) / ((width - left - 8) / duration);
      controls.seek(Math.min(Math.max(0, seconds), duration));
    };
    svg.addEventListener("pointerdown", (event) => {
      seekTo(event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => event.buttons && seekTo(event));
    const keys = make("span", { class: "key" });
    for (const line of lines) {
      const name = recordings.length > 1 ? `${recordings[line.version].title}: ${line.name}` : line.name;
      if (lines.length > 1) keys.append(make("span", { class: `version${line.version} line${line.kind}` }, name));
    }
    return make(
      "figure", { class: "curves" },
      make("figcaption", {}, make("strong", {}, curve.name), ` (${curve.unit}) `, keys, make("small", {}, curve.help)),
      svg,
    );
  });
  controls.addEventListener("frame", ({ detail }) => {
    for (const head of heads) {
      head.setAttribute("x1", x(detail.seconds));
      head.setAttribute("x2", x(detail.seconds));
    }
  });
  return make("div", {}, ...figures);
};

const drawHotSpots = (recording, controls) => {
  const list = make("ol", { class: "spots" });
  for (const spot of recording.hotSpots) {
    const share = `${Math.round(spot.share * 100)} % of all looks`;
    const best = `most at ${timeText(spot.seconds + recording.offset)} (${Math.round(spot.bestShare * 100)} %)`;
    const button = make(
      "button", { type: "button" },
      make("img", { src: spot.picture, alt: "" }),
      make("span", {}, make("strong", {}, spot.where), ` ${share}, ${best}`),
    );
    button.addEventListener("click", () => controls.seek(spot.seconds));
    list.append(make("li", {}, button));
  }
  return list;
};

const legend = (recording, screens, controls) => {
  const bar = (colours) => {
    const stops = Array.from({ length: 9 }, (_, place) => `#${colours.substr(6 * Math.round((place * 255) / 8), 6)}`);
    return make("span", { class: "bar", style: `background: linear-gradient(to right, ${stops.join(", ")})` });
  };
  const texts = {
    frame: () => ["the video alone"],
    overlay: () => ["even share of looks ", bar(recording.colours), " 32 times that"],
    focus: () => ["dimmed: an even share of looks or less"],
    gate: () => ["motion ", bar(recording.gateColours), " appearance; bare where nobody looks, and on the first frame of a shot"],
  };
  const element = make("p", { class: "legend" }, ...texts.overlay());
  controls.addEventListener("view", ({ detail }) => element.replaceChildren(...texts[detail]()));
  return element;
};

const assemble = (root, recordings) => {
  const screens = recordings.map((recording) => new Screen(recording));
  const controls = new Controls(screens);
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const pictures = screens.map((screen, place) => {
    const { recording } = screen;
    screen.addEventListener("problem", () => {
      problem.hidden = false;
      problem.textContent = "This browser cannot play the video: it needs H.264 in MP4.";
    });
    screen.addEventListener("frame", ({ detail }) => {
      const view = VIEWS.find(([name]) => name === screen.view)[1].toLowerCase();
      const note = detail.noMotionYet ? ", first frame of a shot: no motion yet" : "";
      screen.canvas.setAttribute("aria-label", `${recording.title}, ${view}, at ${timeText(detail.seconds + recording.offset)}${note}`);
    });
    const caption = recordings.length > 1 ? [make("figcaption", { class: `version${place}` }, recording.title)] : [];
    screen.canvas.addEventListener("click", () => controls.toggle());
    return make("figure", { class: "screen" }, ...caption, screen.canvas);
  });
  const player = make(
    "div", { class: "player", tabindex: 0, role: "group", "aria-label": `Player of ${recordings.map((r) => r.title).join(" and ")}` },
    make("div", { class: `screens of${recordings.length}` }, ...pictures), problem, controls.element,
    legend(recordings[0], screens, controls),
  );
  player.addEventListener("keydown", (event) => controls.key(event));
  root.append(player, drawCurves(recordings, controls));
  for (const recording of recordings) {
    if (!recording.hotSpots.length) continue;
    const whose = recordings.length > 1 ? ` of ${recording.title}` : "";
    root.append(make("h3", {}, `Hot spots${whose}`), drawHotSpots(recording, controls));
  }
  // Loaded when it comes into view: a page may hold many videos.
  const load = () => screens.forEach((screen) => screen.load());
  if ("IntersectionObserver" in window) {
    const watcher = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      load();
    });
    watcher.observe(player);
  } else load();
  return controls;
};

export const mountPlayer = (root, recording) => assemble(root, [recording]);

export const mountComparison = (root, first, second) => assemble(root, [first, second]);

/** Every `<section data-recording="ID">` or `="ID,ID"`; the recordings lie as JSON in `<script>`s of these ids. */
export const mountPage = (page) =>
  [...page.querySelectorAll("[data-recording]")].map((section) => {
    const recordings = section.dataset.recording.split(",").map((id) => JSON.parse(page.getElementById(id).textContent));
    return assemble(section.querySelector(".mount"), recordings);
  });
