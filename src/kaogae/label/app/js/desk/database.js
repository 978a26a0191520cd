/**
 * Five small tables with transactions: in IndexedDB, or in memory where a browser keeps IndexedDB from us.
 *
 * @typedef {import("../types.js").Answer} Answer
 * @typedef {import("../types.js").Verdict} Verdict
 *
 * @typedef {object} Pooled an item that waits for a verdict
 * @property {number} campaign
 * @property {number} item
 * @property {Answer|null} label
 * @property {number} place the smaller, the sooner
 * @property {boolean} skipped after all that aren't
 *
 * @typedef {object} Queued a vote that isn't acknowledged
 * @property {number} [seq] the order in which they were cast
 * @property {number} campaign
 * @property {string} id
 * @property {number} item
 * @property {Verdict} verdict
 * @property {number|null} took_ms
 * @property {number} cast when, by `clock`
 * @property {number|null} first when it was first sent
 * @property {-1|0|1} counts what it adds to the items that have my verdict
 *
 * @typedef {object} Past what can be undone
 * @property {number} campaign
 * @property {string} vote its UUID
 * @property {number} item
 * @property {Answer|null} label
 * @property {Verdict} verdict
 * @property {number} cast
 *
 * @typedef {object} Refused a vote that the service will never take
 * @property {string} id
 * @property {number} campaign
 * @property {number} item
 * @property {Verdict} verdict
 * @property {string} reason
 *
 * @typedef {{key: string, value: any}} Note
 */
/**
 * @template Row
 * @typedef {object} Table
 * @property {(key: any) => Promise<Row|undefined>} get
 * @property {() => Promise<Row[]>} all in the order of their keys
 * @property {(row: Row) => Promise<unknown>} put
 * @property {(key: any) => Promise<unknown>} delete
 */
/**
 * @typedef {object} Tables
 * @property {Table<Pooled>} pool
 * @property {Table<Queued>} queue
 * @property {Table<Past>} history
 * @property {Table<Refused>} refused
 * @property {Table<Note>} meta
 */

/** @type {Record<string, string|string[]>} */
const KEYS = { pool: ["campaign", "item"], queue: "seq", history: "vote", refused: "id", meta: "key" };
const PATIENCE = 5000; // ms: some browsers never answer

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * @param {string} name
 * @returns {Promise<IDBDatabase>}
 */
function connect(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(new Error("IndexedDB doesn't answer."));
    }, PATIENCE);
    request.onupgradeneeded = () => {
      for (const [table, keyPath] of Object.entries(KEYS)) {
        request.result.createObjectStore(table, { keyPath, autoIncrement: keyPath === "seq" });
      }
    };
    request.onsuccess = () => {
      clearTimeout(timer);
      if (late) request.result.close();
      else resolve(request.result);
    };
    request.onerror = () => {
      clearTimeout(timer);
      reject(request.error);
    };
  });
}

/**
 * Nobody has to wait for a write: if it fails, all of its transaction does.
 * @template T
 * @param {Promise<T>} write
 */
const quiet = (write) => {
  write.catch(() => undefined);
  return write;
};

/** @param {IDBTransaction} transaction @returns {Tables} */
function tablesOf(transaction) {
  /** @type {Record<string, Table<any>>} */
  const tables = {};
  for (const name of Object.keys(KEYS)) {
    const store = transaction.objectStore(name);
    tables[name] = {
      get: (key) => answer(store.get(key)),
      all: () => answer(store.getAll()),
      put: (row) => quiet(answer(store.put(row))),
      delete: (key) => quiet(answer(store.delete(key))),
    };
  }
  return /** @type {Tables} */ (/** @type {unknown} */ (tables));
}

class Lasting {
  /** Whether what it holds is still there at the next start. */
  lasting = true;
  /** @type {IDBDatabase|null} */
  #connection = null;
  #name;

  /** @param {string} name @param {IDBDatabase} connection */
  constructor(name, connection) {
    this.#name = name;
    this.#hold(connection);
  }

  /** @param {IDBDatabase} connection */
  #hold(connection) {
    this.#connection = connection;
    connection.onclose = () => (this.#connection = null);
    connection.onversionchange = () => this.close();
  }

  close() {
    this.#connection?.close();
    this.#connection = null;
  }

  /** @param {IDBTransactionMode} mode @param {IDBTransactionOptions} options */
  async #begin(mode, options) {
    for (const last of [false, true]) {
      if (!this.#connection) this.#hold(await connect(this.#name));
      try {
        return /** @type {IDBDatabase} */ (this.#connection).transaction(Object.keys(KEYS), mode, options);
      } catch (error) {
        this.close(); // phones cut connections while an app sleeps
        if (last) throw error;
      }
    }
    throw new Error("unreachable");
  }

  /**
   * All of it or nothing. The body awaits nothing but tables.
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(tables: Tables) => Promise<T>} body
   * @param {boolean} [strict] power may fail at once
   * @returns {Promise<T>}
   */
  async run(mode, body, strict = false) {
    const transaction = await this.#begin(mode, { durability: strict ? "strict" : "relaxed" });
    /** @type {Promise<void>} */
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB wrote nothing."));
    });
    finished.catch(() => undefined);
    try {
      const result = await body(tablesOf(transaction));
      if (mode === "readwrite") transaction.commit?.(); // from here on it needs no page any more
      await finished;
      return result;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // it is over already
      }
      throw transaction.error ?? error;
    }
  }
}

class Passing {
  lasting = false;
  /** @type {Record<string, Map<string, any>>} */
  #rows = Object.fromEntries(Object.keys(KEYS).map((name) => [name, new Map()]));
  #seq = 0;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();

  close() {}

  /** @param {string} name @returns {Table<any>} */
  #table(name) {
    const rows = this.#rows[name];
    const path = KEYS[name];
    return {
      get: async (key) => rows.get(String(key)),
      all: async () => [...rows.values()],
      put: async (row) => {
        if (name === "queue") row.seq ??= ++this.#seq;
        rows.set(String(Array.isArray(path) ? path.map((part) => row[part]) : row[path]), { ...row });
      },
      delete: async (key) => rows.delete(String(key)),
    };
  }

  /**
   * @template T
   * @param {IDBTransactionMode} _mode
   * @param {(tables: Tables) => Promise<T>} body
   * @param {boolean} [_strict]
   * @returns {Promise<T>}
   */
  run(_mode, body, _strict) {
    const tables = Object.fromEntries(Object.keys(KEYS).map((name) => [name, this.#table(name)]));
    const turn = this.#turn.then(() => body(/** @type {any} */ (tables)));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

/** @typedef {Lasting|Passing} Database */

/** @param {string} name @returns {Promise<Database>} */
export async function openDatabase(name) {
  try {
    return new Lasting(name, await connect(name));
  } catch {
    return new Passing();
  }
}
