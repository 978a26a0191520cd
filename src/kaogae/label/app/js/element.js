/** Builds elements: text is never read as HTML, styles go through the CSSOM, as the policy wants. */
import { DRAWINGS } from "./screens/drawings.js";

/** @typedef {Node|string|number|false|null|undefined} Child */
/** @typedef {string|number|boolean|null|undefined|((event: any) => void)} Value */

/**
 * An element. `--name` among the attributes is a property of its style, `onclick` and the like a listener.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Object<string, Value>} [attributes] false and null: not there
 * @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) made.style.setProperty(name, String(value));
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === false || child === null || child === undefined) continue;
    made.append(child instanceof Node ? child : String(child));
  }
  return made;
}

/**
 * A small drawing beside a word; nobody is read its name.
 *
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  path.setAttribute("d", DRAWINGS[name] ?? "");
  svg.append(path);
  return svg;
}

/** The app's mark, as on the home screen. */
export function mark() {
  return element("img", { class: "mark", src: "/icon.svg", alt: "", width: 40, height: 40 });
}
