// The worker, as the page sees it: wishes go in; what it says of the last of them comes out as events.

export class Engine extends EventTarget {
  /** @param {"wasm" | "webgpu"} provider what the network runs on @param {number} threads of the processor */
  constructor(provider, threads) {
    super();
    this.number = 0;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.hear(data));
    this.worker.addEventListener("error", ({ message }) => this.hear({ kind: "broken", detail: message }));
    this.worker.postMessage({ kind: "load", provider, threads });
  }

  hear({ kind, number, ...facts }) {
    if (number === undefined || number === this.number) {
      this.dispatchEvent(new CustomEvent(kind, { detail: facts }));
    } else {
      facts.bitmap?.close(); // of a wish that another has replaced
    }
  }

  /** Events: opened or refused. @param {File} file */
  open(file) {
    this.wish({ kind: "open", file });
  }

  /** Events: picture, to be answered by `shown`; ended or refused. */
  play(from, everyFrame) {
    this.wish({ kind: "play", from, everyFrame });
  }

  /** Events: made, done or refused. @param {boolean} film a film besides the table */
  make(film, opacity) {
    this.wish({ kind: "make", film, opacity });
  }

  wish(message) {
    this.number += 1;
    this.worker.postMessage({ ...message, number: this.number });
  }

  /** A picture was shown. @param {number | null} clock second of the video that should be shown now; null: it stands */
  shown(clock) {
    this.worker.postMessage({ kind: "shown", number: this.number, clock });
  }

  stop() {
    this.number += 1;
    this.worker.postMessage({ kind: "stop" });
  }
}
