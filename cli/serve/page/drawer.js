// On narrow screens the list of chats lies over the conversation while it is open.
import { byId } from "./dom.js";

/** readySidebar gives its buttons their work. */
export function readySidebar() {
  byId("open-sidebar").addEventListener("click", () => {
    set(true);
    byId("new-chat").focus();
  });
  byId("close-sidebar").addEventListener("click", closeSidebar);
  byId("shade").addEventListener("click", closeSidebar);
  byId("sidebar").addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen()) {
      event.stopPropagation();
      closeSidebar();
    }
  });
}

export const isOpen = () => byId("sidebar").classList.contains("open");

/** openSidebar shows it, where it is hidden at all. */
export const openSidebar = () => set(true);

/** closeSidebar hides it and gives the focus back to the button that opened it. */
export function closeSidebar() {
  if (!isOpen()) return;
  set(false);
  byId("open-sidebar").focus();
}

function set(open) {
  const narrow = getComputedStyle(byId("open-sidebar")).display !== "none";
  byId("sidebar").classList.toggle("open", open && narrow);
  byId("shade").hidden = !open || !narrow;
  byId("main").inert = open && narrow; // Tab stays in the list
  byId("open-sidebar").setAttribute("aria-expanded", String(open && narrow));
}
