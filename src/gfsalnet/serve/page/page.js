// The page: sends files, follows their jobs, shows what came out. Jobs are remembered by this browser alone.
import { words } from "/page/words.js";

const REMEMBERED = "gfsalnet-jobs";
const MADE_AT_FIRST = ["overlay", "csv"];
const find = (selector, within = document) => within.querySelector(selector);

for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];

const remembered = () => JSON.parse(localStorage.getItem(REMEMBERED) ?? "[]");
const remember = (ids) => localStorage.setItem(REMEMBERED, JSON.stringify(ids));

/** Show a sentence, which screen readers read out. */
function say(text) {
  find("#said").textContent = text;
}

async function ask(path, options = {}) {
  const answer = await fetch(path, options);
  if (answer.status === 401) find("#login").hidden = false;
  if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.statusText);
  return answer.status === 204 ? null : answer.json();
}

/** One video: its article in the page, from the moment it is sent. */
class Video {
  constructor(name) {
    this.article = find("#job").content.firstElementChild.cloneNode(true);
    find("h2", this.article).textContent = name;
    this.name = name;
    find(".remove", this.article).textContent = words.cancel;
    find(".remove", this.article).addEventListener("click", () => this.remove());
    find("#jobs").prepend(this.article);
  }

  send(file, fields) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", file, file.name);
    this.request = new XMLHttpRequest(); // fetch does not tell how much of an upload is done
    this.request.upload.addEventListener("progress", ({ loaded, total }) =>
      this.state(words.states.sending(Math.round((100 * loaded) / total)), loaded, total));
    this.request.addEventListener("error", () => this.fail(words.gone));
    this.request.addEventListener("load", () => {
      const said = JSON.parse(this.request.responseText);
      if (this.request.status === 401) find("#login").hidden = false;
      if (this.request.status !== 202) return this.fail(said.detail);
      remember([...remembered(), said.id]);
      this.follow(said);
    });
    this.request.open("POST", "/v1/jobs");
    this.request.send(form);
  }

  follow(job) {
    this.id = job.id;
    this.show(job);
    if (ended(job)) return;
    this.events = new EventSource(`/v1/jobs/${job.id}/events`);
    this.events.addEventListener("job", (event) => {
      const now = JSON.parse(event.data);
      this.show(now);
      if (ended(now)) this.events.close();
    });
  }

  show(job) {
    const { states } = words;
    if (job.preview && !job.files.length) this.preview(job.preview);
    if (job.state === "failed") return this.fail(words.failed(job.problem));
    if (job.state === "done") return this.finish(job);
    if (job.state === "cancelled") return this.state(states.cancelled);
    if (job.state === "queued") return this.state(states.queued);
    const { stage, frames_done: done, frames_total: total, seconds_left: left } = job;
    this.state(stage === "predicting" ? states.predicting(done, total, left) : states[stage] ?? states.queued, done, total);
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
    if (image.hidden) Object.assign(image, { src: url, alt: words.preview(this.name), hidden: false });
  }

  finish(job) {
    find(".state", this.article).textContent = job.problem ? words.partly(job.problem) : words.states.done;
    find("progress", this.article).hidden = true;
    find(".remove", this.article).textContent = words.remove;
    const overlay = job.files.find(({ name }) => /^overlay\./.test(name));
    const playable = overlay?.name.endsWith(".mp4");
    if (playable) {
      const video = find(".result", this.article);
      Object.assign(video, { src: overlay.url, hidden: false });
      video.setAttribute("aria-label", words.result(this.name));
    }
    const image = find(".preview", this.article);
    if (overlay && !playable) Object.assign(image, { src: overlay.url, alt: words.result(this.name), hidden: false });
    else image.hidden = true;
    const report = job.files.find(({ name }) => name === "report.html");
    find(".files", this.article).replaceChildren(
      ...(report ? [link(report.url, words.openReport, "first")] : []),
      ...job.files.filter((file) => file !== report).map((file) => link(file.url, `${file.name} (${size(file.bytes)})`)),
      link(job.zip, words.zip),
    );
    say(`${this.name}: ${find(".state", this.article).textContent}`);
  }

  fail(text) {
    this.article.classList.add("failed");
    find(".state", this.article).textContent = text;
    find("progress", this.article).hidden = true;
    find(".remove", this.article).textContent = words.remove;
    say(`${this.name}: ${text}`);
  }

  async remove() {
    this.request?.abort();
    this.events?.close();
    if (this.id) {
      await ask(`/v1/jobs/${this.id}`, { method: "DELETE" }).catch(() => null); // it may have expired
      remember(remembered().filter((id) => id !== this.id));
    }
    this.article.remove();
    find("#file").focus();
  }
}

const ended = ({ state }) => ["done", "failed", "cancelled"].includes(state);

function link(url, text, kind = "") {
  const item = document.createElement("li");
  const anchor = item.appendChild(document.createElement("a"));
  Object.assign(anchor, { href: url, textContent: text, className: kind });
  return item;
}

function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function sendAll(files) {
  const made = [...document.querySelectorAll("#save input:checked")].map((box) => box.value);
  const fields = { model: find("#model").value || "gfsalnet-mobile", save: made.join(",") || "overlay" };
  fields.report = String(find("#report").checked);
  for (const file of files) new Video(file.name).send(file, fields);
}

async function start() {
  const models = await ask("/v1/models");
  find("#login").hidden = true;
  for (const { name, ready } of models) {
    if (ready) find("#model").append(new Option(name, name));
  }
  for (const id of remembered()) {
    try {
      const job = await ask(`/v1/jobs/${id}`);
      new Video(job.name).follow(job);
    } catch {
      remember(remembered().filter((other) => other !== id)); // expired, or removed elsewhere
    }
  }
}

for (const [word, text] of Object.entries(words.made)) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", value: word });
  box.checked = MADE_AT_FIRST.includes(word);
  label.append(box, ` ${text}`);
  find("#save").append(label);
}

find("#file").addEventListener("change", ({ target }) => {
  sendAll(target.files);
  target.value = "";
});
const drop = find("#drop");
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") sendAll(event.dataTransfer.files);
  });
}
document.addEventListener("paste", ({ clipboardData }) => sendAll(clipboardData.files));
find("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify({ token: find("#token").value });
  try {
    await ask("/v1/session", { method: "POST", body, headers: { "content-type": "application/json" } });
    say("");
    await start();
  } catch {
    say(words.wrongToken);
  }
});

start().catch((error) => say(find("#login").hidden ? error.message : ""));
