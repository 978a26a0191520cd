/** How long an item has been looked at: while nobody sees the page, time stands still. */
export class Stopwatch {
  /** @type {number|null} */
  #item = null;
  #seen = 0;
  /** @type {number|null} */
  #since = null;

  /** @param {number|null} item what is shown; the same again changes nothing */
  start(item) {
    if (item === this.#item) return;
    this.#item = item;
    this.#seen = 0;
    this.#since = this.#visible ? performance.now() : null;
  }

  /** The page was shown or hidden. */
  look() {
    this.#seen = this.read();
    this.#since = this.#visible ? performance.now() : null;
  }

  /** Milliseconds; a day at most. */
  read() {
    const running = this.#since === null ? 0 : performance.now() - this.#since;
    return Math.min(Math.round(this.#seen + running), 86_400_000);
  }

  get #visible() {
    return document.visibilityState === "visible";
  }
}
