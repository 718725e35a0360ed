// The page: a video is chosen, its heat maps are shown as it plays, and films and tables are made of it.
import { Curves } from "./curves.js";
import { Engine } from "./engine.js";
import { mayHaveWebGPU } from "./network.js";
import { Player } from "./player.js";
import { words } from "./words.js";

const MOST_THREADS = 4;
const WEBGPU = "webgpu"; // in the page's address
const find = (selector) => document.querySelector(selector);
const threads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
const wantsWebGPU = mayHaveWebGPU() && new URLSearchParams(location.search).has(WEBGPU);
const stillPreferred = matchMedia("(prefers-reduced-motion: reduce)").matches;

for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
navigator.serviceWorker?.register(new URL("./sw.js", import.meta.url)).catch(() => null); // without it: not offline

const engine = new Engine(wantsWebGPU ? "webgpu" : "wasm", wantsWebGPU ? 1 : threads);
let [player, curves, video] = [null, null, null];
let under = null; // what the engine was last asked for: "play" or "make"; null: nothing more comes

/** Show a sentence, which screen readers read out. */
function say(text) {
  find("#said").textContent = text;
}

function chosen(file) {
  if (!file || player === null) return;
  video = { name: file.name, file };
  player.setPlaying(false);
  find("#player").hidden = true;
  find("#instead").hidden = true;
  setMaking(false);
  say(words.opening(file.name));
  engine.open(file);
}

function opened({ width, height, seconds }) {
  Object.assign(video, { width, height, seconds });
  say(words.opened(video.name));
  find("#player").hidden = false;
  find("#name").textContent = video.name;
  find("#picture").setAttribute("aria-label", words.picture(video.name));
  find("#position").max = seconds;
  find("#files").replaceChildren();
  find("#making").textContent = "";
  curves = new Curves(find("#curves"), seconds);
  play(!stillPreferred);
  goTo(0);
}

function goTo(seconds) {
  setMaking(false);
  under = "play";
  player.from(seconds);
}

function play(playing) {
  player.setPlaying(playing);
  find("#play").textContent = playing ? words.pause : words.play;
}

function shown({ seconds, row }) {
  const position = find("#position");
  if (document.activeElement !== position || player.playing) position.value = seconds;
  position.setAttribute("aria-valuetext", clock(seconds));
  find("#time").textContent = `${clock(seconds)} / ${clock(video.seconds)}`;
  curves.put(row, video);
}

function refused({ reason, detail }) {
  setMaking(false);
  under = null;
  play(false);
  say(words.refused[reason](video.name, detail));
  const canInstead = ["format", "codec", "damaged", "noVideo"].includes(reason);
  find("#instead").hidden = !canInstead;
  find("#instead code").textContent = words.command(video.name);
  find("#player").hidden ||= reason !== "encoder" && reason !== "failed" && !player.shown;
}

function make(film) {
  play(false);
  setMaking(true);
  under = "make";
  video.began = performance.now();
  engine.make(film, Number(find("#opacity").value));
}

function setMaking(making) {
  find("#stop").hidden = !making;
  find("#progress").hidden = !making;
  find("#progress").value = 0;
  for (const button of ["#film", "#table"]) find(button).disabled = making;
}

function made({ row }) {
  const seconds = row.time_seconds;
  curves.put(row, video);
  const share = video.seconds > 0 ? Math.min(seconds / video.seconds, 1) : 1;
  const spent = (performance.now() - video.began) / 1000;
  const left = share > 0.02 ? clock((spent / share) * (1 - share)) : null;
  find("#progress").value = share;
  find("#making").textContent = words.making(clock(seconds), clock(video.seconds), left);
}

function done({ table, film, damage, missing }) {
  setMaking(false);
  find("#making").textContent = "";
  say(damage !== null ? words.partly(damage) : missing ? words.short(missing) : words.made);
  const name = video.name.replace(/\.[^.]*$/, "");
  find("#files").querySelectorAll("a").forEach(({ href }) => URL.revokeObjectURL(href));
  find("#files").replaceChildren(
    ...(film ? [link(film, `${name}-overlay.mp4`, words.film(size(film)))] : []),
    link(table, `${name}-frames.csv`, words.table(size(table))),
  );
}

function link(blob, name, text) {
  const item = document.createElement("li");
  const anchor = item.appendChild(document.createElement("a"));
  Object.assign(anchor, { href: URL.createObjectURL(blob), download: name, textContent: text });
  return item;
}

const size = ({ size: bytes }) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** Minutes and seconds, such as 1:05. */
function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

engine.addEventListener("ready", ({ detail: { settings } }) => {
  player = new Player(find("#picture"), engine, settings.look);
  player.addEventListener("shown", ({ detail }) => shown(detail));
  player.addEventListener("ended", () => {
    under = null;
    find("#position").value = 0;
    play(false);
  });
  find("#opacity").value = settings.look.opacity;
  find("#version").textContent = words.version(settings.model.name, settings.model.weights, settings.version);
  find("#file").disabled = false;
  say(words.ready);
});
for (const [kind, hear] of Object.entries({ opened, made, done, refused })) {
  engine.addEventListener(kind, ({ detail }) => hear(detail));
}
engine.addEventListener("broken", ({ detail: { detail } }) => {
  say(wantsWebGPU ? words.brokenGraphics(detail) : words.broken(detail));
  find("details").open ||= wantsWebGPU; // where the way back is
});

say(words.loading);
const onProcessor = words.threads(threads) + (crossOriginIsolated ? "." : words.oneThread);
find("#runs").textContent = wantsWebGPU ? words.onGraphics : onProcessor;
find("#switch").hidden = !mayHaveWebGPU();
Object.assign(find("#switch a"), {
  href: wantsWebGPU ? "./" : `?${WEBGPU}`,
  textContent: wantsWebGPU ? words.toProcessor : words.toGraphics,
});
find("#file").addEventListener("change", ({ target }) => {
  chosen(target.files[0]);
  target.value = "";
});
find("#play").addEventListener("click", () => {
  const playing = !player.playing;
  play(playing);
  if (playing && under !== "play") goTo(Number(find("#position").value));
});
find("#position").addEventListener("input", ({ target }) => goTo(Number(target.value)));
find("#opacity").addEventListener("input", ({ target }) => player.setOpacity(Number(target.value)));
find("#every").addEventListener("change", ({ target }) => {
  player.everyFrame = target.checked;
  goTo(Number(find("#position").value));
});
find("#film").addEventListener("click", () => make(true));
find("#table").addEventListener("click", () => make(false));
find("#stop").addEventListener("click", () => {
  engine.stop();
  setMaking(false);
  find("#making").textContent = words.stopped;
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    find("#drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") chosen(event.dataTransfer.files[0]);
  });
}
