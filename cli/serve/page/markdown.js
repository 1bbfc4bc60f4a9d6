// Markdown to elements, by blocks: what models write, CommonMark's rules where they agree with that. A line break
// is kept. There is no HTML, no image and no reference: those are text.
import { el, icon, copied } from "./dom.js";
import { inline } from "./inline.js";
import { language } from "./script.js";

const deepest = 8; // nested quotes and lists; what is deeper is text
const fence = /^( {0,3})(`{3,}|~{3,})([^`]*)$/;
const heading = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const rule = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const quote = /^ {0,3}> ?/;
const item = /^( *)([-*+]|\d{1,9}[.)])(?:( +)(.*)|)$/;

export const blank = (line) => line.trim() === "";

/** markdown gives the elements of a text. */
export function markdown(text, depth = 0) {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const nodes = [];
  for (let i = 0; i < lines.length; ) {
    const [node, next] = block(lines, i, depth);
    if (node) nodes.push(node);
    i = next;
  }
  return nodes;
}

/** block gives the element that begins at a line, null for blank lines, and the line behind it. */
export function block(lines, i, depth = 0) {
  const line = lines[i];
  if (blank(line)) return [null, i + 1];
  let m;
  if ((m = opening(line))) {
    const code = [];
    for (i++; i < lines.length && !closes(m, lines[i]); i++) code.push(dedent(lines[i], m.indent));
    return [codeBlock(m.language, [code.join("\n")]), i + 1];
  }
  if ((m = heading.exec(line))) return [tagged(`h${Math.min(m[1].length + 2, 6)}`, m[2] ?? ""), i + 1];
  if (rule.test(line)) return [el("hr"), i + 1];
  if (depth < deepest && quote.test(line)) {
    const inner = [];
    for (; i < lines.length && quote.test(lines[i]); i++) inner.push(lines[i].replace(quote, ""));
    return [el("blockquote", {}, ...markdown(inner.join("\n"), depth + 1)), i];
  }
  if (depth < deepest && item.test(line)) return list(lines, i, depth);
  if (isTable(lines, i)) return table(lines, i);
  return paragraph(lines, i, depth);
}

/** opening is what a line says that opens a code block, or null. */
export function opening(line) {
  const m = fence.exec(line);
  return m && { indent: m[1].length, mark: m[2], language: m[3].trim().split(/\s/)[0] };
}

/** closes is whether a line ends the code block. */
export function closes(open, line) {
  const text = line.trim();
  return text.length >= open.mark.length && text === open.mark[0].repeat(text.length) && /^ {0,3}\S/.test(line);
}

export const dedent = (line, most) => line.slice(Math.min(most, indent(line)));

const indent = (line) => line.length - line.trimStart().length;

/** codeBlock is a code block with the button that copies what stands in it then. */
export function codeBlock(name, children) {
  const code = el("code", {}, ...children);
  const label = name ? `Code, ${name}` : "Code";
  const button = el("button", {
    type: "button", class: "copy-code", "aria-label": `Copy ${name || "code"}`,
    onclick: () => copied(button, code.textContent, (said) => button.dispatchEvent(new CustomEvent("say", { bubbles: true, detail: said }))),
  }, icon("copy"), "Copy");
  return el("div", { class: "code" },
    el("div", { class: "code-head" }, el("span", { textContent: name || "text" }), button),
    el("pre", { tabIndex: 0, role: "region", "aria-label": label }, code));
}

/** tagged is an element of one text in its language. */
function tagged(tag, text, props = {}) {
  return el(tag, { lang: language(text) || undefined, ...props }, ...inline(text.trim()));
}

function paragraph(lines, i, depth) {
  const text = [];
  for (; i < lines.length && !blank(lines[i]); i++) {
    if (text.length > 0) {
      const under = /^ {0,3}(=+|-+)[ \t]*$/.exec(lines[i]);
      if (under) return [tagged(under[1][0] === "=" ? "h3" : "h4", text.join("\n")), i + 1];
      if (interrupts(lines, i, depth)) break;
    }
    text.push(lines[i].trimStart());
  }
  return [tagged("p", text.join("\n")), i];
}

/** interrupts is whether a line ends the paragraph before it. */
function interrupts(lines, i, depth) {
  const line = lines[i];
  return opening(line) || heading.test(line) || rule.test(line) ||
    (depth < deepest && (quote.test(line) || /^ *(?:[-*+]|\d{1,9}[.)]) +\S/.test(line))) || isTable(lines, i);
}

function list(lines, i, depth) {
  const first = item.exec(lines[i]);
  const ordered = /\d/.test(first[2]);
  const left = first[1].length;
  const items = el(ordered ? "ol" : "ul");
  for (;;) {
    const m = item.exec(lines[i]);
    const from = m[1].length + m[2].length + (m[3] && m[3].length < 5 ? m[3].length : 1);
    const inner = [m[4] ?? ""];
    let gap = false;
    for (i++; i < lines.length; i++) {
      const line = lines[i];
      // Models indent by two under "1." where CommonMark asks for three.
      if (blank(line)) gap = true;
      else if (indent(line) >= left + 2) gap = false;
      else if (gap || item.test(line) || interrupts(lines, i, depth)) break;
      inner.push(dedent(line, from));
    }
    while (inner.length > 1 && blank(inner.at(-1))) inner.pop();
    const nodes = markdown(inner.join("\n"), depth + 1);
    const row = el("li");
    for (const node of nodes) {
      // A line in an item is no paragraph of its own.
      if (node.tagName === "P" && row.childNodes.length === 0) {
        row.lang = node.lang;
        row.append(...node.childNodes);
      } else row.append(node);
    }
    if (ordered) row.value = parseInt(m[2], 10);
    items.append(row);
    const next = i < lines.length ? item.exec(lines[i]) : null;
    if (!next || next[1].length >= left + 2 || /\d/.test(next[2]) !== ordered || rule.test(lines[i])) return [items, i];
  }
}

/** cells are those of a table's line: a bar with a backslash is text. */
function cells(line) {
  const bars = line.trim().replace(/^\|/, "").replace(/(^|[^\\])\|$/, "$1");
  return bars.split(/(?<!\\)\|/).map((cell) => cell.replaceAll("\\|", "|").trim());
}

function isTable(lines, i) {
  if (i + 1 >= lines.length || !lines[i].includes("|") || !/^[ \t|:-]+$/.test(lines[i + 1]) || !lines[i + 1].includes("-")) return false;
  const marks = cells(lines[i + 1]);
  return marks.every((mark) => /^:?-+:?$/.test(mark)) && marks.length === cells(lines[i]).length;
}

function table(lines, i) {
  const sides = cells(lines[i + 1]).map((mark) => (mark.endsWith(":") ? (mark.startsWith(":") ? "center" : "right") : undefined));
  const row = (line, tag) => {
    const texts = cells(line);
    return el("tr", {}, ...sides.map((side, k) => tagged(tag, texts[k] ?? "", { class: side, scope: tag === "th" ? "col" : undefined })));
  };
  const head = el("thead", {}, row(lines[i], "th"));
  const body = el("tbody");
  for (i += 2; i < lines.length && !blank(lines[i]) && lines[i].includes("|"); i++) body.append(row(lines[i], "td"));
  return [el("div", { class: "table", tabIndex: 0, role: "region", "aria-label": "Table" }, el("table", {}, head, body)), i];
}
