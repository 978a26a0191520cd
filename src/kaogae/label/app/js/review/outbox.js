/** Decisions on their way: sent again and again, until the service has them or says why it never will. */
import { ApiError, api } from "../api.js";
import { uuid } from "../uuid.js";

/** @typedef {import("../types.js").Answer} Answer */
/**
 * @typedef {object} Decision
 * @property {string} id UUID
 * @property {number} item
 * @property {Answer|"undone"} verdict
 * @property {number} took in ms
 * @property {number} at by this page's clock, in ms
 */

const LONGEST_WAIT_MS = 15_000;
const MOST = 100;

/** Dispatches "change", and "refused" with {item, reason} as its detail. */
export class Outbox extends EventTarget {
  /** @type {Decision[]} */
  #waiting = [];
  #sending = false;
  #answered = -Infinity;
  #failures = 0;
  /** Nothing gets through at the moment. */
  stuck = false;
  /** Why, as the service says; "" if it says nothing. */
  problem = "";

  /**
   * @param {number} campaign
   * @param {string} voter who decides: should somebody else be signed in by now, the service takes nothing
   */
  constructor(campaign, voter) {
    super();
    this.voter = voter;
    this.campaign = campaign;
  }

  get count() {
    return this.#waiting.length;
  }

  /** What waits says about each item at last. @returns {Map<number, Answer|"undone">} */
  get pending() {
    return new Map(this.#waiting.map(({ item, verdict }) => [item, verdict]));
  }

  /**
   * @param {number} item
   * @param {Answer|"undone"} verdict
   * @param {number} took in ms
   */
  put(item, verdict, took) {
    this.#waiting.push({ id: uuid(), item, verdict, took: Math.round(took), at: performance.now() });
    this.#changed();
    this.send();
  }

  /** Sends what waits; goes on by itself until nothing does. */
  async send() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#waiting.length) {
      const failed = await this.#round();
      if (failed) await pause(Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#failures++));
      else this.#failures = 0;
    }
    this.#sending = false;
  }

  /** @returns {Promise<boolean>} whether it has to be tried again later */
  async #round() {
    const batch = this.#batch();
    try {
      const answer = await api.decide(
        this.campaign,
        batch.map((one) => this.#vote(one)),
        this.voter,
      );
      this.#answered = performance.now();
      this.stuck = false;
      const refused = new Map(answer.refused.map(({ id, reason }) => [id, reason]));
      if (!answer.accepted.length && !refused.size)
        throw new ApiError(500, "Nothing was said about what was sent.");
      this.#settle(batch, answer.accepted, refused);
      return false;
    } catch (error) {
      const final = error instanceof ApiError && !error.passing && ![401, 409].includes(error.status);
      const reason = error instanceof Error ? error.message : String(error);
      this.stuck = !final;
      this.problem = error instanceof ApiError && error.status ? reason : "";
      if (final) this.#settle(batch, [], new Map(batch.map(({ id }) => [id, reason])));
      this.#changed();
      return !final;
    }
  }

  /** The oldest ones; of those about one item only the first, so that their order can't be mistaken. */
  #batch() {
    const items = this.#waiting.map(({ item }) => item);
    const again = items.findIndex((item, at) => items.indexOf(item) < at);
    return this.#waiting.slice(0, again < 0 ? MOST : Math.min(again, MOST));
  }

  /**
   * As it is sent. It is never older than the last answer: however slow the network was, an undo comes after
   * the decision that it takes back.
   *
   * @param {Decision} decision
   */
  #vote({ id, item, verdict, took, at }) {
    const ago = performance.now() - Math.max(at, this.#answered);
    return { id, item, verdict, took_ms: Math.min(took, 86_400_000), ago_ms: Math.max(0, Math.round(ago)) };
  }

  /**
   * @param {Decision[]} batch
   * @param {string[]} accepted
   * @param {Map<string, string>} refused
   */
  #settle(batch, accepted, refused) {
    const settled = new Set([...accepted, ...refused.keys()]);
    this.#waiting = this.#waiting.filter(({ id }) => !settled.has(id));
    for (const { id, item } of batch) {
      const reason = refused.get(id);
      if (reason !== undefined) this.dispatchEvent(new CustomEvent("refused", { detail: { item, reason } }));
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {number} milliseconds */
const pause = (milliseconds) =>
  new Promise((resolve) => {
    addEventListener("online", resolve, { once: true });
    setTimeout(resolve, milliseconds);
  });
