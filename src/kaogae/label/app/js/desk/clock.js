/**
 * What time it is on the service, as well as a phone can know. Phones' clocks are wrong and are set while the
 * app is open; monotonic clocks stand still while a phone sleeps. So: monotonic within a page, stepped
 * forward when the wall clock says that the phone slept, and corrected by the `Date` of every answer.
 */

const TOLERANCE = 2000; // ms: `Date` has whole seconds

export class Clock {
  /** What the service's clock is ahead of this device's, in ms: to be kept for the next start. */
  drift = 0;
  /** Whether an answer has confirmed the time since there was last reason to doubt it. */
  sure = false;
  #base = Date.now() - performance.now();
  #last = 0;

  /** Milliseconds since 1970. */
  now() {
    const slept = Date.now() + this.drift - (performance.now() + this.#base);
    if (slept > TOLERANCE) {
      this.#base += slept;
      this.sure = false;
    }
    return Math.floor(performance.now() + this.#base);
  }

  /** Now, but later than every stamp before it. */
  stamp() {
    this.#last = Math.max(this.now(), this.#last + 1);
    return this.#last;
  }

  /** @param {number} drift as an earlier page knew it */
  resume(drift) {
    if (this.sure) return;
    this.drift = drift;
    this.#base = Date.now() + drift - performance.now();
  }

  /**
   * @param {string|null} date the header of an answer that came from no cache
   * @param {number} took ms that the request took
   */
  heard(date, took) {
    const off = Date.parse(date ?? "") + 500 - this.now();
    if (Math.abs(off) > TOLERANCE + took) {
      this.#base += off;
      this.#last = 0;
    }
    this.drift = Math.round(performance.now() + this.#base - Date.now());
    this.sure = true;
  }
}

export const clock = new Clock();
