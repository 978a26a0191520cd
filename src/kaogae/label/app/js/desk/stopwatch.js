const RECENT = 3 * 60_000; // ms

/** How fast verdicts are given. */
export class Pace {
  /** @type {number[]} */
  #times = [];

  count() {
    this.#times.push(performance.now());
  }

  /** The last one is taken back. */
  discount() {
    this.#times.pop();
  }

  /**
   * Verdicts per minute over the last three.
   * @returns {number|null} null: too few
   */
  get value() {
    const now = performance.now();
    this.#times = this.#times.filter((time) => now - time < RECENT);
    if (this.#times.length < 3) return null;
    return (this.#times.length * 60_000) / Math.max(now - this.#times[0], 1000);
  }
}

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
