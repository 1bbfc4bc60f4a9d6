// What went wrong, in words: what happened, what helps.

import { tooLong } from "./server.js";

/** explained is a problem's text and remedy for whoever reads the page. */
export function explained(error) {
  const { status, code, message } = error;
  if (code === tooLong) {
    return {
      text: `This chat is longer than the model's context: ${message}.`, shift: true,
      remedy: "Have it answered without the oldest messages, begin a new chat, edit an earlier message to go on from there, shorten the system prompt, or start the server with a larger --ctx.",
    };
  }
  if (code === "unanswered") return { text: message, remedy: "" };
  if (code === "connection_lost") return { text: message, remedy: "What had come is kept. Ask again, or see whether the server still runs." };
  if (status === 0) return { text: message, remedy: "See whether sealvk serve still runs, and whether this computer reaches it." };
  if (status === 401) return { text: "The server asks for an API key, or for another one.", remedy: "Enter it in the settings, then ask again." };
  if (status === 403) return { text: message, remedy: "The server was started so that it refuses this page's address." };
  if (status === 404) return { text: message, remedy: "Choose one of the server's models in the settings." };
  if (status === 413) return { text: message, remedy: "Send less text." };
  if (status === 400) return { text: message, remedy: "Change the message, or the settings of this chat." };
  return { text: message, remedy: "Ask again. If it goes on, the server's own output says more." };
}

const number = new Intl.NumberFormat();
const decimal = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const tokens = (n) => `${number.format(n)} ${n === 1 ? "token" : "tokens"}`;

/** figures says how long an answer is and how fast it came. */
export function figures({ usage, pieces, timing, finish_reason, edited, left_out, model }, served) {
  const parts = [];
  if (usage?.completion_tokens !== undefined) parts.push(tokens(usage.completion_tokens));
  else if (pieces) parts.push(`at least ${tokens(pieces)}`);
  if (timing) {
    const seconds = (timing.total_ms - timing.first_ms) / 1000;
    // The first token's time is the prompt's. What came at once has no speed that means anything.
    if (usage?.completion_tokens > 1 && seconds >= 0.1) parts.push(`${decimal.format((usage.completion_tokens - 1) / seconds)} tokens/s`);
    parts.push(`first after ${fine.format(timing.first_ms / 1000)} s`);
  }
  const ends = { length: "cut at the limit of tokens", stopped: "stopped", lost: "broken off" };
  if (ends[finish_reason]) parts.push(ends[finish_reason]);
  if (left_out) parts.push(`without the first ${number.format(left_out)} messages`);
  if (edited) parts.push("edited by you");
  if (model && served && model !== served) parts.push(model);
  return parts.join(" · ");
}

/** filled says how much of the context is in use. */
export function filled(used, all) {
  return all ? `${number.format(used)} of ${number.format(all)} tokens of context` : tokens(used);
}
