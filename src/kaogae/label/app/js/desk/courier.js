/**
 * Carries votes to the service and brings items back: in order, one page at a time, again and again until the
 * service has answered. Works in pages and in the service worker.
 *
 * @typedef {import("../store.js").Store} Store
 * @typedef {import("./database.js").Queued} Queued
 */
import { ApiError, api } from "../api.js";
import { clock } from "./clock.js";
import { onPersonChange, remember, remembered } from "./person.js";

export const STOCK = 50;
const FEW = 25;
const BATCH = 50;
const POOL_MOST = 300;
const YEAR = 31_536_000_000;
const SLOWEST = 60_000;

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A random UUID (RFC 4122, version 4), also where there is no secure context. */
export function uuid() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/**
 * As the service takes them: how long ago each was cast, and an older one always longer ago.
 * @param {Queued[]} votes
 * @param {number} now
 */
function letter(votes, now) {
  let least = 0;
  return votes
    .map(({ id, item, verdict, took_ms, cast }) => ({ id, item, verdict, took_ms, ago_ms: now - cast }))
    .reverse()
    .map((vote) => {
      const ago_ms = Math.min(Math.max(vote.ago_ms, least), YEAR);
      least = ago_ms + 1;
      return { ...vote, ago_ms };
    })
    .reverse();
}

export class Courier extends EventTarget {
  /** Whether the service answered when it was last asked. */
  online = globalThis.navigator.onLine !== false;
  /** The service doesn't know this person any more: everything waits until they sign in again. */
  signedOut = false;
  /** The service had nothing more for this person when it was last asked. */
  exhausted = false;
  /**
   * An item that somebody looks at: it isn't taken away.
   * @type {() => number|null}
   */
  shown = () => null;
  #store;
  #campaign;
  #id = uuid();
  #woken = false;
  #running = false;
  #stopped = false;
  #asked = false;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /**
   * Campaigns that aren't this person's any more.
   * @type {Set<number>}
   */
  #aside = new Set();
  #leave;

  /**
   * Dispatches "change" when anything above or in the store has changed.
   * @param {Store} store
   * @param {number|null} campaign which one needs items; null: only votes are carried
   */
  constructor(store, campaign) {
    super();
    this.#store = store;
    this.#campaign = campaign;
    this.#leave = onPersonChange(() => this.wake());
  }

  stop() {
    this.#stopped = true;
    this.#leave();
    clearTimeout(this.#timer);
  }

  /** There may be something to do: now, and not when the next attempt would be due. */
  wake() {
    this.#woken = true;
    if (!this.#running && !this.#stopped) void this.#run();
  }

  /** Ask for items even if there are enough. */
  renew() {
    this.#asked = false;
    this.wake();
  }

  async #run() {
    this.#running = true;
    clearTimeout(this.#timer);
    while (this.#woken && !this.#stopped) {
      this.#woken = false;
      try {
        await this.once();
        this.#failures = 0;
      } catch (error) {
        this.#failed(error);
        break;
      }
    }
    this.#running = false;
    this.dispatchEvent(new Event("change"));
    if (!this.#stopped) this.#timer = setTimeout(() => this.wake(), this.#delay);
  }

  /** ms until the next attempt: it doubles, and no two phones keep step. */
  get #delay() {
    if (!this.#failures) return SLOWEST;
    return Math.min(SLOWEST, 1000 * 2 ** (this.#failures - 1)) * (0.75 + Math.random() / 2);
  }

  /** @param {unknown} error */
  #failed(error) {
    this.#failures += 1;
    if (error instanceof ApiError && error.passing) this.online = false;
    if (error instanceof ApiError && error.status === 401) {
      this.signedOut = true;
      void remembered().then((me) => (me?.name === this.#store.person ? remember(null) : me));
    }
  }

  /** Sends what waits and fetches what is needed. Rejects with the first thing that is in the way. */
  async once() {
    await this.#alone(async () => {
      const me = await remembered();
      this.signedOut = me !== null ? me.name !== this.#store.person : this.signedOut;
      if (this.signedOut) return;
      await this.#send();
      if (this.#campaign !== null) await this.#refill(this.#campaign);
    });
  }

  /** @param {() => Promise<void>} work while no other page does the same */
  async #alone(work) {
    const name = `kaogae:${this.#store.person}`;
    if (navigator.locks) {
      await navigator.locks.request(name, work);
      return;
    }
    while (!(await this.#store.lease(this.#id))) await pause(500 + 500 * Math.random());
    try {
      await work();
    } finally {
      await this.#store.release(this.#id);
    }
  }

  async #send() {
    let most = BATCH;
    for (;;) {
      if (!clock.sure) await this.#time();
      const batch = await this.#store.send(most, this.#aside, clock.now());
      if (!batch.length) return;
      try {
        await this.#deliver(batch);
        most = BATCH;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 403 || error.status === 404) this.#aside.add(batch[0].campaign);
        else if (error.status !== 413 && error.status !== 422) throw error;
        else if (batch.length > 1) most = 1; // one of them is in the way of the others
        else await this.#settle(batch, new Map([[batch[0].id, error.message]]), null);
      }
    }
  }

  /** What time it is there, before anything is said to have been so long ago. */
  async #time() {
    await api.health();
    await this.#store.note("drift", clock.drift);
  }

  /** @param {Queued[]} batch */
  async #deliver(batch) {
    const votes = letter(batch, clock.now());
    const answer = await api.votes(batch[0].campaign, votes);
    this.#answered();
    const reasons = new Map(answer.refused.map(({ id, reason }) => [id, reason]));
    const settled = new Set([...answer.accepted, ...reasons.keys()]);
    const done = batch.filter(({ id }) => settled.has(id));
    if (!done.length) throw new ApiError(500, "The service didn't say what became of the votes.");
    await this.#settle(done, reasons, answer.progress);
  }

  /**
   * @param {Queued[]} votes
   * @param {Map<string, string>} reasons
   * @param {import("../types.js").Progress|null} progress
   */
  async #settle(votes, reasons, progress) {
    await this.#store.settle(votes, reasons, progress, clock.now());
    this.dispatchEvent(new Event("change"));
  }

  /** @param {number} campaign */
  async #refill(campaign) {
    if (this.#aside.has(campaign)) return;
    const { pool } = await this.#store.view(campaign);
    const fresh = pool.filter((row) => !row.skipped).length;
    if (this.#asked && (fresh >= FEW || pool.length >= POOL_MOST)) return;
    const have = pool.map(({ item }) => item);
    const answer = await api.next(campaign, Math.max(0, STOCK - fresh), have);
    this.#answered();
    this.#asked = true;
    await this.#store.refill(campaign, have, answer, this.shown());
    this.exhausted = !answer.items.length;
    this.dispatchEvent(new Event("change"));
  }

  #answered() {
    this.online = true;
    this.#failures = 0;
  }
}
