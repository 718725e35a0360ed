/** What all parts of the player are made with: elements, and times as text. */

export const make = (tag, attributes = {}, ...children) => {
  const svg = ["svg", "path", "line", "text", "polygon", "polyline", "circle"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

export const timeText = (seconds) => {
  const tenths = Math.round(Math.max(0, seconds) * 10);
  const whole = Math.floor(tenths / 10);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}.${tenths % 10}`;
};

/** A share of 0 to 1 as text, such as `12.3 %`. */
export const percent = (share) => `${(100 * share).toFixed(1)} %`;
