/**
 * One annotator's desk for one campaign: the item to judge, and what became of the others. It needs no network but
 * for new items, and nothing that it was told is lost when the page is closed.
 *
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Verdict} Verdict
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Progress} Progress
 * @typedef {import("./types.js").CampaignCard} CampaignCard
 * @typedef {import("./desk/database.js").Past} Past
 * @typedef {import("./desk/database.js").Queued} Queued
 * @typedef {import("./store.js").View} View
 * @typedef {"ready"|"loading"|"done"|"offline"|"signed-out"|"closed"} Situation
 * @typedef {{vote: Queued, item: Item, past?: Past}} Act what isn't on the disk yet; past: what it undoes
 */
import { api } from "./api.js";
import { clock } from "./desk/clock.js";
import { Courier, uuid } from "./desk/courier.js";
import { remembered, whoami } from "./desk/person.js";
import { Pictures, SIZE, forgetPictures } from "./desk/pictures.js";
import { sendLater } from "./desk/shell.js";
import { Stopwatch } from "./desk/stopwatch.js";
import { Store } from "./store.js";

const UPCOMING = 5;
const REMEMBERED = 10; // items whose pictures stay, should they be undone
const PACE = 3 * 60_000; // ms

export class Desk extends EventTarget {
  #card;
  #store;
  #courier;
  #pictures;
  #watch = new Stopwatch();
  /** @type {View} */
  #view = { pool: [], history: [], queue: [], refused: [], progress: null };
  /** @type {Act[]} */
  #acts = [];
  /** @type {Item[]} */
  #items = [];
  /** @type {Item|null} */
  #current = null;
  /** @type {number[]} */
  #times = [];
  /** @type {"full"|null} */
  #trouble = null;
  #reads = 0;
  #read = 0;
  /** @type {Set<Promise<void>>} */
  #writes = new Set();
  #closing = new AbortController();

  /** @param {CampaignCard} card @param {Store} store */
  constructor(card, store) {
    super();
    this.#card = card;
    this.#store = store;
    this.#courier = new Courier(store, card.open ? card.id : null);
    this.#courier.shown = () => this.#current?.id ?? null;
    this.#pictures = new Pictures(card.id, () => this.#arrange());
  }

