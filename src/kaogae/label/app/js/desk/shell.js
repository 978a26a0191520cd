/**
 * The service worker: the app's files without a network, and votes that are sent after the page was closed.
 *
 * A new version is fetched in the background and waits until nobody looks at any page of the app. Then it
 * takes over, and the pages load themselves anew while they are hidden: no page ever mixes two versions.
 */

const HOUR = 3_600_000;
/** @type {RegistrationOptions} */
const OPTIONS = { type: "module", updateViaCache: "none" };

/** Does nothing where there is no service worker: on plain http, and in some private windows. */
export async function installShell() {
  if (!("serviceWorker" in navigator)) return;
  /** @type {any} the page's policy wants addresses of scripts to come from a policy of ours */
  const types = /** @type {any} */ (window).trustedTypes;
  const policy = types?.createPolicy("kaogae-shell", { createScriptURL: (/** @type {string} */ url) => url });
  reloadWhenReplaced();
  try {
    const address = policy ? policy.createScriptURL("/sw.js") : "/sw.js";
    /** @type {ServiceWorkerRegistration|undefined} none where somebody has turned service workers off */
    const registration = await navigator.serviceWorker.register(address, OPTIONS);
    if (registration) keepFresh(registration);
  } catch {
    // The app works without it, for as long as its page is open.
  }
}

/** @param {ServiceWorkerRegistration} registration */
function keepFresh(registration) {
  let checked = Date.now();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      registration.waiting?.postMessage("take over");
    } else if (Math.abs(Date.now() - checked) > HOUR) {
      checked = Date.now();
      registration.update().catch(() => undefined);
    }
  });
}

function reloadWhenReplaced() {
  let controlled = navigator.serviceWorker.controller !== null;
  let replaced = false;
  const reload = () => {
    if (replaced && document.visibilityState === "hidden") location.reload();
  };
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    replaced = controlled; // the first one takes nothing's place
    controlled = true;
    reload();
  });
  document.addEventListener("visibilitychange", reload);
}

/** Asks the browser to wake the service worker when there is a network, should the page be closed by then. */
export async function sendLater() {
  try {
    const registration = await navigator.serviceWorker?.getRegistration();
    await /** @type {any} */ (registration)?.sync?.register("votes");
  } catch {
    // Not in this browser: the app sends when it is opened.
  }
}
