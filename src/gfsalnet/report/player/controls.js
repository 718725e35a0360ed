import { make, timeText } from "./elements.js";
import { VIEWS } from "./screen.js";
import { words } from "./words.js";

const [NEAR_SECONDS, FAR_SECONDS] = [0.02, 0.3]; // apart by less, two videos are left alone; by more, one jumps
const HURRY = 0.05; // between the two one plays faster or slower by this share

/** Buttons and sliders for one or two screens, which they keep together. */
export class Controls extends EventTarget {
  constructor(screens) {
    super();
    this.screens = screens;
    this.main = screens.reduce((longest, one) => (one.recording.duration > longest.recording.duration ? one : longest));
    const { duration } = this.main.recording;
    const hasGate = screens.some((screen) => screen.recording.hasGate);
    this.playButton = make("button", { type: "button", class: "play" }, words.play);
    this.time = make("output", { class: "time", "aria-hidden": "true" }, timeText(0));
    this.slider = make("input", {
      type: "range", class: "seek", min: 0, max: duration.toFixed(3), step: "any", value: 0,
      "aria-label": words.position,
    });
    this.views = make("div", { role: "group", "aria-label": words.view, class: "views" });
    for (const name of VIEWS) {
      if (name === "gate" && !hasGate) continue;
      const pressed = name === "overlay" ? "true" : "false";
      const { name: label, help } = words.views[name];
      const button = make("button", { type: "button", "data-view": name, "aria-pressed": pressed, title: help }, label);
      button.addEventListener("click", () => this.setView(name));
      this.views.append(button);
    }
    this.opacity = make("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0.7 });
    this.sound = make("button", { type: "button", class: "sound", "aria-pressed": "false" }, words.sound);
    this.element = make(
      "div", { class: "controls" },
      make("div", { class: "row" }, this.playButton, this.slider, this.time),
      make("div", { class: "row" }, this.views, make("label", {}, `${words.opacity} `, this.opacity), this.sound),
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
    const from = this.main.video.ended ? 0 : this.main.seconds;
    for (const screen of this.screens) {
      screen.load();
      if (screen !== this.main) {
        if (from > screen.recording.duration - FAR_SECONDS) continue; // a shorter one has ended
        screen.video.currentTime = from;
      }
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
    if (this.playing) this.keepInStep();
    this.dispatchEvent(new CustomEvent("frame", { detail }));
  }

  /** Two videos drift apart while they play: let the other one hurry or wait, or jump where it is far off. */
  keepInStep() {
    for (const { video, recording } of this.screens) {
      if (video === this.main.video || video.seeking || this.main.seconds > recording.duration - FAR_SECONDS) continue;
      const late = this.main.seconds - video.currentTime;
      if (Math.abs(late) > FAR_SECONDS) video.currentTime = this.main.seconds;
      video.playbackRate = Math.abs(late) > NEAR_SECONDS ? 1 + Math.sign(late) * HURRY : 1;
      if (video.paused) video.play().catch(() => null);
    }
  }

  showTime(seconds) {
    const { offset, duration } = this.main.recording;
    const text = words.of(timeText(seconds + offset), timeText(duration + offset));
    this.slider.value = seconds;
    this.slider.setAttribute("aria-valuetext", text);
    this.time.textContent = text;
  }

  showState() {
    this.playButton.textContent = this.playing ? words.pause : words.play;
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
    VIEWS.forEach((name, place) => {
      if (this.views.querySelector(`[data-view="${name}"]`)) actions[String(place + 1)] = () => this.setView(name);
    });
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}
