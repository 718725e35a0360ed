/** Recordings as they lie in a page, and what is read from them. */

import { Densities } from "./areas.js";

/**
 * A recording of a page that `gfsalnet report` wrote, with that page, in which its video and maps lie.
 *
 * page: the document itself, or one that DOMParser made of the text of a report.
 */
export const recordingIn = (page, id) => ({ ...JSON.parse(page.getElementById(id).textContent), page });

/** Every recording of a page. */
const recordingsIn = (page) =>
  [...page.querySelectorAll("[data-recording]")].flatMap((section) =>
    section.dataset.recording.split(",").map((id) => recordingIn(page, id)),
  );

/** The same, of the text of a report; its style is left out, which the policy of another page would complain of. */
export const recordingsOf = (text) =>
  recordingsIn(new DOMParser().parseFromString(text.replace(/<style>.*?<\/style>/s, ""), "text/html"));

/** Whether nothing moves: all are pictures. */
export const isStill = (recordings) => recordings.every(({ times }) => times.length === 1);

const bytesOf = (recording, { base64Of }) => {
  const text = atob(recording.page.getElementById(base64Of).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let place = 0; place < text.length; place += 1) bytes[place] = text.charCodeAt(place);
  return bytes;
};

/** Where the video of a recording is: one that lies in the page as base64 gets an object URL. */
export const videoUrl = (recording) => {
  if (typeof recording.video === "string") return recording.video;
  return URL.createObjectURL(new Blob([bytesOf(recording, recording.video)], { type: "video/mp4" }));
};

/** 256 colours of a string of hexadecimal RGB, as bytes. */
export const colourBytes = (hex) =>
  Uint8Array.from({ length: hex.length / 2 }, (_, place) => parseInt(hex.substr(2 * place, 2), 16));

/** The position of the last of the rising numbers that is not after `value`. */
export const lastBefore = (numbers, value) => {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (numbers[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
};

/** The densities of a recording, or null where it brings none; a promise. */
export const densitiesOf = async (recording) => {
  if (!recording.maps || !("DecompressionStream" in window)) return null;
  const { size, times } = recording.maps;
  const packed = new Blob([bytesOf(recording, recording.maps)]).stream();
  const unpacked = packed.pipeThrough(new DecompressionStream("deflate"));
  const levels = new Uint8Array(await new Response(unpacked).arrayBuffer());
  const cells = size[0] * size[1];
  // What is stored is the difference to the map before, modulo 256, as bytes add.
  for (let place = cells; place < levels.length; place += 1) levels[place] += levels[place - cells];
  return new Densities(levels, size, times ?? recording.times, recording.duration);
};
