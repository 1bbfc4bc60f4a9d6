// Markdown within a line: code, emphasis, links. Everything else is text.
import { el } from "./dom.js";

const deepest = 16; // nested emphasis; deeper marks stay text, since browsers lay nested elements out by recursion
const escapable = /[!-/:-@[-`{-~]/;
const link = /\[((?:[^[\]\\\n]|\\.)*)\]\(\s*<?(https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+"[^"\n]*")?\s*\)/y;
const angled = /<(https?:\/\/[^\s<>]+)>/y;
// A bare address is of ASCII alone: Thai or Chinese text goes on behind it without a space.
const bare = /https?:\/\/[!#-&(-;=?-Z_a-z~[\]%]+/y;

/** inline gives the nodes of a text. */
export function inline(text, depth = 0) {
  const frames = [{ mark: "", count: 0, nodes: [] }];
  let plain = "";
  const top = () => frames[frames.length - 1];
  const flush = () => {
    if (plain) top().nodes.push(document.createTextNode(plain));
    plain = "";
  };
  const add = (node) => {
    flush();
    top().nodes.push(node);
  };
  const match = (pattern, at) => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  // collapse makes the marks that were never closed, above frame i, text again.
  const collapse = (i) => {
    flush();
    for (const frame of frames.splice(i + 1)) {
      frames[i].nodes.push(document.createTextNode(frame.mark.repeat(frame.count)), ...frame.nodes);
    }
  };

  for (let i = 0; i < text.length; ) {
    const c = text[i];
    let m;
    if (c === "\\" && escapable.test(text[i + 1] ?? "")) {
      plain += text[i + 1];
      i += 2;
    } else if (c === "\n") {
      plain = plain.replace(/ +$/, "");
      add(el("br"));
      i++;
    } else if (c === "`") {
      const ticks = run(text, i);
      const end = closing(text, i + ticks, ticks);
      if (end < 0) {
        plain += "`".repeat(ticks);
        i += ticks;
      } else {
        let code = text.slice(i + ticks, end).replaceAll("\n", " ");
        if (/^ .*[^ ].* $/.test(code)) code = code.slice(1, -1);
        add(el("code", { textContent: code }));
        i = end + ticks;
      }
    } else if (c === "!" && text[i + 1] === "[" && depth < 2 && (m = match(link, i + 1))) {
      // Nothing is fetched for a picture: whoever wants to see it follows the link.
      add(anchor(m[2], [m[1] || m[2]]));
      i += m[0].length + 1;
    } else if (c === "[" && depth < 2 && (m = match(link, i))) {
      add(anchor(m[2], m[1] ? inline(m[1], 2) : [m[2]]));
      i += m[0].length;
    } else if (c === "<" && (m = match(angled, i))) {
      add(anchor(m[1], [m[1]]));
      i += m[0].length;
    } else if (c === "h" && depth < 2 && !/[a-z0-9]/i.test(text[i - 1] ?? "") && (m = match(bare, i))) {
      const address = trimmed(m[0]);
      add(anchor(address, [address]));
      i += address.length;
    } else if (c === "*" || c === "_" || c === "~") {
      const count = run(text, i);
      mark(c, count, text[i - 1] ?? " ", text[i + count] ?? " ");
      i += count;
    } else {
      plain += c;
      i++;
    }
  }
  collapse(0);
  return frames[0].nodes;

  function mark(c, count, before, after) {
    const opens = /\S/.test(after) && !(c === "_" && /[\p{L}\p{N}]/u.test(before));
    const closes = /\S/.test(before) && !(c === "_" && /[\p{L}\p{N}]/u.test(after));
    if (c === "~" && count !== 2) {
      plain += c.repeat(count);
      return;
    }
    while (closes && count > 0) {
      const at = frames.findLastIndex((frame) => frame.mark === c);
      if (at < 0) break;
      collapse(at);
      const frame = frames[at];
      const used = Math.min(frame.count, count, 2);
      const wrapped = el(c === "~" ? "del" : used === 2 ? "strong" : "em", {}, ...frame.nodes);
      frame.nodes = [wrapped];
      frame.count -= used;
      count -= used;
      if (frame.count === 0) {
        frames.pop();
        top().nodes.push(wrapped);
      }
    }
    if (count > 0 && opens && frames.length < deepest) {
      flush();
      frames.push({ mark: c, count, nodes: [] });
    } else {
      plain += c.repeat(count);
    }
  }
}

/** run is how often the character at i stands there. */
function run(text, i) {
  let end = i;
  while (text[end] === text[i]) end++;
  return end - i;
}

/** closing is where the next run of exactly so many backticks begins, or -1. */
function closing(text, from, ticks) {
  for (let i = text.indexOf("`", from); i >= 0; i = text.indexOf("`", i)) {
    const n = run(text, i);
    if (n === ticks) return i;
    i += n;
  }
  return -1;
}

/** trimmed is an address without the punctuation of the sentence around it. */
function trimmed(address) {
  for (;;) {
    const last = address.at(-1);
    const unbalanced = (open, close) => last === close && address.split(open).length < address.split(close).length;
    if (!/[.,;:!?*_~]/.test(last) && !unbalanced("(", ")") && !unbalanced("[", "]")) return address;
    address = address.slice(0, -1);
  }
}

/** anchor is a link that tells the other side nothing, and in its tooltip where it goes. */
function anchor(address, children) {
  return el("a", { href: address, title: address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}
