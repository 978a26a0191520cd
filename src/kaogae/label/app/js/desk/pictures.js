/**
 * The pictures of the items that wait, so that they can be judged without a network. In the Cache API, from where
 * the service worker takes them; on plain http, which has neither, in the browser's own cache, by having asked once.
 */
import { api } from "../api.js";

const PREFIX = "kaogae-pictures-";
const AT_ONCE = 4;
export const SIZE = 480;

/** @param {(name: string) => boolean} [which] */
export async function forgetPictures(which = () => true) {
  if (!("caches" in globalThis)) return;
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && which(name.slice(PREFIX.length))) await caches.delete(name);
  }
}

export class Pictures {
  /**
   * Items whose picture is here.
   * @type {Set<number>}
   */
  here = new Set();
  #name;
  #changed;
  /** @type {number[]} */
  #wanted = [];
  #running = false;
  #again = false;
  #stopped = false;

  /** @param {number} campaign @param {() => void} changed more of them are here */
  constructor(campaign, changed) {
    this.#name = PREFIX + campaign;
    this.#changed = changed;
  }

  /** What pictures there are is known for sure: the rest can't be shown without a network. */
  get certain() {
    return "caches" in globalThis;
  }

  /** Finds out which ones are here. */
  async look() {
    if (!this.certain) return;
    for (const request of await (await caches.open(this.#name)).keys()) {
      this.here.add(Number(/\/items\/(\d+)\//.exec(request.url)?.[1]));
    }
  }

  stop() {
    this.#stopped = true;
  }

  /**
   * Gets the pictures of `items`, the first ones first, and lets go of all others.
   * @param {number[]} items
   */
  async keep(items) {
    this.#wanted = items;
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        await this.#fetch(await this.#tidy());
      }
    } catch {
      // No network, or no room: tried again when the items change.
    } finally {
      this.#running = false;
    }
  }

  /** Deletes what isn't wanted; gives the cache. */
  async #tidy() {
    if (!this.certain) return null;
    const cache = await caches.open(this.#name);
    const wanted = new Map(this.#wanted.map((item) => [new URL(api.imageUrl(item, SIZE), location.origin).href, item]));
    const here = new Set();
    for (const request of await cache.keys()) {
      const item = wanted.get(request.url);
      if (item === undefined) await cache.delete(request);
      else here.add(item);
    }
    this.here = here;
    this.#changed();
    return cache;
  }

  /** @param {Cache|null} cache */
  async #fetch(cache) {
    const missing = this.#wanted.filter((item) => !this.here.has(item));
    const one = async () => {
      for (let item = missing.shift(); item !== undefined && !this.#stopped; item = missing.shift()) {
        const response = await fetch(api.imageUrl(item, SIZE));
        if (!response.ok) continue; // the service has none: nothing to wait for
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
