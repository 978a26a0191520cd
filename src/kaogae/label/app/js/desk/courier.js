/**
 * Carries votes to the service and brings items back: in order, one page at a time, again and again until the
 * service has answered. Works in pages and in the service worker.
 *
 * @typedef {import("../store.js").Store} Store
 * @typedef {import("./database.js").Queued} Queued
 */
import { ApiError, api } from "../api.js";
import { uuid } from "../uuid.js";
import { clock } from "./clock.js";
import { onPersonChange, remember, remembered } from "./person.js";

export const STOCK = 50;
const FEW = 25;
const BATCH = 50;
const POOL_MOST = 300;
const YEAR = 31_536_000_000;
const SLOWEST = 60_000; // ms
const LEASE_RENEWAL = 1500; // ms
const RENEWAL = 30 * 60_000; // ms: so that what waits here isn't given to others

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * As the service takes them: how long ago each was cast. The others in the batch change nothing about one,
 * lest it be dated before an earlier one on its item.
 * @param {Queued[]} votes
 * @param {number} now
 */
const letter = (votes, now) =>
  votes.map(({ id, item, verdict, took_ms, cast }) => {
    return { id, item, verdict, took_ms, ago_ms: Math.min(Math.max(0, now - cast), YEAR) };
  });

export class Courier extends EventTarget {
  /** Whether the service answered when it was last asked. */
  online = globalThis.navigator.onLine !== false;
  /** The service doesn't know this person any more: everything waits until they sign in again. */
  signedOut = false;
  /** The service had nothing more for this person when it was last asked. */
  exhausted = false;
  /** The campaign takes no more votes, or isn't this person's any more. */
  closed = false;
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
  #asked = -Infinity;
  #failures = 0;
  #rest = 0;
  #drift = 0;
  /** @type {Promise<void>} */
  #run = Promise.resolve();
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
    this.#leave = onPersonChange(() => this.wake(), true);
  }

  /** Resolves when what is under way has ended. */
  stop() {
    this.#stopped = true;
    this.#leave();
    clearTimeout(this.#timer);
    return this.#run;
  }

  /** There is something to do; if the last attempt failed, when the next one is due. */
  nudge() {
    if (!this.#failures) this.wake();
  }

  /** Now is a good moment. */
  wake() {
    this.#woken = true;
    if (!this.#running && !this.#stopped) this.#run = this.#work();
  }

  async #work() {
    this.#running = true;
    clearTimeout(this.#timer);
    while (this.#woken && !this.#stopped) {
      this.#woken = false;
      try {
        await this.once();
        this.#failures = 0;
      } catch (error) {
        await this.#failed(error);
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
    const doubled = Math.min(SLOWEST, 1000 * 2 ** (this.#failures - 1)) * (0.75 + Math.random() / 2);
    return Math.max(doubled, this.#rest);
  }

  /** @param {unknown} error */
  async #failed(error) {
    this.#failures += 1;
    if (!(error instanceof ApiError)) return;
    this.#rest = error.after * 1000;
    this.online = !error.passing;
    if (error.status === 401) {
      this.signedOut = true;
      const me = await remembered().catch(() => null);
      if (me?.key === this.#store.person) await remember(null);
    }
    if (error.status === 409) this.signedOut = true; // somebody else is signed in by now
  }

  /** Sends what waits and fetches what is needed. Rejects with the first thing that is in the way. */
  async once() {
    await this.#alone(async () => {
      if (this.#stopped) return;
      const me = await remembered();
      this.signedOut = me !== null ? me.key !== this.#store.person : this.signedOut;
      if (this.signedOut) return;
      await this.#send();
      if (this.#campaign !== null) await this.#refill(this.#campaign);
      if (Math.abs(clock.drift - this.#drift) > 1000) {
        this.#drift = clock.drift;
        await this.#store.note("drift", clock.drift);
      }
    });
  }

  /** @param {() => Promise<void>} work while no other page does the same */
  async #alone(work) {
    const name = `kaogae:${this.#store.person}`;
    if (navigator.locks) {
      await navigator.locks.request(name, work);
      return;
    }
    while (!this.#stopped && !(await this.#store.lease(this.#id))) await pause(500 + 500 * Math.random());
    const renewal = setInterval(() => this.#store.lease(this.#id).catch(() => undefined), LEASE_RENEWAL);
    try {
      await work();
    } finally {
      clearInterval(renewal);
      await this.#store.release(this.#id);
    }
  }

  async #send() {
    let most = BATCH;
    for (;;) {
      if (this.#stopped) return;
      const batch = await this.#store.send(most, this.#aside, clock.now());
      if (!batch.length) return;
      if (!clock.sure) await api.health(); // what time is it there? For how long ago something was
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

  /** @param {Queued[]} batch */
  async #deliver(batch) {
    const votes = letter(batch, clock.now());
    const answer = await api.votes(batch[0].campaign, votes, this.#store.person);
    this.#answered();
    const reasons = new Map(answer.refused.map(({ id, reason }) => [id, reason]));
    const settled = new Set([...answer.accepted, ...reasons.keys()]);
    const done = batch.filter(({ id }) => settled.has(id));
    if (!done.length) throw new ApiError(500, "The service didn't say what became of the votes.");
    await this.#settle(done, reasons, answer.progress);
    if (reasons.size) this.#asked = -Infinity; // perhaps the campaign is closed
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
    const { pool } = await this.#store.view(campaign);
    const fresh = pool.filter((row) => !row.skipped).length;
    const due = performance.now() - this.#asked > (this.exhausted ? SLOWEST : RENEWAL);
    const few = fresh < FEW && pool.length < POOL_MOST && (!this.exhausted || !pool.length);
    if (this.#stopped || !(few || due)) return;
    const have = pool.map(({ item }) => item);
    const count = Math.max(0, STOCK - fresh);
    const answer = await this.#next(campaign, count, have);
    this.#asked = performance.now();
    this.exhausted = count > 0 && !answer.items.length;
    await this.#store.refill(campaign, have, answer, this.closed ? null : this.shown());
    this.dispatchEvent(new Event("change"));
  }

  /**
   * @param {number} campaign
   * @param {number} count
   * @param {number[]} have
   */
  async #next(campaign, count, have) {
    try {
      const answer = await api.next(campaign, count, have);
      this.#answered();
      this.closed = !answer.items.length && !answer.keep.length && !(await this.#open(campaign));
      return answer;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 403 || error.status === 404)) this.closed = true;
      throw error;
    }
  }

  /** @param {number} campaign */
  async #open(campaign) {
    const me = await remember(await api.me());
    return me.campaigns.some((card) => card.id === campaign && card.open);
  }

  #answered() {
    this.online = true;
    this.#failures = 0;
  }
}
