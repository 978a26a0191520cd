/** Brings what is on the page in line with what was built anew; and people's own words, kept from leaking. */
import { element } from "../element.js";

/**
 * Somebody's own words: whichever way they are written, the sentence around them stays as it is.
 *
 * @param {string} text
 */
export const own = (text) => element("bdi", {}, text);

/**
 * The same within a sentence that is text.
 *
 * @param {string} text
 */
export const isolated = (text) => `\u2068${text}\u2069`;

/**
 * Changes `old` into `built`, and leaves alone what is the same: focus, scrolling and choices stay.
 * Children with a `data-key` are known by it; what has `data-still` belongs to its user.
 *
 * @param {Node} old
 * @param {Node} built
 */
export function morph(old, built) {
  if (!(old instanceof HTMLElement) || !(built instanceof HTMLElement)) {
    if (!old.isEqualNode(built)) old.parentNode?.replaceChild(built, old);
    return;
  }
  if (old.dataset["still"] !== undefined && built.dataset["still"] !== undefined) return;
  attributes(old, built);
  children(old, built);
  if (old instanceof HTMLSelectElement && built instanceof HTMLSelectElement) old.value = built.value;
}

/**
 * @param {HTMLElement} old
 * @param {HTMLElement} built
 */
function attributes(old, built) {
  for (const { name } of [...old.attributes]) if (!built.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...built.attributes]) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.cssText !== built.style.cssText) old.style.cssText = built.style.cssText;
}

/**
 * @param {HTMLElement} old
 * @param {HTMLElement} built
 */
function children(old, built) {
  const keyed = new Map([...old.children].map((child) => [keyOf(child), child]));
  /** @type {ChildNode|null} */
  let next = old.firstChild;
  for (const child of [...built.childNodes]) {
    const key = keyOf(child);
    const same = key ? keyed.get(key) : next && !keyOf(next) && next.nodeName === child.nodeName && next;
    if (!same) {
      old.insertBefore(child, next);
      continue;
    }
    if (same === next) next = next.nextSibling;
    else old.insertBefore(same, next);
    morph(same, child);
  }
  while (next) {
    const gone = next;
    next = next.nextSibling;
    gone.remove();
  }
}

/** @param {Node} node */
function keyOf(node) {
  return (node instanceof HTMLElement && node.dataset["key"]) || null;
}
