/**
 * Who is signed in on this device, remembered so that the app opens without a network. What they have cast
 * and not sent is in a database of their own: whoever signs in after them neither sees nor sends it.
 *
 * @typedef {import("../types.js").Me} Me
 */
import { ApiError, api, readAs } from "../api.js";
import { openDatabase } from "./database.js";
import { forgetPictures } from "./pictures.js";

const channel = new BroadcastChannel("kaogae");
const here = new EventTarget();
/** @type {Promise<import("./database.js").Database>|null} */
let opened = null;
const database = () => (opened ??= openDatabase("kaogae"));

/**
 * Who was signed in last, or null.
 * @returns {Promise<Me|null>}
 */
export async function remembered() {
  const note = await (await database()).run("readonly", (tables) => tables.meta.get("me"));
  if (note?.value) readAs(note.value.key);
  return note?.value ?? null;
}

/**
 * For every answer of `api.me()` and `api.signIn()`; null when nobody is signed in any more.
 * @template {Me|null} M
 * @param {M} me
 * @returns {Promise<M>} the same
 */
export async function remember(me) {
  try {
    const before = await remembered();
    await (await database()).run("readwrite", (tables) => tables.meta.put({ key: "me", value: me }));
    if (me) readAs(me.key);
    if (before?.key === me?.key) return me;
    if (before) await forgetPictures();
  } catch {
    // It can't be kept: then the app asks the service at its next start.
  }
  channel.postMessage("person");
  here.dispatchEvent(new Event("person"));
  return me;
}

/**
 * Who is signed in: as the service says, or without it as this device remembers.
 * @returns {Promise<Me>} rejects with an ApiError of status 401 if nobody is
 */
export async function whoami() {
  const known = await remembered().catch(() => null);
  try {
    return await remember(await api.me(known ? 3000 : undefined));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) await remember(null);
    else if (known) return known;
    throw error;
  }
}

/** @param {string} token @returns {Promise<Me>} */
export async function signIn(token) {
  return remember(await api.signIn(token));
}

/** What waits to be sent stays on this device until the same person signs in again. */
export async function signOut() {
  await api.signOut();
  await remember(null);
}

/**
 * @param {() => void} listener somebody signed in or out in another tab
 * @param {boolean} [own] or in this one
 * @returns {() => void} ends it
 */
export function onPersonChange(listener, own = false) {
  channel.addEventListener("message", listener);
  if (own) here.addEventListener("person", listener);
  return () => {
    channel.removeEventListener("message", listener);
    here.removeEventListener("person", listener);
  };
}
