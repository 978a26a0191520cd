/** The expressions as a fan around the thumb: slide onto one and let go, or tap it. */
import { element, icon } from "../element.js";
import { t } from "../i18n.js";

/** @typedef {import("../types.js").Answer} Answer */

const RADIUS = 118;
const REACH = 46;
const EDGE = RADIUS + 38;

export class Fan {
  /**
   * @param {Answer[]} answers
   * @param {(answer: Answer) => void} onpick
   */
  constructor(answers, onpick) {
    this.answers = answers;
    this.onpick = onpick;
    /** @type {HTMLElement|null} whom the focus goes back to */
    this.before = null;
    this.middle = { x: 0, y: 0 };
    /** Whether a press began in it: letting go of the one that opened it is a click to the browser. */
    this.pressed = false;
    this.petals = answers.map((answer) => element("button",
      { class: "petal", type: "button", "data-fan": answer, "data-answer": answer,
        onclick: () => this.pick(answer) },
      icon(answer), element("span", {}, t(`answer.${answer}`))));
    this.root = element("div", { class: "fan", role: "group", "aria-label": t("label.fan.title"),
      hidden: true,
      onpointerdown: () => (this.pressed = true),
      onclick: (/** @type {Event} */ event) => event.target === this.root && this.pressed && this.close(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event) }, ...this.petals);
  }

  get open() {
    return !this.root.hidden;
  }

  /**
   * @param {number} x where the thumb is, in the page's pixels
   * @param {number} y
   */
  show(x, y) {
    this.before = /** @type {HTMLElement|null} */ (document.activeElement);
    const { clientWidth, clientHeight } = document.documentElement;
    this.middle = { x: between(EDGE, x, clientWidth - EDGE), y: between(EDGE, y, clientHeight - 48) };
    this.petals.forEach((petal, index) => {
      const { x: left, y: top } = this.spot(index);
      petal.style.left = `${left}px`;
      petal.style.top = `${top}px`;
      petal.classList.remove("near");
    });
    this.root.style.setProperty("--x", `${this.middle.x}px`);
    this.root.style.setProperty("--y", `${this.middle.y}px`);
    this.pressed = false;
    this.root.hidden = false;
  }

  focus() {
    this.petals[0].focus();
  }

  /**
   * @param {number} index
   * @returns {{x: number, y: number}}
   */
  spot(index) {
    const angle = Math.PI * (1.08 - (1.16 * index) / (this.answers.length - 1));
    return { x: this.middle.x + RADIUS * Math.cos(angle), y: this.middle.y - RADIUS * Math.sin(angle) };
  }

  /**
   * Which one the thumb is on.
   * @param {number} x
   * @param {number} y
   * @returns {Answer|null}
   */
  point(x, y) {
    const away = this.answers.map((_, index) => Math.hypot(this.spot(index).x - x, this.spot(index).y - y));
    const nearest = away.indexOf(Math.min(...away));
    const hit = away[nearest] <= REACH ? nearest : -1;
    this.petals.forEach((petal, index) => petal.classList.toggle("near", index === hit));
    return hit < 0 ? null : this.answers[hit];
  }

  /** @param {Answer} answer */
  pick(answer) {
    this.close();
    this.onpick(answer);
  }

  close() {
    if (!this.open) return;
    const inside = this.root.contains(document.activeElement);
    this.root.hidden = true;
    if (inside) this.before?.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const at = this.petals.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") this.close();
    else if (step && at >= 0) this.petals[(at + step + this.petals.length) % this.petals.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/**
 * @param {number} low
 * @param {number} value
 * @param {number} high
 */
function between(low, value, high) {
  return low > high ? (low + high) / 2 : Math.min(high, Math.max(low, value));
}
