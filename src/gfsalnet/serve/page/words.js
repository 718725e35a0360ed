// All that the page says, in one place, to be translated.
export const words = {
  skip: "Skip to sending a video",
  title: "Where do viewers look?",
  lead: "Send a video or a picture: GFSalNet draws over every frame where people who watch freely are expected to look. " +
    "It is a prediction by a program; nobody is measured.",
  token: "Token of this server",
  enter: "Enter",
  choose: "Choose videos or pictures",
  drop: "or drop them here, or paste one.",
  local: "Should the video stay on your machine? This page does it in the tab.",
  options: "Options",
  model: "Model",
  save: "Make",
  report: "A report to play: overlay, focus, gate and curves in step",
  made: {
    overlay: "Overlay video",
    gate: "Gate: where motion was trusted",
    focus: "Focus: what is not looked at fades",
    maps: "Maps, as pictures and numbers",
    csv: "Table of all frames",
  },
  states: {
    sending: (percent) => `Sending, ${percent} % …`,
    queued: "Waits for its turn.",
    looking: "Looking at the file …",
    predicting: (done, total, left) =>
      `Frame ${done}${total ? ` of ${total}` : ""}${left === null ? "" : `, ${clock(left)} left`}`,
    reporting: "Making the report …",
    done: "Done.",
    cancelled: "Cancelled.",
  },
  partly: (problem) => `Done as far as the file goes: ${problem}`,
  failed: (problem) => `Failed. ${problem}`,
  openReport: "Open the report",
  zip: "All results as one file (ZIP)",
  preview: (name) => `First frame of ${name} with its heat map`,
  result: (name) => `${name} with its heat map`,
  cancel: "Cancel",
  remove: "Remove",
  wrongToken: "That is not the token.",
  gone: "The server cannot be reached.",
};

/** Minutes and seconds, such as 1:05. */
function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
