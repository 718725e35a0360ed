// One video: its card in the page, from the moment it is sent until it is removed.
import { mountPlayer, recordingsOf } from "/page/player/player.js";
import { ask, askForToken, find, problemIn, say } from "/page/server.js";
import { words } from "/page/words.js";

const REMEMBERED = "gfsalnet-jobs";
const LARGEST_BYTES = 60e6; // of a report that is shown without being asked for

/** The ids of the jobs of this browser; none where it keeps nothing for pages. */
export function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]");
  } catch {
    return [];
  }
}

export function remember(ids) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify(ids));
  } catch {
    // As above: what was sent is shown until the page is closed.
  }
}

const ended = ({ state }) => ["done", "failed", "cancelled"].includes(state);

/** Events: `playable` (it has a recording), `gone` (it is removed). */
export class Video extends EventTarget {
  constructor(name, model) {
    super();
    Object.assign(this, { name, model });
    this.article = find("#job").content.firstElementChild.cloneNode(true);
    const title = find("h2", this.article);
    title.textContent = name;
    title.id = `video-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
    this.article.setAttribute("aria-labelledby", title.id);
    find(".with", this.article).textContent = words.with(model);
    find("summary", this.article).textContent = words.files;
    find(".remove", this.article).textContent = words.cancel;
    find(".remove", this.article).addEventListener("click", () => this.remove());
    find(".show", this.article).addEventListener("click", () => this.toggle());
    find("#jobs").prepend(this.article);
    find("#what").hidden = true;
  }

  send(file, fields) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", file, file.name);
    this.isFresh = true; // so what comes of it is said
    this.article.scrollIntoView({ block: "nearest" });
    this.request = new XMLHttpRequest(); // fetch does not tell how much of an upload is done
    this.request.upload.addEventListener("progress", ({ loaded, total }) =>
      this.state(words.states.sending(Math.round((100 * loaded) / total)), loaded, total));
    this.request.addEventListener("error", () => this.fail(words.gone));
    this.request.addEventListener("load", () => {
      if (this.request.status === 401) askForToken();
      if (this.request.status !== 202) return this.fail(problemIn(this.request.responseText));
      const job = JSON.parse(this.request.responseText);
      remember([...remembered(), job.id]);
      return this.follow(job);
    });
    this.state(words.states.sending(0));
    say(`${this.name}: ${words.states.sending(0)}`);
    this.request.open("POST", "/v1/jobs");
    this.request.send(form);
  }

  follow(job) {
    this.id = job.id;
    this.show(job);
    if (ended(job)) return;
    this.isFresh = true;
    this.events = new EventSource(`/v1/jobs/${job.id}/events`);
    this.events.addEventListener("job", (event) => {
      const now = JSON.parse(event.data);
      this.show(now);
      if (ended(now)) this.events.close();
    });
  }

  show(job) {
    const { states } = words;
    if (job.preview) this.preview(job.preview);
    if (job.state === "failed") return this.fail(words.failed(job.problem));
    if (job.state === "done") return this.finish(job);
    if (job.state === "cancelled") return this.end(states.cancelled);
    if (job.state === "queued") return this.state(states.queued);
    const { stage, frames_done: done, frames_total: total, seconds_left: left } = job;
    const text = stage === "predicting" ? states.predicting(done, total, left) : states[stage] ?? states.queued;
    return this.state(text, done, total);
  }

  state(text, done = null, total = null) {
    find(".state", this.article).textContent = text;
    const bar = find("progress", this.article);
    bar.hidden = false;
    if (total) [bar.max, bar.value] = [total, done];
    else bar.removeAttribute("value");
    bar.setAttribute("aria-label", `${this.name}: ${text}`);
  }

  preview(url) {
    const image = find(".preview", this.article);
    if (image.src) return;
    Object.assign(image, { src: url, alt: words.preview(this.name), hidden: false });
    if (this.isFresh) say(words.first(this.name));
  }

  /** Show that the work is over, with these words. */
  end(text) {
    find(".state", this.article).textContent = text;
    find("progress", this.article).hidden = true;
    find(".remove", this.article).textContent = words.remove;
    find(".remove", this.article).setAttribute("aria-label", words.removeOf(this.name));
    if (this.isFresh) say(`${this.name}: ${text}`);
  }

  fail(text) {
    this.article.classList.add("failed");
    this.end(text);
  }

  finish(job) {
    this.article.classList.add("done");
    this.end(job.problem ? words.partly(job.problem) : words.states.done);
    this.list(job);
    this.overlay = job.files.find(({ name }) => /^overlay\./.test(name));
    this.report = job.files.find(({ name }) => name === "report.html");
    if (!this.report) {
      this.showOverlay();
      return;
    }
    this.toggle(Boolean(this.isFresh) && this.report.bytes < LARGEST_BYTES);
    this.dispatchEvent(new Event("playable"));
  }

  list(job) {
    const zip = find(".zip", this.article);
    Object.assign(zip, { href: job.zip, textContent: words.zip, hidden: false });
    const items = job.files.map(({ name, url, bytes }) => {
      const item = document.createElement("li");
      const text = name === "report.html" ? words.openReport(size(bytes)) : `${name} (${size(bytes)})`;
      item.append(Object.assign(document.createElement("a"), { href: url, textContent: text }));
      return item;
    });
    find(".files", this.article).hidden = false;
    find(".files ul", this.article).replaceChildren(...items);
  }

  showOverlay() {
    if (!this.overlay) return;
    const image = find(".preview", this.article);
    if (!this.overlay.name.endsWith(".mp4")) {
      Object.assign(image, { src: this.overlay.url, alt: words.result(this.name), hidden: false });
      return;
    }
    image.hidden = true;
    const video = find(".result", this.article);
    Object.assign(video, { src: this.overlay.url, hidden: false });
    video.setAttribute("aria-label", words.result(this.name));
  }

  /** The recording of its report, fetched once; null where the report has none. */
  recording() {
    this.fetched ??= fetch(this.report.url)
      .then((answer) => answer.text())
      .then((text) => recordingsOf(text)[0] ?? null);
    return this.fetched;
  }

  /** Show the player, or the picture alone. */
  async toggle(open = find(".stage", this.article).hidden) {
    const [stage, button] = [find(".stage", this.article), find(".show", this.article)];
    Object.assign(button, { hidden: false, textContent: open ? words.hide : words.look });
    button.classList.toggle("quiet", open);
    button.setAttribute("aria-expanded", String(open));
    const recording = open ? await this.recording().catch(() => null) : null;
    stage.hidden = !open;
    if (open && !recording) {
      button.hidden = true;
      this.showOverlay();
      return;
    }
    find(".preview", this.article).hidden = open;
    if (open) this.player ??= mountPlayer(stage, recording);
    else this.player?.pause();
  }

  async remove() {
    this.request?.abort();
    this.events?.close();
    if (this.id) {
      await ask(`/v1/jobs/${this.id}`, { method: "DELETE" }).catch(() => null); // it may have expired
      remember(remembered().filter((id) => id !== this.id));
    }
    this.player?.pause();
    this.article.remove();
    this.dispatchEvent(new Event("gone"));
    find("#what").hidden = Boolean(find("#jobs article"));
    find("#choose").focus();
    say(words.removed(this.name));
  }
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
