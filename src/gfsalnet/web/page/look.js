// Where viewers look in the frames of a clip, one after the other; nothing of a frame is kept.
import { Memory, Reading } from "./over_time.js";
import { FrameReader, fittedSize, picture, thumbnail, turned } from "./pixels.js";
import { ShotDetector, THUMB_COLUMNS, THUMB_ROWS } from "./shots.js";

/**
 * Every frame with its density, up to the moment of the frame itself.
 *
 * @param {import("./clip.js").Clip} clip
 * @param {import("./network.js").Network} network
 * @param {object} model the settings of the model: area, still, video, memory
 * @param {{from?: number, skip?: (seconds: number, duration: number) => boolean}} which from which second on, and which
 *   frames need no map; those have no part in the memory either
 * @yields {{sample, seconds, index, height, width, density, startsShot}} of upright frames; the sample is closed when
 *   the next frame is asked for
 */
export async function* look(clip, network, model, { from = 0, skip = () => false } = {}) {
  const reader = new FrameReader();
  const reading = new Reading(clip.isStill ? model.still : model.video);
  const [memory, shots] = [new Memory(model.memory), new ShotDetector()];
  const begin = Math.max(0, from - model.memory.reach_seconds); // what the memory holds at the first frame that counts
  let index = 0;
  for await (const { sample, seconds } of clip.frames(begin)) {
    if (seconds >= from && skip(seconds, sample.duration)) continue;
    const isFirst = begin === 0 && index === 0; // it may be a picture that stands still
    const { rgb, thumb, rows, columns, height, width } = await pictures(reader, sample, clip.matrix, model.area, !isFirst);
    const saliency = await network.saliency(rgb, rows, columns);
    const density = memory.push(seconds, reading.density(saliency, rows, columns));
    const startsShot = shots.isCut(thumb);
    if (seconds >= from) yield { sample, seconds, index, height, width, density, startsShot };
    index += 1;
  }
}

/** What the network and the detector of cuts see of a frame, and the size of the frame, upright. */
async function pictures(reader, sample, matrix, area, quickly) {
  const frame = sample.toVideoFrame();
  try {
    const stored = await reader.read(frame, matrix);
    const lies = sample.rotation % 180 !== 0;
    const [height, width] = lies ? [stored.width, stored.height] : [stored.height, stored.width];
    const [rows, columns] = fittedSize(height, width, area);
    const sizeStored = lies ? [columns, rows] : [rows, columns];
    const thumbStored = lies ? [THUMB_COLUMNS, THUMB_ROWS] : [THUMB_ROWS, THUMB_COLUMNS];
    const rgb = turned(picture(stored, ...sizeStored, quickly), ...sizeStored, sample.rotation);
    const thumb = turned(thumbnail(stored, ...thumbStored), ...thumbStored, sample.rotation);
    return { rgb, thumb, rows, columns, height, width };
  } finally {
    frame.close();
  }
}
