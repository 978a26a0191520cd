/**
 * The app without a network. The service puts `SHELL` in front: the app's files, and a version that changes
 * with any of them. Pictures come from where the desk has put them; no other answer of the service is kept.
 */
import { Store } from "./js/store.js";
import { clock } from "./js/desk/clock.js";
import { Courier } from "./js/desk/courier.js";
import { remembered } from "./js/desk/person.js";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PREFIX = "kaogae-shell-";
const CACHE = PREFIX + SHELL.version;
const EXAMPLES = "kaogae-examples";
const FILES = new Set(SHELL.files);
const ONLINE = new Set(["/review", "/admin"]);

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(takeOver());
});
worker.addEventListener("fetch", (event) => {
  const answer = respond(event.request, event.clientId);
  if (answer) event.respondWith(answer);
});
worker.addEventListener("sync", (/** @type {any} */ event) => {
  if (event.tag === "votes") event.waitUntil(send());
});

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.files.map((path) => new Request(path, { cache: "reload" })));
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await worker.clients.claim();
}

/** Unless somebody looks at a page of the earlier version. */
async function takeOver() {
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  if (pages.every((page) => page.visibilityState === "hidden")) await worker.skipWaiting();
}

/**
 * @param {Request} request
 * @param {string} client which page asks
 * @returns {Promise<Response>|null} null: it is none of our business
 */
function respond(request, client) {
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== worker.location.origin) return null;
  if (/^\/api\/v1\/items\/\d+\/image$/.test(pathname)) return picture(request);
  if (pathname.startsWith("/api/v1/examples/")) return example(request);
  if (pathname.startsWith("/api/")) return null;
  if (FILES.has(pathname)) return file(request, pathname, client);
  return request.mode === "navigate" ? fetch(request).catch(() => file(request, "/", client)) : null;
}

/**
 * @param {Request} request
 * @param {string} path
 * @param {string} client
 */
async function file(request, path, client) {
  const page = new URL((await worker.clients.get(client))?.url ?? request.url).pathname;
  if (ONLINE.has(page)) return fetch(request); // the rest of such a page isn't of our version
  const cache = await caches.open(CACHE);
  return (await cache.match(path, { ignoreSearch: true, ignoreVary: true })) ?? fetch(request);
}

/**
 * A picture of another size is better than none.
 * @param {Request} request
 */
async function picture(request) {
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept) return kept;
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(request, { ignoreSearch: true, ignoreVary: true })) ?? Response.error();
  }
}

/** @param {Request} request */
async function example(request) {
  const cache = await caches.open(EXAMPLES);
  const fresh = fetch(request).then(async (response) => {
    if (response.ok) await cache.put(request, response.clone());
    return response;
  });
  fresh.catch(() => undefined);
  return (await cache.match(request, { ignoreVary: true })) ?? fresh;
}

/** What waits is sent, though no page is open. If that fails the browser tries again. */
async function send() {
  const me = await remembered();
  if (!me) return;
  const store = await Store.open(me.key);
  clock.resume((await store.recall("drift")) ?? 0);
  const courier = new Courier(store, null);
  try {
    await courier.once();
  } finally {
    await courier.stop();
    store.close();
  }
}
