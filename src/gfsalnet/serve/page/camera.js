// A short recording by the camera of whoever sits before the page, sent like any other video.
import { find } from "/page/server.js";
import { words } from "/page/words.js";

const LONGEST_SECONDS = 30;
const KINDS = ["video/webm;codecs=vp9", "video/webm", "video/mp4"];

/** Whether this browser records: not where the page came by plain HTTP from another machine. */
export const canRecord = () => Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

/** Records in a dialog, and gives `send` the file. */
export class Camera {
  constructor(dialog, send) {
    Object.assign(this, { dialog, send });
    this.button = find(".record", dialog);
    this.button.addEventListener("click", () => (this.recorder ? this.recorder.stop() : this.record()));
    find(".cancel", dialog).addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => this.end());
  }

  async open() {
    this.dialog.showModal();
    this.button.disabled = true;
    this.show(words.recording.asking);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
      if (!this.dialog.open) return stop(stream);
      this.stream = stream;
      const video = find("video", this.dialog);
      video.srcObject = stream;
      await video.play();
      this.button.disabled = false;
      this.button.focus();
      return this.show(words.recording.ready(LONGEST_SECONDS));
    } catch (error) {
      return this.show(words.recording[error.name] ?? words.recording.failed(error.message));
    }
  }

  record() {
    const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
    const pieces = [];
    this.recorder = new MediaRecorder(this.stream, { mimeType });
    this.recorder.addEventListener("dataavailable", ({ data }) => pieces.push(data));
    this.recorder.addEventListener("stop", () => {
      if (!this.dialog.open) return; // given up
      this.dialog.close();
      const [kind] = mimeType.split(";");
      this.send([new File(pieces, words.recording.file(new Date(), kind.split("/")[1]), { type: kind })]);
    });
    this.recorder.start();
    this.button.textContent = words.recording.stop;
    const began = performance.now();
    const tick = () => {
      const seconds = Math.floor((performance.now() - began) / 1000);
      this.show(words.recording.recording(seconds, LONGEST_SECONDS));
      if (seconds >= LONGEST_SECONDS) this.recorder.stop();
    };
    tick();
    this.ticking = setInterval(tick, 1000);
  }

  show(text) {
    find(".state", this.dialog).textContent = text;
  }

  end() {
    clearInterval(this.ticking);
    if (this.recorder?.state === "recording") this.recorder.stop();
    if (this.stream) stop(this.stream);
    find("video", this.dialog).srcObject = null;
    [this.recorder, this.stream] = [null, null];
    this.button.textContent = words.record;
    find("#camera").focus();
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
