/**
 * What one annotator has on this device: items that wait, votes that aren't acknowledged, what can be undone.
 * Every step is one transaction, so that nothing is lost or doubled whenever the page is closed.
 *
 * @typedef {import("./types.js").Item} Item
 * @typedef {import("./types.js").Progress} Progress
 * @typedef {import("./desk/database.js").Database} Database
 * @typedef {import("./desk/database.js").Tables} Tables
 * @typedef {import("./desk/database.js").Pooled} Pooled
 * @typedef {import("./desk/database.js").Queued} Queued
 * @typedef {import("./desk/database.js").Past} Past
 * @typedef {import("./desk/database.js").Refused} Refused
 *
 * @typedef {object} View one campaign, as it is on the disk
 * @property {Pooled[]} pool the next one first
 * @property {Past[]} history the latest last
 * @property {Queued[]} queue of all campaigns
 * @property {Refused[]} refused
 * @property {Progress|null} progress as the service said it last
 */
import { openDatabase } from "./desk/database.js";

const HISTORY_MOST = 100;
const REFUSED_MOST = 100;
const LEASE = 5000; // ms: how long a page that was closed keeps others from sending

/** @param {Pooled[]} rows @param {number} campaign */
const waiting = (rows, campaign) =>
  rows
    .filter((row) => row.campaign === campaign)
    .sort((a, b) => Number(a.skipped) - Number(b.skipped) || a.place - b.place);

/** @param {{cast: number}} a @param {{cast: number}} b */
const older = (a, b) => a.cast - b.cast;

/**
 * Items that wait for nothing but being sent.
 * @param {Queued[]} queue of one campaign
 */
function judged(queue) {
  const items = new Set();
  for (const vote of queue) {
    if (vote.verdict === "undone" || vote.verdict === "skipped") items.delete(vote.item);
    else items.add(vote.item);
  }
  return items;
}

export class Store extends EventTarget {
  /** @readonly */ person;
  #database;
  #channel;
  #closed = false;

  /**
   * Dispatches "change" when another tab has changed something.
   * @param {string} person
   * @param {Database} database
   */
  constructor(person, database) {
    super();
    this.person = person;
    this.#database = database;
    this.#channel = new BroadcastChannel(`kaogae:${person}`);
    this.#channel.onmessage = () => this.dispatchEvent(new Event("change"));
  }

  /** @param {string} person their key: two catalogues at one address may both have a Yuki */
  static async open(person) {
    return new Store(person, await openDatabase(`kaogae:${person}`));
  }

  /** Whether what is stored outlives the page. */
  get lasting() {
    return this.#database.lasting;
  }

  close() {
    this.#closed = true;
    this.#channel.close();
    this.#database.close();
  }

  /**
   * @template T
   * @param {(tables: Tables) => Promise<T>} body
   * @param {{strict?: boolean, quiet?: boolean}} how strict: it is on the disk, not only on its way there;
   *   quiet: nobody else needs to know
   */
  async #write(body, { strict = false, quiet = false } = {}) {
    const result = await this.#database.run("readwrite", body, strict);
    if (!quiet && !this.#closed) this.#channel.postMessage("change");
    return result;
  }