  /**
   * Works with what is stored; the network is asked meanwhile.
   * @param {CampaignCard} campaign
   * @returns {Promise<Desk>} rejects with an ApiError if nobody is signed in, or that can't be known
   */
  static async open(campaign) {
    const me = (await remembered().catch(() => null)) ?? (await whoami());
    const store = await Store.open(me.name);
    clock.resume((await store.recall("drift")) ?? 0);
    const desk = new Desk(campaign, store);
    await Promise.all([desk.#refresh(), desk.#pictures.look().catch(() => undefined)]);
    desk.#begin();
    return desk;
  }

  #begin() {
    const { signal } = this.#closing;
    const refresh = () => void this.#refresh();
    const wake = () => this.#courier.wake();
    this.#store.addEventListener("change", refresh, { signal });
    this.#courier.addEventListener("change", refresh, { signal });
    window.addEventListener("online", wake, { signal });
    window.addEventListener("offline", () => this.#offline(), { signal });
    window.addEventListener("pageshow", refresh, { signal });
    window.addEventListener("pagehide", wake, { signal });
    document.addEventListener("visibilitychange", () => this.#looked(), { signal });
    this.#courier.wake();
  }

  #looked() {
    this.#watch.look();
    void this.#refresh();
    this.#courier.wake(); // hidden: perhaps the last chance for a while; visible: perhaps there is a network again
    if (document.visibilityState === "hidden" && this.waiting) void sendLater();
  }

  #offline() {
    this.#courier.online = false;
    this.#arrange();
  }

  /** What has been asked for is still written. */
  async close() {
    this.#closing.abort();
    this.#pictures.stop();
    await Promise.allSettled([...this.#writes, this.#courier.stop()]);
    this.#store.close();
  }

  /**
   * The item to judge now.
   * @returns {Item|null}
   */
  get current() {
    return this.#current;
  }

  /**
   * What probably comes next: to load their pictures.
   * @returns {Item[]}
   */
  get upcoming() {
    return this.#items.filter((item) => item.id !== this.#current?.id).slice(0, UPCOMING);
  }

  /** @returns {Situation} */
  get situation() {
    if (this.#courier.signedOut) return "signed-out";
    if (this.#closed) return "closed";
    if (this.#current) return "ready";
    if (this.#courier.exhausted && !this.#items.length) return "done";
    return this.#courier.online ? "loading" : "offline";
  }

  /**
   * What the annotator has to know. "memory": the browser stores nothing for us, so there is no voting without a
   * network. "full": the last vote could not be stored, its item is current again, and there is no voting until
   * `retry()`.
   * @returns {"memory"|"full"|null}
   */
  get trouble() {
    return this.#trouble ?? (this.#store.lasting ? null : "memory");
  }

  /** Votes that aren't acknowledged, of all campaigns. */
  get waiting() {
    const queued = new Set(this.#view.queue.map(({ id }) => id));
    return queued.size + this.#acts.filter(({ vote }) => !queued.has(vote.id)).length;
  }

  /** Whether the service answered when it was last asked. */
  get online() {
    return this.#courier.online;
  }

  /**
   * Votes that will never count.
   * @returns {{item: number, verdict: Verdict, reason: string}[]}
   */
  get refusals() {
    return this.#view.refused.map(({ item, verdict, reason }) => ({ item, verdict, reason }));
  }

  /** The annotator has seen them. */
  async dismissRefusals() {
    await this.#store.dismiss(this.#card.id);
    await this.#refresh();
  }

  /**
   * As the service said last, and what waits here.
   * @returns {Progress}
   */
  get progress() {
    const said = this.#view.progress ?? this.#card.progress;
    const queued = new Map(this.#view.queue.map((vote) => [vote.id, vote]));
    for (const { vote } of this.#acts) queued.set(vote.id, vote);
    let more = 0;
    for (const vote of queued.values()) if (vote.campaign === this.#card.id) more += vote.counts;
    return { ...said, mine: Math.max(0, said.mine + more), left: Math.max(0, said.left - more) };
  }

  /**
   * Verdicts per minute over the last three; null: too few.
   * @returns {number|null}
   */
  get pace() {
    const now = performance.now();
    const recent = this.#times.filter((time) => now - time < PACE);
    return recent.length < 3 ? null : (recent.length * 60_000) / Math.max(now - recent[0], 1000);
  }

  get canUndo() {
    return this.#canVote && this.#past !== null;
  }

  /** @returns {Past|null} */
  get #past() {
    const undone = new Set(this.#acts.map(({ past }) => past?.vote));
    const fresh = this.#acts.filter(({ past, vote }) => !past && !undone.has(vote.id));
    const last = fresh.at(-1);
    if (last) {
      const { id, campaign, item, verdict, cast } = last.vote;
      return { campaign, vote: id, item, label: last.item.label, verdict, cast };
    }
    return this.#view.history.filter(({ vote }) => !undone.has(vote)).at(-1) ?? null;
  }

  get #closed() {
    return !this.#card.open || this.#courier.closed;
  }

  get #canVote() {
    if (this.#trouble || this.#courier.signedOut || this.#closed) return false;
    return this.#store.lasting || this.#courier.online;
  }

  /**
   * `current` is the next item when it returns.
   * @param {Answer} verdict
   * @returns {boolean} whether it is taken
   */
  vote(verdict) {
    if (!this.#card.answers.includes(verdict)) throw new RangeError(`This campaign doesn't ask for ${verdict}.`);
    const taken = this.#cast(verdict, 1);
    if (taken) this.#times.push(performance.now());
    return taken;
  }

  /**
   * The item comes again when the others are done.
   * @returns {boolean} whether it is taken
   */
  skip() {
    return this.#cast("skipped", 0);
  }

  /**
   * The last vote is taken back and its item is current again.
   * @returns {boolean} whether there is one
   */
  undo() {
    const past = this.#past;
    if (!past || !this.#canVote) return false;
    const counts = past.verdict === "skipped" ? 0 : -1;
    if (counts) this.#times.pop();
    const item = { id: past.item, label: past.label };
    this.#act({ vote: this.#ballot(past.item, "undone", counts, null), item, past }, item);
    return true;
  }

  /** Try to store again, after "full". */
  retry() {
    this.#trouble = null;
    this.#arrange();
  }

  /** @param {number} item @param {number} [size] */
  imageUrl(item, size = SIZE) {
    return api.imageUrl(item, size);
  }

  /** @param {Verdict} verdict @param {0|1} counts */
  #cast(verdict, counts) {
    const item = this.#current;
    if (!item || !this.#canVote) return false;
    this.#act({ vote: this.#ballot(item.id, verdict, counts, this.#watch.read()), item }, null);
    return true;
  }

  /**
   * @param {number} item
   * @param {Verdict} verdict
   * @param {-1|0|1} counts
   * @param {number|null} took_ms
   * @returns {Queued}
   */
  #ballot(item, verdict, counts, took_ms) {
    return { campaign: this.#card.id, id: uuid(), item, verdict, took_ms, cast: clock.stamp(), first: null, counts };
  }

  /** @param {Act} act @param {Item|null} next */
  #act(act, next) {
    this.#acts.push(act);
    this.#current = next;
    this.#arrange();
    if (!this.#times.length) void globalThis.navigator.storage?.persist?.();
    const write = this.#keep(act).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  /** @param {Act} act */
  async #keep(act) {
    const write = () => (act.past ? this.#store.undo(act.past, act.vote) : this.#store.judge(act.vote));
    try {
      await write().catch(() => forgetPictures().then(write)); // pictures can be had again
    } catch {
      this.#trouble = "full";
      this.#acts = this.#acts.filter((other) => other !== act);
      this.#current = act.past ? null : act.item;
    }
    await this.#refresh(act);
    this.#courier.nudge();
    if (!this.online) void sendLater();
  }

  /**
   * Reads again what is on the disk.
   * @param {Act} [done] it is there by now, or never will be
   */
  async #refresh(done) {
    const number = ++this.#reads;
    const view = await this.#store.view(this.#card.id).catch(() => null);
    if (view) this.#acts = this.#acts.filter((act) => act !== done);
    if (view && number > this.#read) {
      this.#view = view;
      this.#read = number;
    }
    this.#arrange();
    const recent = this.#view.history.slice(-REMEMBERED).map(({ item }) => item);
    void this.#pictures.keep([...new Set([...this.#items.map(({ id }) => id), ...recent])]);
  }

  /** What is on the desk: what is on the disk, and what isn't there yet. */
  #arrange() {
    let items = this.#view.pool.map(({ item, label }) => ({ id: item, label }));
    for (const { vote, item, past } of this.#acts) {
      items = items.filter(({ id }) => id !== item.id);
      if (past) items.unshift(item);
      else if (vote.verdict === "skipped") items.push(item);
    }
    this.#items = items;
    const shown = this.#current;
    this.#current = items.find(({ id }) => id === shown?.id) ?? this.#first();
    this.#watch.start(this.#current?.id ?? null);
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Item|null} */
  #first() {
    const offline = !this.#courier.online;
    if (offline && !this.#store.lasting) return null;
    const blind = offline && this.#pictures.certain;
    return this.#items.find(({ id }) => !blind || this.#pictures.here.has(id)) ?? null;
  }
}
