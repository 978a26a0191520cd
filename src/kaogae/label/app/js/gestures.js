/**
 * What fingers (or a mouse) do on an element, as plain numbers: tap, hold, drag with its speed, two fingers.
 *
 * @typedef {object} Drag
 * @property {number} x where the pointer is, in the page's pixels
 * @property {number} y
 * @property {number} dx how far it went
 * @property {number} dy
 * @property {number} vx pixels per millisecond, lately
 * @property {number} vy
 *
 * @typedef {object} Gestures
 * @property {(at: Drag) => void} [down]
 * @property {(at: Drag) => void} [move] only after it left the place where it began
 * @property {(at: Drag) => void} [up] after a move or a hold
 * @property {(at: Drag) => void} [tap]
 * @property {(at: Drag) => void} [hold]
 * @property {() => void} [cancel] what began is void
 * @property {(pair: {scale: number, x: number, y: number, dx: number, dy: number}) => void} [pinch]
 *   two fingers: how much wider than at the last report, around which point, and how far that point went
 */

const SLOP = 8;
const HOLD_MS = 380;
const LATELY_MS = 80;

/**
 * @param {HTMLElement} element its CSS must say `touch-action: none`
 * @param {Gestures} gestures
 */
export function watch(element, gestures) {
  new Watch(element, gestures);
}

class Watch {
  /**
   * @param {HTMLElement} element
   * @param {Gestures} gestures
   */
  constructor(element, gestures) {
    this.element = element;
    this.gestures = gestures;
    /** @type {Map<number, {x: number, y: number}>} */
    this.pointers = new Map();
    /** @type {"none"|"down"|"drag"|"held"|"pair"} */
    this.state = "none";
    /** @type {{x: number, y: number, at: number}[]} the first one is where it began */
    this.trail = [];
    this.timer = 0;
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    element.addEventListener("pointerup", (event) => this.up(event));
    element.addEventListener("pointercancel", (event) => this.cancel(event));
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("dragstart", (event) => event.preventDefault());
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    clearTimeout(this.timer);
    if (this.pointers.size > 1) {
      if (this.state !== "pair") this.gestures.cancel?.();
      this.state = "pair";
      return;
    }
    this.state = "down";
    this.trail = [{ x: event.clientX, y: event.clientY, at: event.timeStamp }];
    this.gestures.down?.(this.drag());
    if (this.gestures.hold) this.timer = window.setTimeout(() => this.held(), HOLD_MS);
  }

  held() {
    if (this.state !== "down") return;
    this.state = "held";
    this.gestures.hold?.(this.drag());
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.state === "pair") return this.pair(event, before);
    this.trail.push({ x: event.clientX, y: event.clientY, at: event.timeStamp });
    if (this.trail.length > 40) this.trail.splice(1, 20);
    const drag = this.drag();
    if (this.state === "down") {
      if (Math.hypot(drag.dx, drag.dy) < SLOP) return;
      clearTimeout(this.timer);
      this.state = "drag";
    }
    this.gestures.move?.(drag);
  }

  /**
   * @param {PointerEvent} event
   * @param {{x: number, y: number}} before
   */
  pair(event, before) {
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    const now = { x: event.clientX, y: event.clientY };
    this.pointers.set(event.pointerId, now);
    if (!other) return;
    const wide = Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
    this.gestures.pinch?.({
      scale: Math.hypot(now.x - other.x, now.y - other.y) / wide,
      x: (now.x + other.x) / 2,
      y: (now.y + other.y) / 2,
      dx: (now.x - before.x) / 2,
      dy: (now.y - before.y) / 2,
    });
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    clearTimeout(this.timer);
    const { state } = this;
    if (this.pointers.size) return;
    this.state = "none";
    if (state === "down") this.gestures.tap?.(this.drag());
    if (state !== "drag" && state !== "held") return;
    this.trail.push({ x: event.clientX, y: event.clientY, at: event.timeStamp });
    this.gestures.up?.(this.drag());
  }

  /** @param {PointerEvent} event */
  cancel(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    clearTimeout(this.timer);
    if (this.state !== "pair") this.gestures.cancel?.();
    if (!this.pointers.size) this.state = "none";
  }

  /** @returns {Drag} */
  drag() {
    const first = this.trail[0];
    const last = this.trail[this.trail.length - 1];
    const then = this.trail.find(({ at }) => last.at - at <= LATELY_MS) ?? last;
    const lately = Math.max(1, last.at - then.at);
    return {
      x: last.x,
      y: last.y,
      dx: last.x - first.x,
      dy: last.y - first.y,
      vx: (last.x - then.x) / lately,
      vy: (last.y - then.y) / lately,
    };
  }
}
