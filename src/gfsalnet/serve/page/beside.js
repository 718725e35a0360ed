// Two videos, or one as two models see it, side by side: one set of controls, one set of areas, curves on the same axes.
import { mountComparison } from "/page/player/player.js";
import { find, say } from "/page/server.js";
import { words } from "/page/words.js";

/** The part of the page in which two of the finished videos are chosen and shown. */
export class Beside {
  constructor(section) {
    this.section = section;
    this.videos = [];
    this.waiting = []; // pairs that are shown as soon as both are there
    [this.left, this.right] = [find("#left", section), find("#right", section)];
    find("form", section).addEventListener("submit", (event) => {
      event.preventDefault();
      this.show(this.chosen(this.left), this.chosen(this.right));
    });
    find(".close", section).addEventListener("click", () => {
      this.clear();
      this.left.focus();
    });
  }

  /** Let a video be chosen once it can be played. */
  watch(video) {
    video.addEventListener("playable", () => {
      this.videos.push(video);
      this.list();
      const pair = this.waiting.find((both) => both.every((one) => this.videos.includes(one)));
      if (!pair) return;
      this.waiting = this.waiting.filter((other) => other !== pair);
      this.show(...pair);
    });
    video.addEventListener("gone", () => {
      this.videos = this.videos.filter((other) => other !== video);
      if (this.shown?.includes(video)) this.clear();
      this.list();
    });
  }

  /** Show two videos as soon as both can be played. */
  expect(first, second) {
    this.waiting.push([first, second]);
  }

  chosen(select) {
    return this.videos[select.selectedIndex];
  }

  list() {
    this.section.hidden = this.videos.length < 2;
    if (this.section.hidden) return;
    const before = [this.left, this.right].map((select) => select.value);
    for (const [place, select] of [this.left, this.right].entries()) {
      select.replaceChildren(...this.videos.map(({ id, name, model }) => new Option(words.version(name, model), id)));
      const wanted = this.videos.find(({ id }) => id === before[place]) ?? this.videos[place];
      if (wanted) select.value = wanted.id;
    }
  }

  clear() {
    this.player?.pause();
    [this.player, this.shown] = [null, null];
    find(".stage", this.section).replaceChildren();
    find(".close", this.section).hidden = true;
  }

  async show(first, second) {
    this.clear();
    if (first === second) {
      say(words.same);
      return;
    }
    for (const [select, video] of [[this.left, first], [this.right, second]]) select.value = video.id;
    const found = await Promise.all([first.recording(), second.recording()]).catch(() => [null]);
    if (!found.every(Boolean)) {
      say(words.gone);
      return;
    }
    const titles = first.name === second.name ? [first.model, second.model] : [first.name, second.name];
    const [left, right] = found.map((recording, place) => ({ ...recording, title: titles[place] }));
    for (const video of [first, second]) video.toggle(false);
    this.shown = [first, second];
    this.player = mountComparison(find(".stage", this.section), left, right);
    find(".close", this.section).hidden = false;
    this.section.scrollIntoView();
    say(words.compared(...titles));
  }
}
