// Markdown becomes elements, the same whether it comes at once or in pieces, and nothing else.
import { test, after } from "node:test";
import assert from "node:assert/strict";
import { address, open } from "./browser.mjs";
import { document as sample, markup } from "./mock.mjs";

const page = await open(address);
after(() => page.done());

/** whole is a text's elements as HTML, without what serves the screen alone. */
const whole = (text) => page.evaluate(async (text) => {
  const { markdown } = await import(new URL("page/markdown.js", document.baseURI));
  const box = document.createElement("div");
  box.append(...markdown(text));
  for (const head of box.querySelectorAll(".code-head")) head.remove();
  for (const e of box.querySelectorAll("*")) for (const name of ["lang", "tabindex", "role", "aria-label", "title", "target", "rel", "value", "scope"]) e.removeAttribute(name);
  return box.innerHTML;
}, text);

const cases = [
  ["a\nb", "<p>a<br>b</p>"],
  ["a\n\nb", "<p>a</p><p>b</p>"],
  ["# A\n## B #\n###### C", "<h3>A</h3><h4>B</h4><h6>C</h6>"],
  ["A\n===\nB\n---", "<h3>A</h3><h4>B</h4>"],
  ["#no heading", "<p>#no heading</p>"],
  ["**b** *i* ***bi*** ~~d~~ __b__ _i_", "<p><strong>b</strong> <em>i</em> <em><strong>bi</strong></em> <del>d</del> <strong>b</strong> <em>i</em></p>"],
  ["**ไทย**ต่อ", "<p><strong>ไทย</strong>ต่อ</p>"],
  ["**「引用」**です", "<p><strong>「引用」</strong>です</p>"],
  ["snake_case_name 2 * 3 * 4 **open", "<p>snake_case_name 2 * 3 * 4 **open</p>"],
  ["*a **b* c**", "<p><em>a <em><em>b</em> c</em></em></p>"], // CommonMark's rules,
  ["`a*b*` ``x`y`` `open", "<p><code>a*b*</code> <code>x`y</code> `open</p>"],
  ["\\*no\\* \\<b>", "<p>*no* &lt;b&gt;</p>"],
  ["<b>x</b> &amp;", "<p>&lt;b&gt;x&lt;/b&gt; &amp;amp;</p>"],
  ["[t](https://a.b/c_(d)) [j](javascript:x) [r][1]", '<p><a href="https://a.b/c_(d)">t</a> [j](javascript:x) [r][1]</p>'],
  ["(see https://a.b/c). <http://d.e>", '<p>(see <a href="https://a.b/c">https://a.b/c</a>). <a href="http://d.e">http://d.e</a></p>'],
  ["ดูhttps://a.b/cครับ", '<p>ดู<a href="https://a.b/c">https://a.b/c</a>ครับ</p>'],
  ["- a\n- b\n  - c\n\n  d\n- e", "<ul><li>a</li><li>b<ul><li>c</li></ul><p>d</p></li><li>e</li></ul>"],
  ["1. a\n  - b\n2. c", "<ol><li>a<ul><li>b</li></ul></li><li>c</li></ol>"],
  ["- a\nlazy\n\nout", "<ul><li>a<br>lazy</li></ul><p>out</p>"],
  ["-", "<ul><li></li></ul>"],
  ["2026. a", "<ol><li>a</li></ol>"],
  ["a\n- b", "<p>a</p><ul><li>b</li></ul>"],
  ["---\n***\n- - -", "<hr><hr><hr>"],
  ["> a\n> > b\n\nc", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>"],
  ["```js\na <b>\n\n  c\n```\nd", '<div class="code"><pre><code>a &lt;b&gt;\n\n  c</code></pre></div><p>d</p>'],
  ["~~~\n```\n~~~", '<div class="code"><pre><code>```</code></pre></div>'],
  ["````\n```\n````", '<div class="code"><pre><code>```</code></pre></div>'],
  ["```\nopen", '<div class="code"><pre><code>open</code></pre></div>'],
  ["1. a\n   ```\n   b\n   ```", '<ol><li>a<div class="code"><pre><code>b</code></pre></div></li></ol>'],
  ["|a|b|\n|-|:-:|\n|1|`x\\|y`|\n|2|", '<div class="table"><table><thead><tr><th>a</th><th class="center">b</th></tr></thead><tbody><tr><td>1</td><td class="center"><code>x|y</code></td></tr><tr><td>2</td><td class="center"></td></tr></tbody></table></div>'],
  ["a | b\nc", "<p>a | b<br>c</p>"],
  ["a\r\nb", "<p>a<br>b</p>"],
  ["", ""],
];

test("Markdown becomes these elements", async () => {
  for (const [text, html] of cases) assert.equal(await whole(text), html, JSON.stringify(text));
});

test("in pieces it becomes the same", async () => {
  const texts = [...cases.map(([text]) => text), sample, markup, `${sample}\n\n${sample}`, "```\na\n``\n```\n\n```\n\n```x\n"];
  const differ = await page.evaluate(async (texts) => {
    const { markdown } = await import(new URL("page/markdown.js", document.baseURI));
    const { Stream } = await import(new URL("page/stream.js", document.baseURI));
    const differ = [];
    for (const text of texts) {
      const want = document.createElement("div");
      want.append(...markdown(text));
      for (const size of [1, 3, 7, 50]) {
        const got = document.createElement("div");
        const done = [];
        const stream = new Stream(got, (element) => done.push(element));
        for (let i = 0; i < text.length; i += size) {
          stream.push(text.slice(i, i + size));
          stream.draw();
        }
        stream.end();
        if (got.innerHTML !== want.innerHTML) differ.push([text, size, got.innerHTML, want.innerHTML]);
        if (done.length !== got.children.length || done.some((element, i) => element !== got.children[i])) differ.push([text, size, "not each element was reported once, in order"]);
      }
    }
    return differ;
  }, texts);
  assert.deepEqual(differ, []);
});

test("what is done is not made again", async () => {
  const [made, nodes] = await page.evaluate(async () => {
    const { Stream } = await import(new URL("page/stream.js", document.baseURI));
    const box = document.createElement("div");
    document.body.append(box);
    let made = 0;
    const watch = new MutationObserver((changes) => changes.forEach((change) => (made += change.addedNodes.length)));
    watch.observe(box, { childList: true });
    const stream = new Stream(box);
    for (let i = 0; i < 2000; i++) {
      stream.push(`paragraph ${i}\n\n`);
      stream.draw();
    }
    stream.push("```\n");
    for (let i = 0; i < 2000; i++) {
      stream.push(`line ${i}\n`);
      stream.draw();
    }
    stream.end();
    await new Promise((resolve) => setTimeout(resolve));
    const nodes = box.children.length;
    box.remove();
    return [made, nodes];
  });
  assert.equal(nodes, 2001);
  assert.ok(made <= 3 * nodes, `${made} elements were made for ${nodes}`);
});

test("no text takes it long", async () => {
  const n = 50000;
  for (const text of ["*", "**a ", "_a ", "[", "[a](", "![", "`", "a`b``", "<", "> ", "- ", "  - ", "1. ", "|", "|a", "#", "~~", "\\", "http://", "(", "```\n", "\n", " ", "a\n"]) {
    assert.notEqual(await whole(text.repeat(n / text.length)), null, text);
  }
  // Nested as deep as one likes, the elements are not.
  assert.ok(!(await whole("> ".repeat(1000) + "x")).includes("<blockquote>".repeat(12)));
  assert.ok(!(await whole("*a **b ".repeat(1000) + "c** d*".repeat(1000))).includes("<em>".repeat(40)));
});

test("events come as they are, however they are cut", async () => {
  const said = await page.evaluate(async () => {
    const { events } = await import(new URL("page/sse.js", document.baseURI));
    const bytes = new TextEncoder().encode(": hi\n\ndata: ก\r\n\r\ndata:b\ndata: c\n\nevent: x\nid: 1\n\ndata: ไทย\n\ndata: cut off");
    const all = [];
    for (const size of [1, 2, 5, 1000]) {
      const body = new ReadableStream({
        start(controller) {
          for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
          controller.close();
        },
      });
      const list = [];
      for await (const data of events(body)) list.push(data);
      all.push(list);
    }
    return all;
  });
  for (const list of said) assert.deepEqual(list, ["ก", "b\nc", "ไทย"]);
});
