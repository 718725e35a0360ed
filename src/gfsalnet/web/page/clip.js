// A video file of this machine: its frames, in order, as the browser decodes them.
import { ALL_FORMATS, BlobSource, Input, UnsupportedInputFormatError, VideoSampleSink } from "./vendor/mediabunny.min.mjs";

/** What keeps a file from being read here; `reason` is a key of `words.refused`. */
export class RefusedError extends Error {
  constructor(reason, detail = "") {
    super(reason);
    Object.assign(this, { reason, detail });
  }
}

/** An open video. */
export class Clip {
  /**
   * @param {File} file
   * @returns {Promise<Clip>}
   * @throws {RefusedError} if the browser cannot decode it
   */
  static async open(file) {
    const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
    try {
      const track = await input.getPrimaryVideoTrack();
      if (track === null) throw new RefusedError("noVideo");
      if (!(await track.canDecode())) throw new RefusedError("codec", (await track.getCodecParameterString()) ?? "");
      const clip = new Clip();
      const [width, height] = [await track.getDisplayWidth(), await track.getDisplayHeight()];
      const first = await track.getFirstTimestamp();
      const seconds = (await track.computeDuration()) - first;
      const isStill = (await track.computePacketStats(2)).packetCount === 1;
      const { matrix } = await track.getColorSpace();
      return Object.assign(clip, { input, track, width, height, first, seconds, isStill, matrix });
    } catch (error) {
      input.dispose();
      if (error instanceof UnsupportedInputFormatError) throw new RefusedError("format");
      throw error instanceof RefusedError ? error : new RefusedError("damaged", error.message);
    }
  }

  /**
   * Frames from a second on, { sample, seconds }; the sample is closed when the next is asked for.
   * @throws {RefusedError} where the rest cannot be decoded
   */
  async *frames(from = 0) {
    const samples = new VideoSampleSink(this.track).samples(this.first + from);
    try {
      for (;;) {
        const { value: sample, done } = await samples.next().catch((error) => {
          throw new RefusedError("damaged", error.message);
        });
        if (done) return;
        try {
          yield { sample, seconds: Math.max(sample.timestamp - this.first, 0) };
        } finally {
          sample.close();
        }
      }
    } finally {
      await samples.return(); // which closes what was decoded ahead
    }
  }

  close() {
    this.input.dispose();
  }
}
