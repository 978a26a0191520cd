/** The items of a campaign without a majority, as one reviewer works them off. */
import { api } from "../api.js";
import { Outbox } from "./outbox.js";

/** @typedef {import("../types.js").Answer} Answer */
/** @typedef {import("../types.js").ReviewItem} ReviewItem */

const AHEAD = 50;
const FEW = 10;

/** Dispatches "change" whenever anything below changes. */
export class Queue extends EventTarget {
  /** @type {ReviewItem[]} the first is the current one */
  #items = [];
  /** @type {{item: ReviewItem, verdict: Answer}[]} */
  #done = [];
  #waiting = 0;
  #asking = false;
  #shownAt = performance.now();
  /** Decided and taken back while the service is asked: its answer may not know it yet. */
  /** @type {Set<number>} */
  #gone = new Set();
  /** @type {Set<number>} */
  #back = new Set();
  /** @type {"loading"|"ready"|"failed"} */
  situation = "loading";
  problem = "";

  /**
   * @param {number} campaign
   * @param {string} reviewer
   */
  constructor(campaign, reviewer) {
    super();
    this.campaign = campaign;
    this.outbox = new Outbox(campaign, reviewer);
    this.outbox.addEventListener("change", () => this.#changed());
    this.outbox.addEventListener("refused", (event) => {
      const refused = event instanceof CustomEvent ? event.detail.item : null;
      this.#done = this.#done.filter(({ item }) => item.id !== refused);
      this.refill();
    });
  }

  /** @returns {ReviewItem|null} */
  get current() {
    return this.#items[0] ?? null;
  }

  get upcoming() {
    return this.#items.slice(1, 5);
  }

  /** How many wait for a reviewer, as far as is known here. */
  get waiting() {
    return Math.max(this.#waiting, this.#items.length);
  }

  /** What was decided last, and can be taken back. */
  get last() {
    return this.#done.at(-1) ?? null;
  }

  /** @param {Answer} verdict about the current item; the next one is current at once */
  decide(verdict) {
    const item = this.#items.shift();
    if (!item) return;
    this.#done.push({ item, verdict });
    this.#gone.add(item.id);
    this.#back.delete(item.id);
    this.#waiting -= 1;
    this.outbox.put(item.id, verdict, this.#turn());
    if (this.#items.length < FEW && this.#waiting > this.#items.length) this.refill();
  }

  /** Takes the last decision back: its item is current again. */
  undo() {
    const last = this.#done.pop();
    if (!last) return;
    this.#items.unshift(last.item);
    this.#back.add(last.item.id);
    this.#gone.delete(last.item.id);
    this.#waiting += 1;
    this.outbox.put(last.item.id, "undone", this.#turn());
  }

  /** The current item goes behind the others. */
  later() {
    const item = this.#items.shift();
    if (!item) return;
    this.#items.push(item);
    this.#turn();
    this.#changed();
  }

  /** Asks what waits now. The current item stays, so that nothing changes under a finger. */
  async refill() {
    if (this.#asking) return;
    this.#asking = true;
    const pending = [...this.outbox.pending];
    this.#gone = new Set(pending.filter(([, verdict]) => verdict !== "undone").map(([item]) => item));
    this.#back = new Set(pending.filter(([, verdict]) => verdict === "undone").map(([item]) => item));
    try {
      const answer = await api.review(this.campaign, 0, AHEAD);
      const told = new Set(answer.items.map(({ id }) => id));
      this.#merge(answer.items.filter(({ id }) => !this.#gone.has(id)));
      this.#waiting =
        answer.waiting - count(this.#gone, (id) => told.has(id)) + count(this.#back, (id) => !told.has(id));
      this.situation = "ready";
      this.problem = "";
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      if (this.situation === "loading") this.situation = "failed";
    } finally {
      this.#asking = false;
    }
    this.#changed();
  }

  /** @param {ReviewItem[]} fresh */
  #merge(fresh) {
    const empty = !this.#items.length;
    const found = new Map(fresh.map((item) => [item.id, item]));
    const kept = this.#items.filter(({ id }, at) => at === 0 || found.has(id) || this.#back.has(id));
    const known = new Set(kept.map(({ id }) => id));
    const more = fresh.filter(({ id }) => !known.has(id));
    this.#items = [...kept.map((item) => found.get(item.id) ?? item), ...more];
    if (empty) this.#turn();
  }

  /** @returns {number} for how long the item before was looked at, in ms */
  #turn() {
    const took = performance.now() - this.#shownAt;
    this.#shownAt = performance.now();
    return took;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {Set<number>} items
 * @param {(item: number) => boolean} which
 */
const count = (items, which) => [...items].filter(which).length;
