// Markdown that grows. Only the block that is not yet done is made anew, an open code block only grows, and drawing
// takes a bounded share of the time: what an answer costs is in proportion to its length.
import { block, codeBlock, opening, closes, dedent } from "./markdown.js";

const share = 4; // between two drawings there is as many times what the first of them took
const piece = 4096; // characters of code in one text node

export class Stream {
  #box;
  #done;
  #text = ""; // behind the last block that is done
  #pending = []; // the elements that show it
  #code = null; // the open code block in front of #text
  #dirty = false;
  #timer = 0;

  /** A Stream writes into box, and calls done with each element that will not change any more. */
  constructor(box, done = () => {}) {
    this.#box = box;
    this.#done = done;
  }

  /** push adds text, which is drawn soon. */
  push(text) {
    this.#text += text;
    this.#dirty = true;
    this.#timer ||= setTimeout(() => this.draw(), 16);
  }

  /** end draws what is left. */
  end() {
    clearTimeout(this.#timer);
    this.#step();
    if (this.#code && this.#text && !closes(this.#code.open, this.#text)) this.#code.tail.data = this.#lead() + this.#text;
    for (const element of this.#pending) this.#done(element);
    this.#pending = [];
  }

  /** draw draws what was pushed. It need not be called. */
  draw() {
    clearTimeout(this.#timer);
    const from = performance.now();
    this.#step();
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      if (this.#dirty) this.draw();
    }, Math.max(16, (performance.now() - from) * share));
  }

  #step() {
    this.#dirty = false;
    this.#text = this.#text.replaceAll("\r\n", "\n");
    if (this.#code && !this.#grow()) return;
    for (const element of this.#pending) element.remove();
    this.#pending = [];
    const lines = this.#text.split("\n");
    let i = 0;
    let whole = true; // all blocks so far are done
    let kept = 0; // lines of blocks that are
    while (i < lines.length) {
      const open = whole && i < lines.length - 1 && opening(lines[i]);
      if (open) {
        this.#text = lines.slice(i + 1).join("\n");
        this.#begin(open);
        return this.#step();
      }
      const [element, next] = block(lines, i);
      // The last line may still become another one: only a whole line ends a block.
      whole &&= next < lines.length - 1;
      if (whole) kept = next;
      if (element) {
        this.#box.append(element);
        if (whole) this.#done(element);
        else this.#pending.push(element);
      }
      i = next;
    }
    this.#text = lines.slice(kept).join("\n");
  }

  #begin(open) {
    const lines = document.createTextNode(""); // whole ones
    const tail = document.createTextNode("");
    const element = codeBlock(open.language, [lines, tail]);
    this.#box.append(element);
    this.#pending = [element];
    this.#code = { open, lines, tail, element, begun: false };
  }

  /** lead is what stands in front of the code block's next line. */
  #lead() {
    return this.#code.begun ? "\n" : "";
  }

  /** grow moves whole lines of #text into the code block, and says whether one of them closed it. */
  #grow() {
    const code = this.#code;
    for (;;) {
      const end = this.#text.indexOf("\n");
      const line = end < 0 ? this.#text : this.#text.slice(0, end);
      if (end < 0) {
        // What may become the closing mark is not shown as code.
        const mark = line !== "" && code.open.mark.startsWith(line.trim());
        code.tail.data = mark || closes(code.open, line) ? "" : this.#lead() + dedent(line, code.open.indent);
        return false;
      }
      this.#text = this.#text.slice(end + 1);
      if (closes(code.open, line)) {
        code.tail.data = "";
        this.#done(code.element);
        this.#pending = [];
        this.#code = null;
        return true;
      }
      if (code.lines.length > piece) {
        code.lines = document.createTextNode("");
        code.tail.before(code.lines);
      }
      code.lines.appendData(this.#lead() + dedent(line, code.open.indent));
      code.begun = true;
    }
  }
}
