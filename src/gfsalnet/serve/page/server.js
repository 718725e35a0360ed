// What all parts of the page use: elements, sentences that are read out, and the server.
import { words } from "/page/words.js";

export const find = (selector, within = document) => within.querySelector(selector);

/** Show a sentence, which screen readers read out. */
export function say(text) {
  find("#said").textContent = text;
}

/** What an answer says went wrong. */
export function problemIn(text) {
  try {
    return JSON.parse(text).detail ?? words.gone;
  } catch {
    return words.gone; // not the server: something before it
  }
}

/** What the server answers, as JSON; asks for the token where it is needed. */
export async function ask(path, options = {}) {
  const answer = await fetch(path, options);
  if (answer.status === 401) askForToken();
  if (!answer.ok) throw new Error(problemIn(await answer.text()));
  return answer.status === 204 ? null : answer.json();
}

export function askForToken() {
  find("#login").hidden = false;
  find("#send").hidden = true;
}
