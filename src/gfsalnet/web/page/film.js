// The clip with its heat maps as an MP4, encoded by the browser; sound is copied as it is.
import {
  BufferTarget, CanvasSource, EncodedAudioPacketSource, EncodedPacketSink, getFirstEncodableVideoCodec, Mp4OutputFormat,
  Output, QUALITY_HIGH, StreamTarget,
} from "./vendor/mediabunny.min.mjs";
import { RefusedError } from "./clip.js";
import { HeatMap, levels } from "./drawing.js";

const CODECS = ["avc", "vp9", "av1"];
const PREFIX = "gfsalnet-film-";
const DAY_MILLISECONDS = 86400e3;

export class Film {
  /**
   * @param {import("./clip.js").Clip} clip
   * @param {object} look colours, opaqueFrom, fullColour
   * @param {number} opacity 0 to 1
   * @throws {RefusedError} if the browser encodes no video of this size
   */
  static async of(clip, look, opacity) {
    const film = new Film();
    const [width, height] = [clip.width + (clip.width % 2), clip.height + (clip.height % 2)]; // H.264 wants even sides
    const codec = await getFirstEncodableVideoCodec(CODECS, { width, height });
    if (codec === null) throw new RefusedError("encoder");
    const canvas = new OffscreenCanvas(width, height);
    const storage = await newStorage();
    const output = new Output({ format: new Mp4OutputFormat({ fastStart: false }), target: storage.target });
    const video = new CanvasSource(canvas, { codec, bitrate: QUALITY_HIGH });
    output.addVideoTrack(video);
    const sound = await Sound.of(clip, output);
    await output.start();
    const heatMap = new HeatMap(look);
    return Object.assign(film, { canvas, storage, output, video, sound, heatMap, look, opacity });
  }

  /** Add a frame of `look`. */
  async add({ sample, seconds, density }) {
    const context = this.canvas.getContext("2d", { alpha: false });
    sample.draw(context, 0, 0, this.canvas.width, this.canvas.height);
    this.heatMap.draw(context, levels(density, this.look.fullColour), density.width, this.opacity);
    await this.video.add(seconds, sample.duration);
    await this.sound?.copyUntil(seconds);
  }

  /** @returns {Promise<Blob>} the file, which lies in the browser's own storage where that can be had */
  async finish() {
    await this.sound?.copyUntil(Infinity);
    await this.output.finalize();
    return this.storage.file();
  }

  async cancel() {
    await this.output.cancel();
    await this.storage.discard();
  }
}

/** The sound of a clip on its way into a film. */
class Sound {
  static async of(clip, output) {
    const track = await clip.input.getPrimaryAudioTrack();
    const codec = await track?.getCodec();
    if (!codec || !output.format.getSupportedAudioCodecs().includes(codec)) return null;
    const sound = new Sound();
    const source = new EncodedAudioPacketSource(codec);
    output.addAudioTrack(source);
    const decoderConfig = await track.getDecoderConfig();
    const packets = new EncodedPacketSink(track).packets();
    return Object.assign(sound, { source, decoderConfig, packets, first: clip.first, next: null, ended: false });
  }

  async copyUntil(seconds) {
    while (!this.ended) {
      this.next ??= (await this.packets.next()).value ?? null;
      this.ended = this.next === null;
      if (this.ended || this.next.timestamp - this.first > seconds) return;
      const packet = this.next.clone({ timestamp: this.next.timestamp - this.first });
      if (packet.timestamp >= 0) await this.source.add(packet, { decoderConfig: this.decoderConfig });
      this.next = null;
    }
  }
}

/** Where the bytes of a film go: a file of the browser's own, which keeps memory flat; in memory where there is none. */
async function newStorage() {
  try {
    const folder = await navigator.storage.getDirectory();
    await removeOldFilms(folder);
    const name = `${PREFIX}${crypto.randomUUID()}.mp4`;
    const entry = await folder.getFileHandle(name, { create: true });
    const handle = await entry.createSyncAccessHandle();
    const writable = new WritableStream({
      write: ({ data, position }) => void handle.write(data, { at: position }),
      close: () => handle.close(),
      abort: () => handle.close(),
    });
    const discard = () => folder.removeEntry(name).catch(() => null);
    return { target: new StreamTarget(writable, { chunked: true }), file: () => entry.getFile(), discard };
  } catch {
    const target = new BufferTarget();
    return { target, file: async () => new Blob([target.buffer], { type: "video/mp4" }), discard: async () => null };
  }
}

async function removeOldFilms(folder) {
  for await (const [name, entry] of folder.entries()) {
    if (!name.startsWith(PREFIX)) continue;
    const { lastModified } = await entry.getFile();
    if (Date.now() - lastModified > DAY_MILLISECONDS) await folder.removeEntry(name).catch(() => null);
  }
}
