// The conversation stays at its end while an answer comes, unless whoever reads has scrolled up.
import { byId } from "./dom.js";

let following = true;

const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40;

/** readyScroller watches the conversation. */
export function readyScroller() {
  const box = byId("scroller");
  box.addEventListener("scroll", () => {
    following = atEnd(box);
    byId("latest").hidden = following;
  }, { passive: true });
  // Text grows between the events that say so, and the field below grows too.
  const grown = new ResizeObserver(follow);
  grown.observe(byId("turns"));
  grown.observe(box);
  byId("latest").addEventListener("click", () => {
    toEnd();
    byId("prompt").focus();
  });
}

/** follow goes to the end if it was there. */
export function follow() {
  const box = byId("scroller");
  if (following) box.scrollTop = box.scrollHeight;
  else byId("latest").hidden = atEnd(box);
}

/** toEnd goes there, and stays. */
export function toEnd() {
  following = true;
  follow();
}
