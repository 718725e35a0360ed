// The page: takes videos, sends them, and gives each a card. Jobs are remembered by this browser alone.
import { Beside } from "/page/beside.js";
import { Camera, canRecord } from "/page/camera.js";
import { ask, find, say } from "/page/server.js";
import { Video, remember, remembered } from "/page/video.js";
import { words } from "/page/words.js";

const MADE_AT_FIRST = ["overlay", "csv"];
const DEFAULT_MODEL = "gfsalnet-mobile";

for (const element of document.querySelectorAll("[data-text]")) element.textContent = words[element.dataset.text];
for (const element of document.querySelectorAll("[data-label]")) {
  element.setAttribute("aria-label", words[element.dataset.label]);
}

const beside = new Beside(find("#beside"));
const camera = new Camera(find("#recorder"), sendAll);

function sent(file, model, fields) {
  const video = new Video(file.name, model);
  beside.watch(video);
  video.send(file, { ...fields, model });
  return video;
}

function sendAll(files) {
  const made = [...document.querySelectorAll("#save input:checked")].map((box) => box.value);
  const [model, second] = [find("#model").value || DEFAULT_MODEL, find("#second").value];
  const fields = { save: made.join(",") || "overlay", report: String(find("#report").checked) };
  for (const file of files) {
    const video = sent(file, model, fields);
    if (second && second !== model) beside.expect(video, sent(file, second, { ...fields, report: "true" }));
  }
}

async function start() {
  const models = await ask("/v1/models");
  find("#login").hidden = true;
  find("#send").hidden = false;
  find("#second").replaceChildren(new Option(words.none, ""));
  find("#model").replaceChildren();
  for (const { name, ready } of models) {
    if (ready) for (const id of ["#model", "#second"]) find(id).append(new Option(name, name));
  }
  for (const id of remembered()) {
    try {
      const job = await ask(`/v1/jobs/${id}`);
      const video = new Video(job.name, job.options.model ?? DEFAULT_MODEL);
      beside.watch(video);
      video.follow(job);
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

for (const [title, text] of words.benefits) {
  const item = document.createElement("div");
  item.append(Object.assign(document.createElement("h2"), { textContent: title }));
  item.append(Object.assign(document.createElement("p"), { textContent: text }));
  find("#what").append(item);
}

find("#choose").addEventListener("click", () => find("#file").click());
find("#file").addEventListener("change", ({ target }) => {
  sendAll(target.files);
  target.value = "";
});
find("#camera").hidden = !canRecord();
find("#camera").addEventListener("click", () => camera.open());
find("#example").addEventListener("click", async () => {
  const answer = await fetch("/page/example.mp4").catch(() => null);
  if (answer?.ok) sendAll([new File([await answer.blob()], words.exampleFile, { type: "video/mp4" })]);
  else say(words.gone);
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
