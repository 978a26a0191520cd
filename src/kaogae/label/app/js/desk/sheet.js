/**
 * One campaign as it will be when everything is written: what is on the disk, and on it what isn't there yet.
 *
 * @typedef {import("../types.js").Item} Item
 * @typedef {import("../types.js").Progress} Progress
 * @typedef {import("../store.js").View} View
 * @typedef {import("./database.js").Past} Past
 * @typedef {import("./database.js").Queued} Queued
 *
 * @typedef {object} Act a vote that is being written
 * @property {Queued} vote
 * @property {Item} item what it is about
 * @property {Past} [past] what it undoes
 */
import { uuid } from "../uuid.js";
import { clock } from "./clock.js";

/**
 * A vote that is cast now.
 * @param {number} campaign
 * @param {number} item
 * @param {import("../types.js").Verdict} verdict
 * @param {-1|0|1} counts what it adds to the items that have a verdict
 * @param {number|null} took_ms
 * @returns {Queued}
 */
export function ballot(campaign, item, verdict, counts, took_ms) {
  return { campaign, id: uuid(), item, verdict, took_ms, cast: clock.stamp(), first: null, counts };
}

export class Sheet {
  /** @type {View} */
  view = { pool: [], history: [], queue: [], refused: [], progress: null };
  /** @type {Act[]} */
  #acts = [];
  #asked = 0;
  #shown = 0;

  /** @param {Act} act */
  add(act) {
    this.#acts.push(act);
  }

  /** @param {Act} act is on the disk, or never will be */
  drop(act) {
    this.#acts = this.#acts.filter((other) => other !== act);
  }

  /**
   * Views may come in another order than they were asked for: an old one never takes a newer one's place.
   * @param {() => Promise<View>} read
   * @returns {Promise<boolean>} false: it could not be read
   */
  async renew(read) {
    const number = ++this.#asked;
    const view = await read().catch(() => null);
    if (view && number > this.#shown) {
      this.view = view;
      this.#shown = number;
    }
    return view !== null;
  }

  /**
   * The next one first.
   * @returns {Item[]}
   */
  get items() {
    let items = this.view.pool.map(({ item, label }) => ({ id: item, label }));
    for (const { vote, item, past } of this.#acts) {
      items = items.filter(({ id }) => id !== item.id);
      if (past) items.unshift(item);
      else if (vote.verdict === "skipped") items.push(item);
    }
    return items;
  }

  /**
   * What would be undone.
   * @returns {Past|null}
   */
  get past() {
    const undone = new Set(this.#acts.map(({ past }) => past?.vote));
    const last = this.#acts.filter(({ past, vote }) => !past && !undone.has(vote.id)).at(-1);
    if (!last) return this.view.history.filter(({ vote }) => !undone.has(vote)).at(-1) ?? null;
    const { id, campaign, item, verdict, cast } = last.vote;
    return { campaign, vote: id, item, label: last.item.label, verdict, cast };
  }

  /**
   * Votes that aren't acknowledged.
   * @returns {Queued[]}
   */
  get waiting() {
    const queued = new Set(this.view.queue.map(({ id }) => id));
    return [...this.view.queue, ...this.#acts.map(({ vote }) => vote).filter(({ id }) => !queued.has(id))];
  }

  /**
   * What the service said last, and what it doesn't know yet.
   * @param {number} campaign
   * @param {Progress} first
   * @returns {Progress}
   */
  progress(campaign, first) {
    const said = this.view.progress ?? first;
    const votes = this.waiting.filter((vote) => vote.campaign === campaign);
    const more = votes.reduce((sum, vote) => sum + vote.counts, 0);
    return { ...said, mine: Math.max(0, said.mine + more), left: Math.max(0, said.left - more) };
  }
}
