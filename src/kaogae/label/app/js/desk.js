/**
 * One annotator's desk for one campaign: the item to judge, and what became of the others. It needs no
 * network but for new items, and nothing that it was told is lost when the page is closed.
 *
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Verdict} Verdict
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").CampaignCard} CampaignCard
 * @typedef {import("./desk/sheet.js").Act} Act
 * @typedef {"ready"|"loading"|"done"|"offline"|"signed-out"|"closed"} Situation
 */
import { api } from "./api.js";
import { clock } from "./desk/clock.js";
import { Courier } from "./desk/courier.js";
import { remembered, whoami } from "./desk/person.js";
import { Pictures, SIZE, keepExamples } from "./desk/pictures.js";
import { Sheet, ballot } from "./desk/sheet.js";
import { sendLater } from "./desk/shell.js";
import { Pace, Stopwatch } from "./desk/stopwatch.js";
import { Store } from "./store.js";

const UPCOMING = 5;
const REMEMBERED = 10; // items whose pictures stay, should they be undone

export class Desk extends EventTarget {
  #card;
  #store;
  #courier;
  #pictures;
  #sheet = new Sheet();
  #watch = new Stopwatch();
  #pace = new Pace();
  /** @type {Item[]} */
  #items = [];
  /** @type {Item|null} */
  #current = null;
  /** @type {"full"|null} */
  #trouble = null;
  /** @type {Set<Promise<void>>} */
  #writes = new Set();
  #closing = new AbortController();

