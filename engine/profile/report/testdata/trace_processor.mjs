// Runs Perfetto's trace processor on a trace:
//
//   node trace_processor.mjs FOLDER TRACE SQL...
//
// FOLDER holds trace_processor.wasm with its glue code and the decoder of its
// answers, as Perfetto's own page has them. One line of JSON is written per query: an
// array of rows. The first query that fails, or a trace that does not load, ends it.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import vm from "node:vm";

const [folder, trace, ...queries] = process.argv.slice(2);
const file = (name) => resolve(join(folder, name));

// The glue code was made for a web worker: it loads the wasm file over the net and waits for
// a message with a port. The 64-bit form of the wasm file is not there.
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = function () {};
globalThis.location = { href: pathToFileURL(file("engine_bundle.node.js")).href };
globalThis.XMLHttpRequest = class {
  open() {}
  send() {
    this.response = new Uint8Array(readFileSync(file("trace_processor.wasm"))).buffer;
  }
};
const warnings = [];
console.warn = (...line) => warnings.push(line.join(" "));
let glue = readFileSync(file("engine_bundle.node.js"), "utf8");
for (const [from, to] of [
  ["this.useMemory64 = hasMemory64Support();", "this.useMemory64 = false;"],
  ["const wasmBridge = new", "const wasmBridge = self.bridge = new"],
]) {
  if (!glue.includes(from)) throw new Error(`engine_bundle.node.js lacks ${from}`);
  glue = glue.replace(from, to);
}
vm.runInThisContext(glue);
for (let i = 0; self.bridge.reqBufferAddr === 0; i++) {
  if (i > 600) throw new Error("trace_processor.wasm does not start:\n" + warnings.join("\n"));
  await new Promise((done) => setTimeout(done, 100));
}

const { EngineBase } = await import(pathToFileURL(file("engine.mjs")).href);
const port = { postMessage: (bytes) => engine.onRpcResponseBytes(bytes) };
class Engine extends EngineBase {
  mode = "WASM";
  id = "trace";
  rpcSendRequestBytes(data) {
    port.onmessage({ data });
  }
}
const engine = new Engine();
self.bridge.initialize(port);

const bytes = readFileSync(trace);
const chunk = 16 << 20;
for (let i = 0; i < bytes.length; i += chunk) await engine.parse(new Uint8Array(bytes.subarray(i, i + chunk)));
await engine.notifyEof();

for (const sql of queries) {
  const result = await engine.query(sql);
  const rows = [];
  const it = result.iter({});
  for (; it.valid(); it.next()) {
    rows.push(Object.fromEntries(result.columns().map((c) => [c, it.get(c)])));
  }
  console.log(JSON.stringify(rows, (_, v) => (typeof v === "bigint" ? Number(v) : v)));
}
