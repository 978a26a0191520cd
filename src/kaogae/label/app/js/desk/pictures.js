/**
 * The pictures of the items that wait, so that they can be judged without a network. In the Cache API, from
 * where the service worker takes them; on plain http, which has neither, in the browser's own cache.
 */
import { api } from "../api.js";

const PREFIX = "kaogae-pictures-";
const AT_ONCE = 4;
export const SIZE = 480;

/** All of everybody: somebody else is signed in, or there is no room. */
export async function forgetPictures() {
  if (!("caches" in globalThis)) return;
  for (const name of await caches.keys()) if (name.startsWith(PREFIX)) await caches.delete(name);
}

/**
 * The reminders of what expressions look like.
 * @param {string[]} answers
 */
export async function keepExamples(answers) {
  try {
    const cache = await caches.open("kaogae-examples");
    for (const expression of answers.slice(0, 5)) {
      if (!(await cache.match(api.exampleUrl(expression)))) await cache.add(api.exampleUrl(expression));
    }
  } catch {
    // No network, or no such cache: they can be missed.
  }
}

/** @param {Request} request */
const itemOf = (request) => Number(/\/items\/(\d+)\//.exec(request.url)?.[1]);

export class Pictures {
  /** Whether `here` says for sure what can be shown without a network. */
  certain = "caches" in globalThis;
  /**
   * Items whose picture is here.
   * @type {Set<number>}
   */
  here = new Set();
  /**
   * Items that have none.
   * @type {Set<number>}
   */
  #none = new Set();
  #name;
  #changed;
  /** @type {Set<number>} */
  #wanted = new Set();
  #running = false;
  #again = false;
  #stopped = false;

  /**
   * @param {number} campaign
   * @param {() => void} changed more of them are here
   */
  constructor(campaign, changed) {
    this.#name = PREFIX + campaign;
    this.#changed = changed;
  }

  /** Finds out which ones are here. */
  async look() {
    if (!this.certain) return;
    try {
      const cache = await caches.open(this.#name);
      this.here = new Set((await cache.keys()).map(itemOf));
    } catch {
      this.certain = false; // a private window
    }
  }

  /** Makes room. */
  async drop() {
    this.here.clear();
    await forgetPictures().catch(() => undefined);
  }

  stop() {
    this.#stopped = true;
  }

  /**
   * Lets go of all pictures but those of `items`, and fetches the missing ones, the first ones first.
   * @param {number[]} items
   * @param {boolean} online
   */
  async keep(items, online) {
    this.#wanted = new Set(items);
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        const cache = this.certain ? await caches.open(this.#name) : null;
        await this.#tidy(cache);
        if (online) await this.#fetch(cache);
      }
    } catch {
      // No network, or no room: tried again when something changes.
    } finally {
      this.#running = false;
    }
  }

  /** @param {Cache|null} cache */
  async #tidy(cache) {
    for (const item of this.here) {
      if (this.#wanted.has(item)) continue;
      this.here.delete(item);
      await cache?.delete(api.imageUrl(item, SIZE));
    }
  }

  /** @param {Cache|null} cache */
  async #fetch(cache) {
    const missing = [...this.#wanted].filter((item) => !this.here.has(item) && !this.#none.has(item));
    const one = async () => {
      for (let item = missing.shift(); item !== undefined && !this.#stopped; item = missing.shift()) {
        const response = await fetch(api.imageUrl(item, SIZE));
        if (response.status === 404) this.#none.add(item);
        if (!response.ok) continue;
        if (cache) await cache.put(api.imageUrl(item, SIZE), response);
        else await response.arrayBuffer();
        this.here.add(item);
        this.#changed();
        if (this.#again) return;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  }
}
