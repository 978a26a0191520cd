/** A closer look at a face: two fingers, a double tap, the wheel or buttons; drag to move it. */
import { element, icon } from "../element.js";
import { watch } from "../gestures.js";
import { t } from "../i18n.js";

const MOST = 6;

/**
 * @param {string} small the picture that is there already
 * @param {string} large the same with more pixels
 * @param {number} [scale] to begin with
 */
export function zoom(small, large, scale = 1) {
  const face = element("img", { src: small, alt: t("label.face"), draggable: "false" });
  const stage = element("div", { class: "zoom-stage" }, face);
  /** @type {HTMLButtonElement} */
  const close = element("button", { class: "button square", type: "button", "aria-label": t("say.close"),
    onclick: () => dialog.close() }, icon("close"));
  const view = new View(stage, face, scale);
  const tool = (/** @type {string} */ name, /** @type {number} */ by, /** @type {string} */ drawing) =>
    element("button", { class: "button square", type: "button", "aria-label": t(name),
      onclick: () => view.by(by) }, icon(drawing));
  /** @type {HTMLDialogElement} */
  const dialog = element("dialog", { class: "zoom", "aria-label": t("zoom.title") }, stage,
    element("div", { class: "zoom-tools" },
      tool("zoom.out", 1 / 1.6, "minus"), tool("zoom.in", 1.6, "plus"), close));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("keydown", (event) => view.key(event));
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  const better = new Image();
  better.src = large;
  better.decode().then(() => (face.src = large), () => undefined);
}

class View {
  /**
   * @param {HTMLElement} stage
   * @param {HTMLElement} face
   * @param {number} scale
   */
  constructor(stage, face, scale) {
    this.stage = stage;
    this.face = face;
    this.scale = scale;
    this.x = 0;
    this.y = 0;
    this.from = { x: 0, y: 0 };
    this.tapped = -Infinity;
    watch(stage, {
      down: () => (this.from = { x: this.x, y: this.y }),
      move: ({ dx, dy }) => this.to(this.scale, this.from.x + dx, this.from.y + dy),
      tap: ({ x, y }) => this.tap(x, y),
      pinch: ({ scale: wider, x, y, dx, dy }) => {
        this.x += dx;
        this.y += dy;
        this.by(wider, x, y);
      },
    });
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.by(Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
    }, { passive: false });
    this.to(scale, 0, 0);
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  tap(x, y) {
    const now = performance.now();
    if (now - this.tapped < 320) this.scale > 1.2 ? this.to(1, 0, 0) : this.by(2.5, x, y);
    this.tapped = now;
  }

  /**
   * Larger or smaller around a point of the page; without one around the middle.
   * @param {number} by @param {number} [x] @param {number} [y]
   */
  by(by, x, y) {
    const box = this.stage.getBoundingClientRect();
    const scale = Math.min(MOST, Math.max(1, this.scale * by));
    const right = (x ?? box.left + box.width / 2) - box.left - box.width / 2 - this.x;
    const down = (y ?? box.top + box.height / 2) - box.top - box.height / 2 - this.y;
    const more = scale / this.scale - 1;
    this.to(scale, this.x - right * more, this.y - down * more);
  }

  /**
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  to(scale, x, y) {
    const room = (/** @type {number} */ side) => (side * (scale - 1)) / 2;
    const wide = room(this.stage.clientWidth);
    const high = room(this.stage.clientHeight);
    this.scale = scale;
    this.x = Math.min(wide, Math.max(-wide, x));
    this.y = Math.min(high, Math.max(-high, y));
    this.face.style.transform = `translate(${this.x}px, ${this.y}px) scale(${scale})`;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const step = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (step) this.to(this.scale, this.x + step[0] * 60, this.y + step[1] * 60);
    else if (event.key === "+" || event.key === "=") this.by(1.6);
    else if (event.key === "-") this.by(1 / 1.6);
    else if (/^z$/i.test(event.key)) /** @type {HTMLDialogElement} */ (this.stage.closest("dialog")).close();
    else return;
    event.preventDefault();
  }
}