  /** @param {number} campaign @returns {Promise<View>} */
  view(campaign) {
    return this.#database.run("readonly", async ({ pool, history, queue, refused, meta }) => ({
      pool: waiting(await pool.all(), campaign),
      history: (await history.all()).filter((past) => past.campaign === campaign).sort(older),
      queue: await queue.all(),
      refused: (await refused.all()).filter((vote) => vote.campaign === campaign),
      progress: (await meta.get(`progress ${campaign}`))?.value ?? null,
    }));
  }

  /**
   * A verdict, or a skip: the item leaves the pool (or goes to its end), the vote enters the queue, and the
   * history grows.
   * @param {Queued} vote
   * @returns {Promise<boolean>} false: another tab has dealt with the item, and nothing is written
   */
  judge(vote) {
    return this.#write(async ({ pool, queue, history }) => {
      const { campaign, id, item, verdict, cast } = vote;
      const [rows, entries] = await Promise.all([pool.all(), history.all()]);
      const mine = waiting(rows, campaign);
      const row = mine.find((one) => one.item === item);
      if (!row) return false;
      if (verdict === "skipped") {
        pool.put({ ...row, skipped: true, place: Math.max(...mine.map(({ place }) => place)) + 1 });
      } else {
        pool.delete([campaign, item]);
      }
      queue.put(vote);
      history.put({ campaign, vote: id, item, label: row.label, verdict, cast });
      const past = entries.filter((entry) => entry.campaign === campaign).sort(older);
      for (const entry of past.slice(0, 1 - HISTORY_MOST)) history.delete(entry.vote);
      return true;
    }, { strict: true });
  }

  /**
   * Takes a vote back: its item is the pool's first, and the queue gets the vote that says so.
   * @param {Past} past
   * @param {Queued} vote
   * @returns {Promise<boolean>} false: another tab has undone it, and nothing is written
   */
  undo(past, vote) {
    return this.#write(async ({ pool, queue, history }) => {
      const { campaign, item, label } = past;
      const [rows, entry] = await Promise.all([pool.all(), history.get(past.vote)]);
      if (!entry) return false;
      const places = waiting(rows, campaign).map(({ place }) => place);
      pool.put({ campaign, item, label, skipped: false, place: Math.min(0, ...places) - 1 });
      history.delete(past.vote);
      queue.put(vote);
      return true;
    }, { strict: true });
  }

  /**
   * The oldest votes, of one campaign, and no two on one item: the second waits until it is known when the
   * service heard the first.
   * @param {number} most
   * @param {Set<number>} except campaigns
   * @param {number} now they are on their way from this moment on
   * @returns {Promise<Queued[]>}
   */
  send(most, except, now) {
    return this.#write(async ({ queue }) => {
      const all = (await queue.all()).filter((vote) => !except.has(vote.campaign));
      /** @type {Queued[]} */
      const batch = [];
      for (const vote of all.filter((one) => one.campaign === all[0].campaign)) {
        if (batch.length === most || batch.some((one) => one.item === vote.item)) break;
        batch.push({ ...vote, first: vote.first ?? now });
        if (vote.first === null) await queue.put({ ...vote, first: now });
      }
      return batch;
    }, { quiet: true });
  }

  /**
   * The service has answered: what it has taken or refused isn't sent again. What was cast on the same item
   * meanwhile becomes later than any moment at which the service may have dated this one.
   * @param {Queued[]} votes
   * @param {Map<string, string>} reasons why some of them were refused
   * @param {Progress|null} progress
   * @param {number} now
   */
  settle(votes, reasons, progress, now) {
    return this.#write(async ({ queue, history, refused, meta }) => {
      for (const { id, campaign, item, verdict, seq, cast, first } of votes) {
        await queue.delete(seq);
        const reason = reasons.get(id);
        if (reason !== undefined) {
          await refused.put({ id, campaign, item, verdict, reason });
          await history.delete(id);
        }
        const heard = Math.min(now, cast + Math.max(0, now - (first ?? now)));
        for (const later of await queue.all()) {
          if (later.campaign !== campaign || later.item !== item) continue;
          await queue.put({ ...later, cast: Math.max(later.cast, heard + 2) }); // each end is rounded
        }
      }
      for (const { id } of (await refused.all()).slice(0, -REFUSED_MOST)) await refused.delete(id);
      if (progress && votes.length) await meta.put({ key: `progress ${votes[0].campaign}`, value: progress });
    });
  }

  /**
   * @param {number} campaign
   * @param {number[]} asked what the service was told that we have
   * @param {import("./types.js").NextResponse} answer
   * @param {number|null} shown an item that somebody looks at just now: it stays, as does what the service
   *   doesn't know to be taken back
   */
  refill(campaign, asked, answer, shown) {
    return this.#write(async ({ pool, queue, meta }) => {
      const rows = waiting(await pool.all(), campaign);
      const unsent = (await queue.all()).filter((vote) => vote.campaign === campaign);
      const keep = new Set([...answer.keep, shown, ...unsent.map(({ item }) => item)]);
      for (const item of asked) if (!keep.has(item)) await pool.delete([campaign, item]);
      const known = new Set([...rows.map(({ item }) => item), ...judged(unsent)]);
      let place = Math.max(0, ...rows.map((row) => row.place));
      for (const { id, label } of answer.items) {
        if (!known.has(id)) await pool.put({ campaign, item: id, label, skipped: false, place: ++place });
      }
      await meta.put({ key: `progress ${campaign}`, value: answer.progress });
    });
  }

  /**
   * The annotator has seen which votes were refused.
   * @param {number} campaign
   */
  dismiss(campaign) {
    return this.#write(async ({ refused }) => {
      for (const vote of await refused.all()) if (vote.campaign === campaign) await refused.delete(vote.id);
    });
  }

  /** @param {string} key @returns {Promise<any>} */
  async recall(key) {
    return (await this.#database.run("readonly", ({ meta }) => meta.get(key)))?.value;
  }

  /** @param {string} key @param {unknown} value */
  note(key, value) {
    return this.#write(async ({ meta }) => void (await meta.put({ key, value })), { quiet: true });
  }

  /**
   * Only one page at a time talks to the service: for browsers without locks, and so for plain http.
   * @param {string} holder
   * @returns {Promise<boolean>} whether it is `holder` for the next while
   */
  lease(holder) {
    return this.#write(async ({ meta }) => {
      const held = (await meta.get("lease"))?.value;
      const now = Date.now();
      if (held && held.holder !== holder && held.until > now && held.until < now + LEASE * 2) return false;
      await meta.put({ key: "lease", value: { holder, until: now + LEASE } });
      return true;
    }, { quiet: true });
  }

  /** @param {string} holder */
  release(holder) {
    return this.#write(async ({ meta }) => {
      if ((await meta.get("lease"))?.value.holder === holder) await meta.delete("lease");
    }, { quiet: true });
  }
}
