// All that the player says, in one place, to be translated.
export const words = {
  play: "Play",
  pause: "Pause",
  position: "Position",
  view: "View",
  opacity: "Opacity",
  sound: "Sound",
  of: (time, whole) => `${time} of ${whole}`,
  player: (titles) => `Player of ${titles.join(" and ")}`,
  ready: (title) => `${title}, ready`,
  picture: (title, view, time, noMotionYet) =>
    `${title}, ${view.toLowerCase()}, at ${time}${noMotionYet ? ", first frame of a shot: no motion yet" : ""}`,
  cannotPlay: "This browser cannot play the video: it needs H.264 in MP4.",
  views: {
    frame: { name: "Video", help: "the video alone" },
    overlay: { name: "Overlay", help: "where viewers look, in colours" },
    focus: { name: "Focus", help: "dimmed where viewers do not look" },
    gate: { name: "Gate", help: "where motion and where appearance was trusted" },
  },
  legends: {
    frame: ["the video alone"],
    overlay: ["even share of looks ", "32 times that"],
    focus: ["dimmed: an even share of looks or less"],
    gate: ["motion ", "appearance; bare where nobody looks, and on the first frame of a shot"],
  },
  curve: (name, mean, largest, unit) => `${name}: mean ${mean}, largest ${largest} ${unit}`,
  hotSpots: "Hot spots",
  hotSpotsOf: (title) => `Hot spots of ${title}`,
  spot: (share, time, best) => ` ${share} % of all looks${time ? `, most at ${time} (${best} %)` : ""}`,
  areas: {
    title: "Areas of interest",
    lead: "Draw on the picture: how much of the looks does each area get?",
    box: "Draw a box",
    polygon: "Draw a polygon",
    open: "Open a file of areas",
    save: "Save the areas",
    file: "areas.json",
    drawBox: "Drag a box on the picture. Escape gives up.",
    drawPolygon: "Click the corners on the picture; the first one again, or Enter, closes it. Escape gives up.",
    keys: "Arrow keys move it, with Shift by little; Delete removes it.",
    polygonKeys: "On a corner, + adds one and Delete removes it.",
    name: (number) => `Area ${number}`,
    nameOf: (name) => `Name of ${name}`,
    shape: (name, [left, top, right, bottom]) =>
      `${name}: from ${wholePercent(left)} to ${wholePercent(right)} of the width, ` +
      `${wholePercent(top)} to ${wholePercent(bottom)} of the height`,
    corner: (number, name, [x, y]) =>
      `Corner ${number} of ${name}: ${wholePercent(x)} of the width, ${wholePercent(y)} of the height`,
    curve: "Looks at the areas",
    unit: "% of the looks",
    noJson: "it is no JSON",
    columns: { name: "area", now: "looks now", mean: "mean", lift: "lift", area: "of the frame", peak: "most" },
    ofTitle: (column, title) => `${column}, ${title}`,
    help: "Lift is the mean divided by the area's share of the frame: 1 is what an " +
      "even spread would give.",
    measured: (name, mean, lift) => `${name} gets ${mean} of the looks, a lift of ${lift}.`,
    folds: (name) => `The sides of ${name} cross: move a corner.`,
    remove: (name) => `Remove ${name}`,
    peak: (share, time) => `${share} at ${time}`,
    keyframes: (name) => `${name} over time`,
    keyframe: "Keyframe here",
    unkeyframe: "Remove this keyframe",
    many: (count) => `${count} keyframes`,
    begins: "Begins here",
    ends: "Ends here",
    always: "Always there",
    shown: (from, to) => (to ? `There from ${from} to ${to}.` : `There from ${from} on.`),
    keyframesHelp: "A keyframe holds the area at this moment; between keyframes it moves along straight lines.",
    refused: (file, why) => `${file}: ${why}. Choose a JSON file of areas as gfsalnet aoi reads it.`,
    opened: (file, count) => `${count} ${count === 1 ? "area" : "areas"} of ${file}.`,
  },
};

function wholePercent(value) {
  return `${Math.round(100 * value)} %`;
}
