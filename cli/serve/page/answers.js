// An answer while it comes: asked for, waited for, drawn and kept. It goes on while another chat is shown.
import { complete, health, tooLong, Refused } from "./server.js";
import { Stream } from "./stream.js";
import { el } from "./dom.js";
import { messages } from "./conversation.js";

const poll = 2000; // ms between questions after a server that loads its model
const keepEvery = 1000; // ms

export class Answer {
  /** turn is the assistant's, empty; on has drawn(element), changed(), keep() and ended(answer), which are called as things happen. */
  constructor(turn, on) {
    this.turn = turn;
    this.box = el("div", { class: "prose" });
    this.waiting = "Thinking…"; // what it waits for, "" once text comes
    this.problem = null; // why it ended early: a Refused
    this.stopped = false;
    this.#on = on;
    this.#stream = new Stream(this.box, on.drawn);
  }

  #on;
  #stream;
  #cancel = new AbortController();
  #began = 0; // ms, of the request
  #first = 0; // of the first text
  #last = 0; // of the last
  #parts = 0; // with text
  #kept = 0;

  stop() {
    this.stopped = true;
    this.#cancel.abort();
  }

  /** run asks until there is an answer: it waits where the server loads its model or is busy. */
  async run(chat, list, model) {
    const { overflow, ...options } = chat.settings;
    let from = 0; // of list, the first turn that the model gets to see
    try {
      for (;;) {
        try {
          if (await this.#once({ model, messages: messages(chat.system, list.slice(from)), ...options })) break;
        } catch (error) {
          // A quarter goes at a time, a message with its answer at least: the answer needs room too.
          const left = list.length - from;
          if (overflow !== "shift" || error.code !== tooLong || left < 3) throw error;
          from += Math.min(Math.ceil(left / 8) * 2, left - 1);
          this.turn.left_out = from;
        }
        this.#wait("Thinking…");
      }
    } catch (error) {
      if (error.name !== "AbortError") this.problem = error instanceof Refused ? error : new Refused(String(error.message ?? error), { status: -1 });
    }
    this.waiting = "";
    this.#stream.end();
    this.#measure();
    // The server counts at the end alone; a piece is a token, or several.
    if (!this.turn.usage) this.turn.pieces = this.#parts;
    if (this.stopped) this.turn.finish_reason = "stopped";
    else if (this.problem) this.turn.finish_reason = "lost";
    this.#on.ended(this);
  }

  /** once asks, and says whether there was an answer; if not, it is time to ask again. */
  async #once(request) {
    this.#began = performance.now();
    try {
      for await (const part of complete(request, this.#cancel.signal)) this.#take(part);
      return true;
    } catch (error) {
      if (!(error instanceof Refused) || this.turn.content) throw error;
      if (error.status === 503) await this.#loaded();
      else if (error.status === 429) await this.#free(error.retryAfter || 5);
      else throw error;
      return false;
    }
  }

  #take(part) {
    const choice = part.choices?.[0];
    const text = choice?.delta?.content;
    if (text) {
      this.#last = performance.now();
      this.#first ||= this.#last;
      this.#parts++;
      this.turn.content += text;
      this.#stream.push(text);
      if (this.waiting) this.#wait("");
      if (this.#last - this.#kept > keepEvery) {
        this.#kept = this.#last;
        this.#measure();
        this.#on.keep();
      }
    }
    if (choice?.finish_reason) this.turn.finish_reason = choice.finish_reason;
    if (part.model) this.turn.model = part.model;
    if (part.usage) this.turn.usage = { prompt_tokens: part.usage.prompt_tokens, completion_tokens: part.usage.completion_tokens };
  }

  #measure() {
    if (this.#first) this.turn.timing = { first_ms: Math.round(this.#first - this.#began), total_ms: Math.round(this.#last - this.#began) };
  }

  #wait(what) {
    this.waiting = what;
    this.#on.changed();
  }

  async #loaded() {
    for (let reason; (reason = await health(this.#cancel.signal)); ) {
      this.#wait(`Waiting for the server: ${reason.replace(/\.$/, "")}.`);
      await pause(poll, this.#cancel.signal);
    }
    await pause(poll / 10, this.#cancel.signal); // it may be ready, and still refuse
  }

  async #free(seconds) {
    for (let left = Math.min(Math.ceil(seconds), 600); left > 0; left--) {
      this.#wait(`The server is busy. It will be asked again in ${left} s.`);
      await pause(1000, this.#cancel.signal);
    }
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
