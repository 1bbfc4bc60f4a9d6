// Small things that the browser keeps for the page: in this browser, or until the tab is closed. Where it gives no
// storage, they are gone with the page.

function safely(f) {
  try {
    return f();
  } catch {
    return null; // forbidden, or full
  }
}

/** kept is what was put under a name, or null; what the tab has comes first. */
export const kept = (name) => safely(() => sessionStorage.getItem(name)) ?? safely(() => localStorage.getItem(name));

/** stays is whether it is in the browser, and not only in the tab. */
export const stays = (name) => safely(() => localStorage.getItem(name)) !== null;

/** put keeps a text in the browser, or else in the tab; "" takes it from both. */
export function put(name, text, inBrowser) {
  safely(() => sessionStorage.removeItem(name));
  safely(() => localStorage.removeItem(name));
  if (text) safely(() => (inBrowser ? localStorage : sessionStorage).setItem(name, text));
}