  /**
   * @param {CampaignCard} card
   * @param {Store} store
   */
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
    const store = await Store.open(me.key);
    clock.resume((await store.recall("drift").catch(() => 0)) ?? 0);
    const desk = new Desk(campaign, store);
    await Promise.all([desk.#refresh(), desk.#pictures.look()]);
    desk.#begin();
    return desk;
  }

  #begin() {
    const { signal } = this.#closing;
    const refresh = () => void this.#refresh();
    const wake = () => this.#courier.wake();
    for (const source of [this.#store, this.#courier]) source.addEventListener("change", refresh, { signal });
    window.addEventListener("online", wake, { signal });
    window.addEventListener("offline", () => this.#unplugged(), { signal });
    window.addEventListener("pageshow", refresh, { signal });
    window.addEventListener("pagehide", wake, { signal });
    document.addEventListener("visibilitychange", () => this.#looked(), { signal });
    this.#arrange();
    this.#courier.wake();
    void keepExamples(this.#card.answers);
    void globalThis.navigator.storage?.persist?.(); // what waits here isn't to be cleared away
  }

  /** Hidden: perhaps this is the last chance for a while. Visible: perhaps there is a network again. */
  #looked() {
    this.#watch.look();
    void this.#refresh();
    this.#courier.wake();
    if (document.visibilityState === "hidden" && this.waiting) void sendLater();
  }

  #unplugged() {
    this.#courier.online = false;
    this.#arrange();
  }

  /** Resolves when all that was cast is written. */
  async close() {
    this.#closing.abort();
    this.#pictures.stop();
    await Promise.allSettled([...this.#writes, this.#courier.stop()]);
    this.#store.close();
  }

  /** The item to judge now. */
  get current() {
    return this.#current;
  }

  /**
   * What probably comes next: to load their pictures.
   * @returns {Item[]}
   */
  get upcoming() {
    return this.#items.filter(({ id }) => id !== this.#current?.id).slice(0, UPCOMING);
  }

  /** @returns {Situation} */
  get situation() {
    if (this.#courier.signedOut) return "signed-out";
    if (this.#closed) return "closed";
    if (this.#current) return "ready";
    if (this.#courier.exhausted && !this.#items.length) return "done";
    return this.online ? "loading" : "offline";
  }

  /**
   * What the annotator has to know. "memory": the browser stores nothing for us, so there is no voting
   * without a network. "full": the last vote could not be stored, its item is current again, and there is no
   * voting until `retry()`.
   * @returns {"memory"|"full"|null}
   */
  get trouble() {
    return this.#trouble ?? (this.#store.lasting ? null : "memory");
  }

  /** Votes that aren't acknowledged, of all campaigns. */
  get waiting() {
    return this.#sheet.waiting.length;
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
    return this.#sheet.view.refused.map(({ item, verdict, reason }) => ({ item, verdict, reason }));
  }

  /** The annotator has seen them. */
  async dismissRefusals() {
    await this.#store.dismiss(this.#card.id);
    await this.#refresh();
  }

  get progress() {
    return this.#sheet.progress(this.#card.id, this.#card.progress);
  }

  /** Verdicts per minute over the last three; null: too few. */
  get pace() {
    return this.#pace.value;
  }

  get canUndo() {
    return this.#canVote && this.#sheet.past !== null;
  }

  get #closed() {
    return !this.#card.open || this.#courier.closed;
  }

  get #canVote() {
    return !this.#barred && !this.#trouble;
  }

  /** There is nothing to look at: no vote would count, nobody casts it, or it would be lost with the page. */
  get #barred() {
    return this.#closed || this.#courier.signedOut || !(this.#store.lasting || this.online);
  }

  /**
   * `current` is the next item when it returns.
   * @param {Answer} verdict
   * @returns {boolean} whether it is taken
   */
  vote(verdict) {
    if (!this.#card.answers.includes(verdict)) throw new RangeError(`Nobody asked whether it is ${verdict}.`);
    const taken = this.#cast(verdict, 1);
    if (taken) this.#pace.count();
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
   * The last vote is taken back and its item is current again. The service gets both: it forgets nothing.
   * @returns {boolean} whether there is one
   */
  undo() {
    const { past } = this.#sheet;
    if (!past || !this.#canVote) return false;
    const counts = past.verdict === "skipped" ? 0 : -1;
    if (counts) this.#pace.discount();
    const item = { id: past.item, label: past.label };
    this.#act({ vote: ballot(this.#card.id, item.id, "undone", counts, null), item, past }, item);
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
    this.#act({ vote: ballot(this.#card.id, item.id, verdict, counts, this.#watch.read()), item }, null);
    return true;
  }

  /** @param {Act} act @param {Item|null} next */
  #act(act, next) {
    this.#sheet.add(act);
    this.#current = next;
    this.#arrange();
    const write = this.#write(act).finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  /** @param {Act} act */
  async #write(act) {
    const write = () => (act.past ? this.#store.undo(act.past, act.vote) : this.#store.judge(act.vote));
    try {
      await write().catch(() => this.#pictures.drop().then(write)); // pictures can be had again
    } catch {
      this.#trouble = "full";
      this.#sheet.drop(act);
      this.#current = act.past ? null : act.item;
    }
    await this.#refresh(act);
    this.#courier.nudge();
    if (!this.online) void sendLater();
  }

  /**
   * Reads again what is on the disk.
   * @param {Act} [done] it is there by now
   */
  async #refresh(done) {
    const seen = await this.#sheet.renew(() => this.#store.view(this.#card.id));
    if (done && seen) this.#sheet.drop(done);
    this.#arrange();
    const recent = this.#sheet.view.history.slice(-REMEMBERED).map(({ item }) => item);
    void this.#pictures.keep([...this.#items.map(({ id }) => id), ...recent], this.online);
  }

  /** What lies on the desk. What somebody looks at stays, whatever comes. */
  #arrange() {
    const shown = this.#current?.id;
    this.#items = this.#sheet.items;
    this.#current = this.#barred ? null : this.#items.find(({ id }) => id === shown) ?? this.#first();
    this.#watch.start(this.#current?.id ?? null);
    this.dispatchEvent(new Event("change"));
  }

  /** @returns {Item|null} */
  #first() {
    const blind = !this.online && this.#pictures.certain;
    return this.#items.find(({ id }) => !blind || this.#pictures.here.has(id)) ?? null;
  }
}
