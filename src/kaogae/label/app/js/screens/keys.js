/** The keyboard of the labelling screen. */

/** @typedef {import("./answers.js").Acts} Acts */

const KEPT = "kaogae.keys";

/** Whether single keys act: those who speak to their machine, or lean on it, can turn them off. */
export function keysOn() {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
}

/** @param {boolean} on */
export function setKeys(on) {
  try {
    localStorage.setItem(KEPT, on ? "on" : "off");
  } catch {
    // Nothing to keep it in.
  }
}

/**
 * What a key does, or nothing; keys that other things need (a focused button's Space, dialogs, Ctrl+R)
 * are theirs.
 * @param {KeyboardEvent} event
 * @param {Acts} acts
 * @param {import("../types.js").Answer[]} expressions in the order of the number keys
 */
export function pressed(event, acts, expressions) {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
  const act = event.ctrlKey || event.metaKey ? chord(event, acts) : single(event, acts, expressions);
  if (!act) return;
  event.preventDefault();
  if (!event.repeat) act();
}

/**
 * @param {KeyboardEvent} event
 * @param {Acts} acts
 */
function chord(event, acts) {
  return event.key.toLowerCase() === "z" && !event.shiftKey && !event.altKey ? acts.undo : null;
}

/**
 * @param {KeyboardEvent} event
 * @param {Acts} acts
 * @param {import("../types.js").Answer[]} expressions
 * @returns {(() => void)|null}
 */
function single(event, acts, expressions) {
  if (event.altKey || !keysOn()) return null;
  const on = /** @type {Element} */ (event.target);
  if (event.key === " ") return on.closest("button, a, input, select") ? null : () => acts.zoom();
  const answer = /^[1-6]$/.test(event.key) ? expressions[Number(event.key) - 1] : undefined;
  if (answer) return () => acts.vote(answer);
  /** @type {Object<string, () => void>} */
  const known = {
    ArrowRight: acts.keep,
    ArrowLeft: () => acts.vote("unusable"),
    ArrowUp: acts.skip,
    ArrowDown: acts.undo,
    Backspace: acts.undo,
    u: acts.undo,
    o: () => acts.vote("other"),
    z: () => acts.zoom(),
    "?": acts.help,
  };
  return known[event.key.length === 1 ? event.key.toLowerCase() : event.key] ?? null;
}
