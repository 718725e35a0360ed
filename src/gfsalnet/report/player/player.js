/**
 * The player of GFSalNet's reports: plain ES modules, without dependencies, which a report inlines and a server serves.
 *
 *   import { mountPlayer, mountComparison, mountPage, recordingsOf } from "./player/player.js";
 *
 *   const player = mountPlayer(element, recording);   // recording: see below
 *   player.seek(12.5); player.play(); player.pause(); player.setView("gate"); player.setOpacity(0.5);
 *   player.addEventListener("frame", (event) => event.detail);   // { seconds, index }
 *
 *   mountComparison(element, first, second);           // two recordings beside each other, one set of controls
 *   mountPage(document);                               // every <section data-recording="ID[,ID]"> of a report
 *   recordingsOf(text);                                // the recordings of a report of which this is the text
 *
 * A recording is what `gfsalnet.report` writes as JSON:
 *
 *   { title, duration, offset,            // seconds; offset: where in its source the recording begins
 *     aspect, size,                       // width of a pixel divided by its height; pixels of the source's frames
 *     video,                              // a URL, or { base64Of: ID of a <script> that holds the MP4 as base64 }
 *     layout: { frame, levels, gate },    // [left, top, width, height] in the pixels of the video
 *     hasGate, times, shots,              // seconds of every frame from 0 on; positions of frames that start a shot
 *     colours,                            // 256 colours of the overlay as one string of hexadecimal RGB
 *     gateColours,                        // the same, from all motion to all appearance
 *     curves: [{ name, unit, help, from, lines: [{ name, points: [[seconds, value], …] }] }],
 *     cuts,                               // seconds
 *     maps: { base64Of, size, times },    // Densities of areas.js, deflated; times: null: those of all frames
 *     areas,                              // entries of a file of areas that are shown at first
 *     hotSpots: [{ where, share, seconds, bestShare, x, y, picture }] }
 *
 * Frame and maps are parts of the same pictures of one small video, so they are in step whatever the browser does. The
 * page's own canvas draws them whenever the video shows a new picture (requestVideoFrameCallback where there is one).
 *
 * Keys, while the player has the focus: space or k play and pause; left and right one second; comma and full stop one
 * frame; Home and End; 1 to 4 choose the view; m sound.
 */

import { mountAreas } from "./area_panel.js";
import { Controls } from "./controls.js";
import { drawCurves } from "./curves.js";
import { make, timeText } from "./elements.js";
import { isStill, recordingIn } from "./recording.js";
import { Screen } from "./screen.js";
import { words } from "./words.js";

export { recordingsOf } from "./recording.js";

const drawHotSpots = (recording, controls) => {
  const list = make("ol", { class: "spots" });
  for (const spot of recording.hotSpots) {
    const [share, best] = [spot.share, spot.bestShare].map((value) => Math.round(value * 100));
    const time = timeText(spot.seconds + recording.offset);
    const button = make(
      "button", { type: "button" },
      make("img", { src: spot.picture, alt: "" }),
      make("span", {}, make("strong", {}, spot.where), words.spot(share, isStill([recording]) ? null : time, best)),
    );
    button.addEventListener("click", () => controls.seek(spot.seconds));
    list.append(make("li", {}, button));
  }
  return list;
};

const legend = (recording, controls) => {
  const tables = { overlay: recording.colours, gate: recording.gateColours };
  const element = make("p", { class: "legend" });
  const show = (view) => {
    const [before, ...after] = words.legends[view];
    const bar = make("span", { class: "bar" });
    const stops = Array.from({ length: 9 }, (_, place) => Math.round((place * 255) / 8));
    if (after.length) {
      const colours = stops.map((level) => `#${tables[view].substr(6 * level, 6)}`);
      bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
    }
    element.replaceChildren(before, ...(after.length ? [bar, " ", ...after] : []));
  };
  controls.addEventListener("view", ({ detail }) => show(detail));
  show("overlay");
  return element;
};

/** The screen of a recording in a figure, and in it what its areas are drawn on. */
const framed = (screen, place, isOneOfTwo, controls, problem) => {
  const { recording, canvas } = screen;
  screen.addEventListener("problem", () => {
    problem.hidden = false;
    problem.textContent = words.cannotPlay;
  });
  screen.addEventListener("frame", ({ detail }) => {
    const view = words.views[screen.view].name;
    const time = timeText(detail.seconds + recording.offset);
    canvas.setAttribute("aria-label", words.picture(recording.title, view, time, detail.noMotionYet));
  });
  canvas.addEventListener("click", () => controls.toggle());
  const picture = make("div", { class: "picture" }, canvas);
  const [, , width, height] = recording.layout.frame;
  picture.style.maxWidth = `calc(70vh * ${(width * recording.aspect) / height})`; // so that it is seen whole
  const caption = isOneOfTwo ? [make("figcaption", { class: `version${place}` }, recording.title)] : [];
  return { picture, figure: make("figure", { class: "screen" }, ...caption, picture) };
};

/** Call `load` when the element is about to come into view: a page may hold many videos. */
const whenSeen = (element, load) => {
  if (!("IntersectionObserver" in window)) {
    load();
    return;
  }
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    load();
  }, { rootMargin: "50%" });
  watcher.observe(element);
};

const assemble = (root, recordings) => {
  const screens = recordings.map((recording) => new Screen(recording));
  const controls = new Controls(screens);
  const problem = make("p", { class: "problem", role: "alert", hidden: true });
  const shown = screens.map((screen, place) => framed(screen, place, screens.length > 1, controls, problem));
  const player = make(
    "div", {
      class: `player${isStill(recordings) ? " still" : ""}`, tabindex: 0, role: "group",
      "aria-label": words.player(recordings.map(({ title }) => title)),
    },
    make("div", { class: `screens of${recordings.length}` }, ...shown.map(({ figure }) => figure)),
    problem, controls.element, legend(recordings[0], controls),
  );
  player.addEventListener("keydown", (event) => controls.key(event));
  root.append(player);
  if (!isStill(recordings)) root.append(make("div", { class: "charts" }, ...drawCurves(recordings, controls)));
  const areas = mountAreas(root, screens, shown.map(({ picture }) => picture), controls);
  if (areas) player.after(areas);
  for (const recording of recordings) {
    if (!recording.hotSpots.length) continue;
    const title = recordings.length > 1 ? words.hotSpotsOf(recording.title) : words.hotSpots;
    root.append(make("h3", {}, title), drawHotSpots(recording, controls));
  }
  whenSeen(player, () => screens.forEach((screen) => screen.load()));
  return controls;
};

export const mountPlayer = (root, recording) => assemble(root, [recording]);

export const mountComparison = (root, first, second) => assemble(root, [first, second]);

/** Every `<section data-recording="ID">` or `="ID,ID"`; the recordings lie as JSON in `<script>`s of these ids. */
export const mountPage = (page) =>
  [...page.querySelectorAll("[data-recording]")].map((section) => {
    const recordings = section.dataset.recording.split(",").map((id) => recordingIn(page, id));
    return assemble(section.querySelector(".mount"), recordings);
  });
