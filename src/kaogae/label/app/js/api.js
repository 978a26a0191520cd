/**
 * The service, one function per route.
 *
 * @typedef {import("./types.js").Me} Me
 * @typedef {import("./types.js").Vote} Vote
 * @typedef {import("./types.js").Role} Role
 */
import { clock } from "./desk/clock.js";

const ROOT = "/api/v1";
const UNREACHABLE = "The service can't be reached: check the network, and whether it runs.";

/** Tells caches which catalogue's pictures are meant: another one at this address has the same numbers. */
let reader = "";

/** @param {string} key who looks at pictures from now on */
export function readAs(key) {
  reader = key;
}

/** A request that failed; the message is a sentence. */
export class ApiError extends Error {
  /**
   * @param {number} status 0: no network, no answer in time, or an answer that isn't the service's
   * @param {string} message
   * @param {number} [after] seconds that the service wants to be left alone
   */
  constructor(status, message, after = 0) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.after = after;
  }

  /** Whether the service wasn't there, or not well: what failed now may work later. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function read(response) {
  const text = await response.text();
  /** @type {any} */
  let data = null;
  try {
    if (text) data = JSON.parse(text);
  } catch {
    if (response.ok) throw new ApiError(0, UNREACHABLE); // somebody else's page: a hotel's, say
  }
  if (response.ok) return data;
  const detail = typeof data?.detail === "string" ? data.detail : `The service answered ${response.status}.`;
  throw new ApiError(response.status, detail, Number(response.headers.get("Retry-After")) || 0);
}

/**
 * @param {"GET"|"POST"|"PATCH"|"DELETE"} method
 * @param {string} path below /api/v1
 * @param {unknown} [body]
 * @param {{wait?: number, keepalive?: boolean}} how wait: ms until a network that swallows everything is none
 * @returns {Promise<any>}
 */
async function ask(method, path, body, { wait = 15_000, keepalive = false } = {}) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), wait);
  const began = performance.now();
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(ROOT + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      keepalive,
      signal: controller.signal,
    });
    clock.heard(response.headers.get("Date"), performance.now() - began);
    return await read(response);
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, UNREACHABLE);
  } finally {
    clearTimeout(timer);
  }
}

export const api = {
  /** @returns {Promise<void>} */
  health: () => ask("GET", "/health", undefined, { wait: 5000 }),
  /** @param {number} [wait] @returns {Promise<Me>} */
  me: (wait) => ask("GET", "/session", undefined, { wait }),
  /** @param {string} token @returns {Promise<Me>} */
  signIn: (token) => ask("POST", "/session", { token }),
  /** @returns {Promise<void>} */
  signOut: () => ask("DELETE", "/session"),

  /**
   * @param {number} campaign
   * @param {number} count
   * @param {number[]} have
   * @returns {Promise<import("./types.js").NextResponse>}
   */
  next: (campaign, count, have) => ask("POST", `/campaigns/${campaign}/next`, { count, have }),
  /**
   * Goes on when the page is closed meanwhile.
   * @param {number} campaign
   * @param {Vote[]} votes
   * @param {string} [voter] who cast them: should somebody else be signed in by now, the service takes none
   * @returns {Promise<import("./types.js").VotesResponse>}
   */
  votes: (campaign, votes, voter) =>
    ask("POST", `/campaigns/${campaign}/votes`, { votes, voter }, { wait: 20_000, keepalive: true }),
  /** @param {number} campaign @returns {Promise<import("./types.js").Progress>} */
  progress: (campaign) => ask("GET", `/campaigns/${campaign}/progress`),
  /**
   * @param {number} campaign
   * @param {number} after
   * @param {number} limit
   * @returns {Promise<import("./types.js").ReviewResponse>}
   */
  review: (campaign, after, limit) =>
    ask("GET", `/campaigns/${campaign}/review?after=${after}&limit=${limit}`),
  /**
   * @param {number} campaign
   * @param {Vote[]} votes
   * @param {string} [voter] who decided, as with votes
   * @returns {Promise<import("./types.js").VotesResponse>}
   */
  decide: (campaign, votes, voter) => ask("POST", `/campaigns/${campaign}/decisions`, { votes, voter }),

  /** @returns {Promise<import("./types.js").CampaignReport[]>} */
  campaigns: () => ask("GET", "/admin/campaigns"),
  /** @param {number} id @returns {Promise<import("./types.js").CampaignReport>} */
  campaign: (id) => ask("GET", `/admin/campaigns/${id}`),
  /**
   * @param {number} id
   * @param {{open: boolean}} change
   * @returns {Promise<import("./types.js").CampaignReport>}
   */
  change: (id, change) => ask("PATCH", `/admin/campaigns/${id}`, change),
  /** @returns {Promise<import("./types.js").Person[]>} */
  people: () => ask("GET", "/admin/people"),
  /**
   * @param {{name: string, role?: Role, campaigns?: number[]|null,
   *   everywhere?: boolean, days?: number}} invitation
   * @returns {Promise<import("./types.js").Invitation>}
   */
  invite: (invitation) => ask("POST", "/admin/people", invitation),
  /** @param {number} id @returns {Promise<void>} */
  revoke: (id) => ask("DELETE", `/admin/people/${id}`),

  /** @param {number} item @param {number} [size] */
  imageUrl: (item, size = 480) => `${ROOT}/items/${item}/image?size=${size}&of=${reader}`,
  /** @param {number} id @param {"csv"|"jsonl"} form @param {"votes"|"labels"} [what] */
  exportUrl: (id, form, what = "votes") => `${ROOT}/admin/campaigns/${id}/export?form=${form}&what=${what}`,
  /** @param {string} expression */
  exampleUrl: (expression) => `${ROOT}/examples/${expression}`,
};
